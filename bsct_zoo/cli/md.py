"""``bsct-zoo md``: run a check of molecular dynamics on models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bsct_zoo.cli import options


def md(
    context: typer.Context,
    models: options.Models,
    check: Annotated[str, options.choose(help="nve, nvt, heat, or a check of a plugin.")] = "nve",
    molecule: options.Molecules = None,
    temperature: Annotated[float, options.run(metavar="K", min=0.1, help="Initial and bath temperature.")] = 300.0,
    final_temperature: Annotated[
        float, options.run(metavar="K", min=0.1, help="Final bath temperature of 'heat'.")
    ] = 1500.0,
    time: Annotated[float, options.run(metavar="PS", min=0.001, help="Simulated time.")] = 1.0,
    dt: Annotated[float, options.run("--dt", "--step", metavar="FS", min=0.01, help="Time step.")] = 0.5,
    friction: Annotated[
        float, options.run(metavar="1/PS", min=0.0, help="Friction of the bath of nvt and heat.")
    ] = 10.0,
    seeds: Annotated[int, options.run(metavar="N", min=1, help="Runs of each molecule.")] = 1,
    seed: Annotated[int, options.run(metavar="N", min=0, help="Random seed of the first run of each molecule.")] = 0,
    relax: Annotated[bool, options.run(help="Start from the model's own minimum.")] = True,
    device: options.Device = "auto",
    dtype: Annotated[
        options.Dtype, options.run(metavar="DTYPE", help="float32 or float64 for the model; integration is in float64.")
    ] = options.Dtype.float64,
    trust: options.Trust = False,
    yes: options.Yes = False,
    by: Annotated[options.RunRows, options.output(help="Rows: models, or every run.")] = options.RunRows.model,
    trajectory: Annotated[
        Path | None,
        options.output(metavar="FOLDER", help="Write trajectories (extxyz), one file per run."),
    ] = None,
    every: Annotated[int, options.output(min=1, help="Steps between frames of a trajectory.")] = 20,
    json: options.JsonFile = None,
    csv: options.CsvFile = None,
    html: options.HtmlFile = None,
    markdown: options.Markdown = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
    state: Annotated[
        Path | None,
        options.advanced(metavar="FOLDER", help="Keep states and results here instead of the cache."),
    ] = None,
    timeout: options.Timeout = 600.0,
    no_cache: options.NoCache = False,
) -> int:
    """Run molecular dynamics with MODELS and report its stability; all molecules and seeds run as one batch.

    Rerun the same command to resume. Exit code: 0 success, 1 a model or run failed, 2 bad input.
    """
    from bsct_zoo.atoms.molecules import MOLECULES
    from bsct_zoo.cli import output
    from bsct_zoo.cli.run import debugging, exit_code, run_tasks
    from bsct_zoo.cli.weights import resolve_models
    from bsct_zoo.errors import BadInputError, UnknownNameError
    from bsct_zoo.plugins.registry import registry

    output.check_targets(json, csv, markdown, html)
    if check not in registry().checks:
        raise UnknownNameError("check", check, list(registry().checks))
    if state is not None and no_cache:
        raise BadInputError("--state keeps what --no-cache does not want kept; give one of them")
    from bsct_zoo.evaluation.md_task import check_task
    from bsct_zoo.evaluation.settings import Settings
    from bsct_zoo.report.files import csv_text
    from bsct_zoo.report.page.write import page
    from bsct_zoo.report.tables import models_table, records_table

    task = check_task(
        registry().checks[check],
        {
            "time": time,
            "dt": dt,
            "temperature": temperature,
            "final_temperature": final_temperature,
            "friction": friction,
            "seeds": seeds,
            "seed": seed,
            "relax": relax,
            "dtype": dtype.value,
        },
        molecule or MOLECULES,
        trajectories=trajectory,
        stride=every,
    )
    specs = resolve_models(models, trust=trust, yes=yes, quiet=quiet)
    settings = Settings(device=device, use_store=not no_cache, folder=state, timeout=timeout)
    results, faults = run_tasks(context, specs, [task], settings, quiet=quiet)
    draw = records_table if by is options.RunRows.system else models_table
    output.write(results, [draw(results, results.tasks[0])], csv_text, json, csv, markdown, html, page)
    output.finish(faults, debugging(context, debug), quiet)
    return exit_code(results)
