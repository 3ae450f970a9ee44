"""``bsct-zoo md``: run a check of molecular dynamics on models."""

from __future__ import annotations

from typing import Annotated

import typer

from bsct_zoo.cli import completion

MOLECULES = ("CH3CH2OH", "CH3COOH", "H3CNH2", "CH3SH")


def md(
    models: Annotated[
        list[str],
        typer.Argument(
            help="name, name:card or name:path; options after @key=value,...", autocompletion=completion.models
        ),
    ],
    check: Annotated[str, typer.Option(help="Which check.")] = "nve",
    molecule: Annotated[list[str] | None, typer.Option(help="Molecule of ASE's g2 set, or a structure file.")] = None,
    temperature: Annotated[float, typer.Option(min=0.1, help="Of the start, K.")] = 300.0,
    time: Annotated[float, typer.Option(min=0.001, help="Simulated time, ps.")] = 1.0,
    step: Annotated[float, typer.Option(min=0.01, help="Time step, fs.")] = 0.5,
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each molecule.")] = 1,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    trust: Annotated[bool, typer.Option("--trust", help="Load files that can execute code and no card knows.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Fetch weights that are missing without asking.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks and the models' own output.")] = False,
) -> int:
    """Run molecular dynamics with MODELS, all molecules as one batch, and say how well energy is conserved."""
    from rich.console import Console
    from rich.table import Table

    from bsct_zoo.checks import CheckSettings
    from bsct_zoo.cli.weights import ready_models
    from bsct_zoo.errors import ModelError, UnknownNameError
    from bsct_zoo.plugins.registry import registry
    from bsct_zoo.report.layout import number
    from bsct_zoo.runtime.load import load_potential

    if check not in registry().checks:
        raise UnknownNameError("check", check, list(registry().checks))
    chosen = registry().checks[check]
    specs = ready_models(models, trust=trust, yes=yes)
    systems = [_system(name) for name in molecule or MOLECULES for _ in range(seeds)]
    settings = CheckSettings(temperature=temperature, time_ps=time, step_fs=step)
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0), title_justify="left")
    table.title = f"{chosen.name}: {time:g} ps, {step:g} fs, started at {temperature:g} K"
    table.add_column("model", overflow="fold")
    table.add_column("system")
    for name, unit in chosen.units.items():
        table.add_column(f"{name.replace('_', ' ')}\n{unit}", justify="right")
    failed = False
    for spec in specs:
        try:
            with load_potential(
                spec.adapter, spec.card, device=device, dtype="float64", options=dict(spec.options)
            ) as potential:
                runs = chosen.run(potential, systems, settings)
        except ModelError as error:
            failed = True
            table.add_row(spec.text, f"failed: {error}")
            continue
        for run in runs:
            failed = failed or run.status == "failed"
            values = [run.values.get(name) for name in chosen.units]
            cells = ["–" if value is None else number(value) for value in values]
            table.add_row(spec.text, run.system + (f" ({run.message})" if run.message else ""), *cells)
    Console(highlight=False).print(table)
    return int(failed)


def _system(name: str):  # type: ignore[no-untyped-def]  # ase is imported late, for the sake of --help
    from pathlib import Path

    from ase import Atoms
    from ase.build import molecule
    from ase.io import read

    from bsct_zoo.errors import BadInputError

    try:
        atoms = read(name, index=-1) if Path(name).exists() else molecule(name)
    except KeyError as error:
        raise BadInputError(f"'{name}' is neither a file nor a molecule of ASE's g2 set, such as CH3CH2OH") from error
    except Exception as error:
        raise BadInputError(f"cannot read a structure from {name}: {error}") from error
    assert isinstance(atoms, Atoms)
    atoms.info["name"] = Path(name).stem
    return atoms
