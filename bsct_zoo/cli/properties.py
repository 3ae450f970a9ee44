"""``bsct-zoo properties``: structures, frequencies, barriers, elasticity and phonons by models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bsct_zoo.cli import completion, options

if TYPE_CHECKING:
    from bsct_zoo.models.naming import ModelSpec
    from bsct_zoo.properties.systems import System


def properties(
    context: typer.Context,
    models: options.Models,
    molecule: options.Molecules = None,
    crystal: options.Crystals = None,
    what: Annotated[
        str | None,
        options.choose(
            help="relax,frequencies,barrier,atomisation of molecules; eos,elastic,phonons of crystals. "
            "Default: all but phonons."
        ),
    ] = None,
    reference: Annotated[
        str,
        options.choose(help="Model that errors are taken against, or none.", autocompletion=completion.models),
    ] = "none",
    force: Annotated[float, options.run(min=1e-6, help="Largest force of a relaxed structure, eV/Å.")] = 1e-3,
    steps: Annotated[int, options.run(min=1, help="Maximum number of relaxation steps.")] = 1000,
    device: options.Device = "auto",
    dtype: options.DtypeOption = options.Dtype.float64,
    trust: options.Trust = False,
    yes: options.Yes = False,
    by: Annotated[
        options.PropertyRows, options.output(help="Rows: models, systems, or every number.")
    ] = options.PropertyRows.model,
    json: options.JsonFile = None,
    csv: options.CsvFile = None,
    html: options.HtmlFile = None,
    markdown: options.Markdown = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
    max_batch_atoms: options.MaxBatchAtoms = None,
    timeout: options.Timeout = 600.0,
    no_cache: options.NoCache = False,
) -> int:
    """Measure structures, frequencies, barriers, elasticity and phonons with MODELS, and errors against a reference.

    Exit code: 0 success, 1 a model or system failed, 2 bad input.
    """
    from bsct_zoo.cli import output
    from bsct_zoo.cli.run import debugging, exit_code, run_tasks
    from bsct_zoo.cli.weights import resolve_models

    output.check_targets(json, csv, markdown, html)
    wanted = _what(what, molecule, crystal)
    systems = _systems(wanted, molecule, crystal)
    named = [] if reference == "none" else [reference]
    *specs, last = resolve_models([*models, *named], trust=trust, yes=yes, quiet=quiet)
    truth = last if named else None
    specs = specs if named else [*specs, last]
    from bsct_zoo.evaluation.property_task import PropertyTask
    from bsct_zoo.evaluation.settings import Settings
    from bsct_zoo.properties.measured import PropertySettings
    from bsct_zoo.report.files import quantities_csv
    from bsct_zoo.report.page.write import page
    from bsct_zoo.report.tables import models_table, quantities_table, records_table

    measure = PropertySettings(what=wanted, max_force=force, max_steps=steps)
    settings = Settings(device=device, max_batch_atoms=max_batch_atoms, use_store=not no_cache, timeout=timeout)
    task = PropertyTask(systems, measure, dtype.value)
    results, faults = run_tasks(context, specs, [task], settings, reference=truth, quiet=quiet)
    draw = {"model": models_table, "system": records_table, "quantity": quantities_table}
    layout = draw[by.value](results, results.tasks[0])
    near = None if truth else _near(specs)
    if near is not None:
        layout.remarks = [remark.replace("--reference MODEL", f"--reference {near}") for remark in layout.remarks]
    output.write(results, [layout], quantities_csv, json, csv, markdown, html, page)
    output.finish(faults, debugging(context, debug), quiet)
    return exit_code(results)


def _what(text: str | None, molecule: list[str] | None, crystal: list[str] | None) -> tuple[str, ...]:
    """Properties in the order in which they are measured, checked."""
    from bsct_zoo.errors import BadInputError, UnknownNameError
    from bsct_zoo.properties.measured import CRYSTALLINE, MOLECULAR
    from bsct_zoo.properties.phonons import require_phonopy

    known = (*MOLECULAR, *CRYSTALLINE)
    if text is None:
        return tuple(name for name in known if name != "phonons")
    names = [name.strip() for name in text.split(",") if name.strip()]
    for name in names:
        if name not in known:
            raise UnknownNameError("property", name, list(known))
    if not names:
        raise BadInputError(f"--what names no property; known: {', '.join(known)}")
    for given, option, mine in ((molecule, "--molecule", MOLECULAR), (crystal, "--crystal", CRYSTALLINE)):
        if given and not set(names) & set(mine):
            raise BadInputError(f"{option} is of no use without one of {', '.join(mine)} in --what")
    if "phonons" in names:
        require_phonopy()
    return tuple(name for name in known if name in names)


def _systems(wanted: tuple[str, ...], molecule: list[str] | None, crystal: list[str] | None) -> list[System]:
    """What the user named, or else the defaults of what is wanted."""
    from bsct_zoo.properties import systems
    from bsct_zoo.properties.measured import CRYSTALLINE, MOLECULAR

    asked = bool(molecule or crystal)
    found = []
    if set(wanted) & set(MOLECULAR):
        names = molecule or (() if asked else systems.MOLECULES)
        found += [systems.molecule(name, asked) for name in dict.fromkeys(names)]
    if set(wanted) & set(CRYSTALLINE):
        crystals = crystal or (() if asked else tuple(systems.CRYSTALS))
        found += [systems.crystal(name, asked) for name in dict.fromkeys(crystals)]
    return found


def _near(specs: list[ModelSpec]) -> str | None:
    """A model that is itself the level of theory that most of ``specs`` imitate, to be suggested as their reference."""
    from bsct_zoo.plugins.registry import registry

    levels = {spec.card.level_of_theory.partition(" (")[0] for spec in specs}
    for adapter in registry().adapters.values():
        for card in adapter.cards:
            itself = card.checkpoint is None and not card.url and card.parameters is None
            if itself and card.level_of_theory in levels and not any(spec.adapter == adapter for spec in specs):
                return adapter.name if card == adapter.cards[0] else f"{adapter.name}:{card.name}"
    return None
