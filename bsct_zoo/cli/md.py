"""``bsct-zoo md``: run a check of molecular dynamics on models."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bsct_zoo.cli import completion
from bsct_zoo.cli.compare import Dtype

if TYPE_CHECKING:
    pass


class By(StrEnum):
    """What rows are."""

    model = "model"
    system = "system"


def md(
    context: typer.Context,
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...",
            help="name, name:card or name:path; options after @key=value,...",
            autocompletion=completion.models,
        ),
    ],
    check: Annotated[str, typer.Option(help="nve, nvt, heat, or a check of a plugin.")] = "nve",
    molecule: Annotated[
        list[str] | None,
        typer.Option(help="Molecule of ASE's g2 set, or a structure file; again for more. Default: 18 small ones."),
    ] = None,
    temperature: Annotated[float, typer.Option(min=0.1, help="Of the start and of the bath, K.")] = 300.0,
    final_temperature: Annotated[float, typer.Option(min=0.1, help="Of the bath when 'heat' ends, K.")] = 1500.0,
    time: Annotated[float, typer.Option(min=0.001, help="Simulated time, ps.")] = 1.0,
    step: Annotated[float, typer.Option(min=0.01, help="Time step, fs.")] = 0.5,
    friction: Annotated[float, typer.Option(min=0.0, help="Of the bath of nvt and heat, 1/ps.")] = 10.0,
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each molecule.")] = 1,
    seed: Annotated[int, typer.Option(min=0, help="Of the first run of each molecule.")] = 0,
    relax: Annotated[bool, typer.Option(help="Start from the model's own minimum.")] = True,
    by: Annotated[By, typer.Option(help="Rows: models, or every run.")] = By.model,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    dtype: Annotated[Dtype, typer.Option(help="What models compute in; integration is in float64.")] = Dtype.float64,
    trajectory: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write trajectories (extxyz), a file for each run.")
    ] = None,
    every: Annotated[int, typer.Option(min=1, help="Steps from one frame of a trajectory to the next.")] = 20,
    json: Annotated[
        str | None, typer.Option(metavar="FILE|-", help="Write JSON, schema 1; - for standard output.")
    ] = None,
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="Write CSV, a line for each run.")] = None,
    state: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Keep states and results there, not in the cache.")
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Neither read nor keep states and results.")] = False,
    trust: Annotated[bool, typer.Option("--trust", help="Load files that can execute code and no card knows.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Fetch weights that are missing without asking.")] = False,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds that a model may be silent.")] = 600.0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks and the models' own output.")] = False,
) -> int:
    """Run molecular dynamics with MODELS, all molecules and seeds as one batch, and say how stable it is.

    The same command goes on where it was stopped. Exit code: 0 all done, 1 some model or run failed, 2 bad input.
    """
    from bsct_zoo.atoms.molecules import MOLECULES, system
    from bsct_zoo.cli import output
    from bsct_zoo.cli.weights import resolve_models
    from bsct_zoo.errors import BadInputError, UnknownNameError
    from bsct_zoo.evaluation.md_request import require_time
    from bsct_zoo.plugins.checks import CheckSettings
    from bsct_zoo.plugins.registry import registry

    debug = debug or bool(context.find_root().params.get("debug"))
    output.check_targets(json, csv, False)
    if check not in registry().checks:
        raise UnknownNameError("check", check, list(registry().checks))
    if state is not None and no_cache:
        raise BadInputError("--state keeps what --no-cache does not want kept; give one of them")
    require_time(time, step)
    systems = [system(name, number) for name in molecule or MOLECULES for number in range(seed, seed + seeds)]
    specs = resolve_models(models, trust=trust, yes=yes)
    from bsct_zoo.evaluation.md_run import MDSettings, run_models
    from bsct_zoo.report import md_tables as tables
    from bsct_zoo.report.md_progress import MDProgress

    physics = CheckSettings(
        temperature=temperature,
        time_ps=time,
        dt_fs=step,
        seed=seed,
        friction=friction,
        final_temperature=final_temperature,
        relax=relax,
    )
    settings = MDSettings(
        physics=physics,
        device=device,
        dtype=dtype.value,
        keep=state,
        use_cache=not no_cache,
        trajectories=trajectory,
        stride=every,
        timeout=timeout,
    )
    with output.stdout_kept_clean(), MDProgress([spec.text for spec in specs], quiet) as progress:
        report = run_models(specs, registry().checks[check], systems, settings, progress)
    table = tables.runs_table(report) if by is By.system else tables.models_table(report)
    output.write(report, [table], tables.csv_text, json, csv)
    for row in report.rows:
        if debug and row.log_tail:
            print(f"--- last words of {row.model} ---\n{row.log_tail.rstrip()}", file=sys.stderr)
    problems = [f"{row.model}: {row.message}" for row in report.rows if row.bad_input]
    problems += filter(None, [report.problem])
    if problems:  # said last, when every result is written
        raise BadInputError("; ".join(problems))
    return int(any(row.status != "ok" for row in report.rows))
