"""``bsct-zoo bench``: how fast models are on this machine."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bsct_zoo.cli import options

if TYPE_CHECKING:
    from bsct_zoo.models.naming import ModelSpec


def bench(
    context: typer.Context,
    models: options.Models,
    atoms: Annotated[
        str, options.choose(metavar="N,...", help="Atoms of a system; rounded to molecules of ethanol.")
    ] = "9,45,225,900",
    frames: Annotated[str, options.choose(metavar="N,...", help="Systems in a batch; 1 always among them.")] = "8,64",
    calculator: Annotated[
        bool, options.choose(help="The package's own ASE calculator, one system at a time, beside each model.")
    ] = False,
    repeats: Annotated[int, options.run(min=1, help="Calls of each batch at least, after one more.")] = 3,
    largest: Annotated[int, options.run(min=1, help="Atoms of a batch of several systems at most.")] = 4096,
    seconds: Annotated[float, options.run(min=0.001, help="Leave batches out that take longer.")] = 10.0,
    device: options.Device = "auto",
    dtype: options.DtypeOption = options.Dtype.float32,
    trust: options.Trust = False,
    yes: options.Yes = False,
    figure: Annotated[
        Path | None, options.output(metavar="FILE", help="Draw throughput against size (.png, .svg or .pdf).")
    ] = None,
    json: options.JsonFile = None,
    csv: options.CsvFile = None,
    markdown: options.Markdown = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
    timeout: options.Timeout = 600.0,
) -> int:
    """Time MODELS on this machine: batches of few and many systems, small and large; nothing is kept.

    Exit code: 0 success, 1 a model failed, 2 bad input.
    """
    from bsct_zoo.cli import output
    from bsct_zoo.cli.run import debugging, exit_code, run_tasks
    from bsct_zoo.cli.weights import resolve_models
    from bsct_zoo.evaluation.settings import Settings
    from bsct_zoo.evaluation.speed_task import SpeedTask
    from bsct_zoo.report.figures import style
    from bsct_zoo.report.files import csv_text
    from bsct_zoo.report.speed import speed_table
    from bsct_zoo.report.tables import models_table

    output.check_targets(json, csv, markdown)
    if figure is not None:
        style.check_format(figure)
    task = SpeedTask(_numbers(atoms, "--atoms"), _numbers(frames, "--frames"), repeats, largest, seconds)
    specs = resolve_models(models, trust=trust, yes=yes, quiet=quiet)
    if calculator:
        specs = [one for spec in specs for one in (spec, *_own(spec))]
    settings = Settings(device=device, dtype=dtype.value, use_store=False, timeout=timeout)
    results, faults = run_tasks(context, specs, [task], settings, quiet=quiet)
    info = results.tasks[0]
    output.write(results, [models_table(results, info), speed_table(results, info)], csv_text, json, csv, markdown)
    if figure is not None:
        from bsct_zoo.report.figures.speed import speed_figure

        with style.style():
            style.write_figure(speed_figure(info, results.rows, "column"), figure)
    output.finish(faults, debugging(context, debug), quiet)
    return exit_code(results)


def _numbers(text: str, option: str) -> list[int]:
    """Whole numbers of one or more between commas."""
    from bsct_zoo.errors import BadInputError

    words = [word.strip() for word in text.split(",")]
    if not all(word.isdigit() and int(word) > 0 for word in words):
        raise BadInputError(f"{option} takes whole numbers above zero with commas between them, not '{text}'")
    return [int(word) for word in words]


def _own(spec: ModelSpec) -> list[ModelSpec]:
    """The package's own calculator of the same weights; none if it has none."""
    path = spec.adapter.calculator
    if path is None:
        return []
    return [replace(spec, text=f"{spec.text} (ASE)", adapter=replace(spec.adapter, loader=path))]
