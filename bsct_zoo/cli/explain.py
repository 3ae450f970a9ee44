"""``bsct-zoo explain``: why a scan of a model is bad."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bsct_zoo.cli import completion, options

if TYPE_CHECKING:
    from bsct_zoo.evaluation.results import Record
    from bsct_zoo.evaluation.scan_task import ScanTask
    from bsct_zoo.evaluation.settings import Settings
    from bsct_zoo.plugins.tasks import Item
    from bsct_zoo.suites.scan import Scan


def explain(
    context: typer.Context,
    model: options.Model,
    scan: Annotated[str | None, typer.Argument(metavar="[SCAN]", help="Id of a scan; the worst by default.")] = None,
    suite: Annotated[
        str, options.choose("--suite", metavar="SUITE", help="Name or file.", autocompletion=completion.suites)
    ] = "core",
    only: options.Only = None,
    limit: options.Limit = None,
    n: Annotated[int, options.choose("--worst", "-n", min=1, help="How many of the worst scans to list.")] = 5,
    device: options.Device = "auto",
    dtype: options.DtypeOption = options.Dtype.float32,
    trust: options.Trust = False,
    yes: options.Yes = False,
    frames: Annotated[
        Path | None,
        options.output(metavar="FOLDER", help="Write the two frames of the deciding step (extxyz), with forces."),
    ] = None,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
    no_cache: options.NoCache = False,
) -> int:
    """Show the worst scans of MODEL, where and why, and what other models of the cache do there.

    Exit code: 0 success, 1 the model or a scan failed, 2 bad input.
    """
    from dataclasses import replace

    from rich.console import Console

    from bsct_zoo.cli import output
    from bsct_zoo.cli.run import debugging, exit_code, run_tasks
    from bsct_zoo.cli.weights import resolve_models
    from bsct_zoo.errors import BadInputError
    from bsct_zoo.evaluation.scan_task import ScanTask
    from bsct_zoo.evaluation.settings import Settings
    from bsct_zoo.report import explanation
    from bsct_zoo.report.reasons import worst_records
    from bsct_zoo.suites.library import open_suite

    chosen = open_suite(suite).select(only=only, limit=limit)
    if scan is not None:
        chosen = replace(chosen, scans=(chosen[scan],))
    if not any(one.referenced.any() for one in chosen):
        raise BadInputError(f"suite '{chosen.name}' has no reference, so no FSD to explain; see: bsct-zoo compare")
    if frames is not None and frames.exists() and not frames.is_dir():
        raise BadInputError(f"{frames} is not a folder; name one for --frames")
    (spec,) = resolve_models([model], trust=trust, yes=yes, quiet=quiet)
    task = ScanTask(chosen)
    settings = Settings(device=device, dtype=dtype.value, use_store=not no_cache)
    results, faults = run_tasks(context, [spec], [task], settings, quiet=quiet)
    evaluation = results.rows[0].evaluations[task.name]
    output.finish(faults, debugging(context, debug), quiet)
    worst = worst_records(evaluation)
    if not worst:
        raise BadInputError(f"{model} has no FSD on {chosen.name}: {evaluation.message or 'no scan has a reference'}")
    console = Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
    if scan is None:
        layout = explanation.worst_layout(spec.text, chosen.name, worst[:n], len(evaluation.records))
        explanation.draw_list(layout, console)
        console.print()
    item = next(item for item in task.items if item.id == worst[0].id)
    others = _others(settings, task, item, f"{spec.adapter.name}:{spec.card.name}")
    explanation.draw_scan(item.subject, spec.text, worst[0], others, console)
    if frames is not None:
        _write_frames(frames, item.subject, spec.text, worst[0], settings)
    return exit_code(results)


def _others(settings: Settings, task: ScanTask, item: Item, own: str) -> dict[str, Record]:
    """Records of the scan of every other model that was asked about it before."""
    from bsct_zoo.evaluation.answers import kept_answers
    from bsct_zoo.evaluation.records import record_of
    from bsct_zoo.evaluation.store import Store

    if not settings.use_store:
        return {}
    kept = kept_answers(Store(settings.store_folder), task, item)
    return {name: record_of(task, item, answer) for name, answer in kept.items() if name != own}


def _write_frames(folder: Path, scan: Scan, model: str, record: Record, settings: Settings) -> None:
    """The frames of the deciding step, one file each.

    Raises:
        BadInputError: nothing decides, or the forces are not kept.
    """
    from bsct_zoo.errors import BadInputError
    from bsct_zoo.evaluation.store import Store
    from bsct_zoo.report.explanation import deciding_frames
    from bsct_zoo.report.frames import write_frame

    steps = deciding_frames(scan, record)
    if steps is None:
        raise BadInputError(f"no step decides {scan.id}, so there are no frames to write")
    answer = Store(settings.store_folder).at(record.answer) if record.answer else None
    folder.mkdir(parents=True, exist_ok=True)
    for frame in steps:
        print(f"wrote {write_frame(folder, scan, frame, model, None if answer is None else answer.arrays)}")
