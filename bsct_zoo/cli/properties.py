"""``bsct-zoo properties``: structures, frequencies, barriers, elasticity and phonons by models."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bsct_zoo.cli import completion
from bsct_zoo.cli.compare import Dtype

if TYPE_CHECKING:
    from bsct_zoo.evaluation.properties_run import Watcher
    from bsct_zoo.models.naming import ModelSpec
    from bsct_zoo.properties.systems import System


class By(StrEnum):
    """What rows are."""

    model = "model"
    system = "system"
    quantity = "quantity"


def properties(
    context: typer.Context,
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...",
            help="name, name:card or name:path; options after @key=value,...",
            autocompletion=completion.models,
        ),
    ],
    molecule: Annotated[
        list[str] | None,
        typer.Option(help="Molecule of ASE's g2 set, or a structure file; again for more. Default: 16 small ones."),
    ] = None,
    crystal: Annotated[
        list[str] | None,
        typer.Option(help="Si, Al, Cu, NaCl, MgO, or a structure file; again for more. Default: those it knows."),
    ] = None,
    what: Annotated[
        str | None,
        typer.Option(
            help="relax,frequencies,barrier,atomisation of molecules; eos,elastic,phonons of crystals. "
            "Default: all but phonons."
        ),
    ] = None,
    reference: Annotated[
        str,
        typer.Option(help="Model that errors are taken against, or none.", autocompletion=completion.models),
    ] = "none",
    by: Annotated[By, typer.Option(help="Rows: models, systems, or every number.")] = By.model,
    force: Annotated[float, typer.Option(min=1e-6, help="Largest force of a relaxed structure, eV/Å.")] = 1e-3,
    steps: Annotated[int, typer.Option(min=1, help="Steps of a relaxation at most.")] = 1000,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    dtype: Annotated[Dtype, typer.Option(help="What models compute in.")] = Dtype.float64,
    max_batch_atoms: Annotated[int | None, typer.Option(min=1, help="Atoms that fill a batch.")] = None,
    json: Annotated[
        str | None, typer.Option(metavar="FILE|-", help="Write JSON, schema 1; - for standard output.")
    ] = None,
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="Write CSV, a line for each number.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the table as Markdown.")] = False,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Neither read nor keep measurements.")] = False,
    trust: Annotated[bool, typer.Option("--trust", help="Load files that can execute code and no card knows.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Fetch weights that are missing without asking.")] = False,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds that a model may be silent.")] = 600.0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks and the models' own output.")] = False,
) -> int:
    """Measure what MODELS say of molecules and crystals, with errors against a reference measured by the same code.

    Exit code: 0 all done, 1 some model or system failed, 2 bad input.
    """
    from bsct_zoo.cli import output
    from bsct_zoo.cli.weights import resolve_models
    from bsct_zoo.errors import BadInputError

    debug = debug or bool(context.find_root().params.get("debug"))
    output.check_targets(json, csv, markdown)
    wanted = _what(what, molecule, crystal)
    systems = _systems(wanted, molecule, crystal)
    named = [] if reference == "none" else [reference]
    *specs, last = resolve_models([*models, *named], trust=trust, yes=yes)
    truth = last if named else None
    specs = specs if named else [*specs, last]
    from bsct_zoo.evaluation.properties_run import RunSettings, run_models
    from bsct_zoo.properties.measured import Settings
    from bsct_zoo.report import properties_tables as tables

    settings = RunSettings(
        measure=Settings(what=wanted, max_force=force, max_steps=steps),
        device=device,
        dtype=dtype.value,
        max_batch_atoms=max_batch_atoms,
        use_cache=not no_cache,
        timeout=timeout,
    )
    with output.stdout_kept_clean():
        report = run_models(specs, truth, systems, settings, _watcher(quiet))
    draw = {By.model: tables.models_table, By.system: tables.systems_table, By.quantity: tables.quantities_table}
    table = draw[by](report, None if truth else _near(specs))
    output.write(report, [table], tables.csv_text, json, csv, markdown)
    rows = [*report.rows, *filter(None, [report.reference])]
    for row in rows:
        if debug and row.log_tail:
            print(f"--- last words of {row.model} ---\n{row.log_tail.rstrip()}", file=sys.stderr)
    problems = [f"{row.model}: {row.message}" for row in rows if row.bad_input]
    problems += filter(None, [report.problem])
    if problems:  # said last, when every result is written
        raise BadInputError("; ".join(dict.fromkeys(problems)))
    return int(any(row.status != "ok" for row in rows))


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


def _watcher(quiet: bool) -> Watcher:
    from bsct_zoo.evaluation.properties_run import Watcher

    class Lines(Watcher):
        """A line on standard error for each step of each model."""

        def message(self, model: str, text: str) -> None:
            if not quiet:
                print(f"{model}: {text}", file=sys.stderr)

    return Lines()
