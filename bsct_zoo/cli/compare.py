"""``bsct-zoo compare``: put suites, and other tasks beside them, to models."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bsct_zoo.cli import completion, options

if TYPE_CHECKING:
    from bsct_zoo.evaluation.results import Results
    from bsct_zoo.plugins.tasks import Task
    from bsct_zoo.report.layout import Layout


def compare(
    context: typer.Context,
    models: options.Models,
    suite: options.Suites = ["core"],  # noqa: B006
    only: options.Only = None,
    limit: options.Limit = None,
    task: Annotated[
        list[str] | None,
        options.choose(
            "--task",
            "--md",
            metavar="TASK",
            help="Another task beside the suites: nve, nvt, heat, 'nve@time=0.5,temperature=500', or a "
            "plugin's; repeatable.",
        ),
    ] = None,
    refine: Annotated[
        bool,
        options.choose("--refine", help="Zoom in between the frames and count true steps of energy and forces."),
    ] = False,
    device: options.Device = "auto",
    dtype: options.DtypeOption = options.Dtype.float32,
    jobs: options.Jobs = 1,
    processes: options.Processes = "0",
    ray: Annotated[
        str,
        options.run(
            "--ray",
            metavar="ADDRESS",
            help="Compute on a Ray cluster: its address, 'auto' for the one that runs here, 'local' to start one.",
        ),
    ] = "",
    ray_cpus: Annotated[float, options.run("--ray-cpus", min=0.01, help="Cores of each process there.")] = 1.0,
    ray_gpus: Annotated[float, options.run("--ray-gpus", min=0.0, help="GPUs of each process there, as 0.25.")] = 0.0,
    trust: options.Trust = False,
    yes: options.Yes = False,
    metric: Annotated[
        list[str] | None,
        options.output(help="Columns of the table; repeatable.", autocompletion=completion.metrics),
    ] = None,
    sort: Annotated[
        str | None,
        options.output(help="Column that ranks the rows.", autocompletion=completion.metrics),
    ] = None,
    by: Annotated[
        options.Columns, options.output(help="Columns: metrics, or groups for one metric.")
    ] = options.Columns.metric,
    json: options.JsonFile = None,
    csv: options.CsvFile = None,
    html: options.HtmlFile = None,
    full: options.Full = False,
    markdown: options.Markdown = False,
    against: Annotated[
        Path | None,
        options.output(metavar="FILE", help="JSON of an earlier run; report significant changes."),
    ] = None,
    fail_if: Annotated[
        list[str] | None,
        options.output(
            metavar="CONDITION", help="Exit with code 3 if a model meets it: 'fsd_full>50', or 'worse' with --against."
        ),
    ] = None,
    slurm: Annotated[
        bool,
        options.output("--slurm", help="Run nothing; print a job script of Slurm, an array with a job for each model."),
    ] = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
    max_batch_atoms: options.MaxBatchAtoms = None,
    timeout: options.Timeout = 600.0,
    no_cache: options.NoCache = False,
    seed: Annotated[int, options.advanced(min=0, help="Random seed for --limit.")] = 0,
) -> int:
    """Test MODELS on the scans of a suite and rank them by smoothness.

    Exit code: 0 success, 1 a model, scan or run failed, 2 bad input, 3 a condition of --fail-if is met.
    """
    from bsct_zoo.analysis.gate import Gate
    from bsct_zoo.cli import output
    from bsct_zoo.cli.run import debugging, exit_code, run_tasks
    from bsct_zoo.cli.weights import resolve_models
    from bsct_zoo.errors import BadInputError
    from bsct_zoo.evaluation.settings import Settings, processes_of
    from bsct_zoo.models.naming import named_model

    output.check_targets(json, csv, markdown, html)
    for model in models:  # before anything that takes time
        named_model(model)
    named = [name for text in suite for name in text.split(",") if name]
    tasks = _tasks(named, only, limit, seed, task or [], refine)
    names, rank = _columns(tasks, metric, sort, fail_if or [])
    gate = Gate.read(fail_if or [], against, _known(tasks))
    if slurm:
        from bsct_zoo.cli.slurm import script

        print(script(context, models, device), end="")
        return 0
    asked = processes_of(processes)
    if ray and asked:
        raise BadInputError("--ray has processes of its own; leave --processes away, and see --ray-cpus")
    specs = resolve_models(models, trust=trust, yes=yes, quiet=quiet)
    gate.check(tasks, [spec.text for spec in specs])
    from bsct_zoo.report.files import csv_text

    settings = Settings(
        device=device,
        dtype=dtype.value,
        max_batch_atoms=max_batch_atoms,
        jobs=len(specs) if ray else jobs,
        processes=asked,
        cluster=ray,
        cluster_cpus=ray_cpus,
        cluster_gpus=ray_gpus,
        use_store=not no_cache,
        timeout=timeout,
    )
    results, faults = run_tasks(context, specs, tasks, settings, quiet=quiet)
    layouts = _layouts(results, names, rank, by is options.Columns.bond, bool(metric))
    changes = gate.changes(results, names)
    if gate.baseline is not None:
        from bsct_zoo.report.selection import changed

        layouts.append(changed(changes, str(against)))
    output.write(results, layouts, csv_text, json, csv, markdown, html, lambda found: _page(found, tasks, full))
    output.finish(faults, debugging(context, debug), quiet)
    met = gate.met(results, changes)
    for reason in met:
        print(f"failed: {reason}", file=sys.stderr)
    if not met:
        gate.refuse_no_verdict(changes)
    return 3 if met else exit_code(results)


def _page(results: Results, tasks: Sequence[Task], full: bool) -> str:
    """The report as HTML; the suites are at hand."""
    from bsct_zoo.evaluation.scan_task import ScanTask
    from bsct_zoo.report.page.write import page

    return page(results, {task.name: task.suite for task in tasks if isinstance(task, ScanTask)}, full=full)


def _tasks(
    suites: Sequence[str], only: str | None, limit: int | None, seed: int, texts: Sequence[str], refine: bool
) -> list[Task]:
    """The suites, chosen from as asked, and the other tasks."""
    from bsct_zoo.evaluation.scan_task import ScanTask
    from bsct_zoo.plugins.tasks import require_once
    from bsct_zoo.suites.library import open_suite

    chosen = {"only": only, "limit": limit, "seed": seed}
    whole = [open_suite(name) for name in suites]
    opened = [suite.select(only=only, limit=limit, seed=seed) for suite in whole]
    cut = [
        {**chosen, "of": len(suite.scans)} if len(one.scans) < len(suite.scans) else chosen
        for suite, one in zip(whole, opened, strict=True)
    ]
    tasks: list[Task] = [ScanTask(one, asked) for one, asked in zip(opened, cut, strict=True)]
    if refine:
        from bsct_zoo.evaluation.jump_task import JumpTask

        names = ["jumps", *(f"jumps-{one.name}" for one in opened[1:])]
        tasks += [JumpTask(one, name, asked) for one, name, asked in zip(opened, names, cut, strict=True)]
    if texts:
        from bsct_zoo.evaluation.tasks import parse_task

        tasks += [parse_task(text) for text in texts]
    require_once([task.name for task in tasks])
    return tasks


def _known(tasks: Sequence[Task]) -> dict[str, str]:
    """Names of columns of ``tasks``, each with its task."""
    from bsct_zoo.evaluation.records import info_of
    from bsct_zoo.evaluation.results import column_names

    return {name: info.name for name, (info, _) in column_names(tuple(info_of(task) for task in tasks))}


def _columns(
    tasks: Sequence[Task], metric: list[str] | None, sort: str | None, conditions: Sequence[str]
) -> tuple[tuple[str, ...], str]:
    """Columns and ranking, checked."""
    import re

    from bsct_zoo.errors import BadInputError, UnknownNameError
    from bsct_zoo.metrics.catalogue import HEADLINE
    from bsct_zoo.plugins.registry import registry

    known = _known(tasks)
    asked = [name for text in metric or [] for name in text.split(",")]
    for name in re.findall(r"[A-Za-z_]\w*", " ".join([*asked, sort or "", *conditions])):
        other = next((task for task in registry().tasks if name.startswith(f"{task.replace('-', '_')}_")), None)
        if name not in known and other is not None and other not in [task.name for task in tasks]:
            raise BadInputError(f"{name} is a column of the task '{other}'; add --task {other}")
    others = [task for task in tasks if task.kind != "scans"]
    beside = [f"{task.name.replace('-', '_')}_{name}" for task in others for name in task.headline]
    names = asked or [*HEADLINE, *beside]
    rank = sort or ("fsd_full" if "fsd_full" in names else names[0])
    for name in [*names, rank]:
        if name not in known:
            twice = {f"{tasks[0].name.replace('-', '_')}_{short}" for short in known}
            raise UnknownNameError("metric", name, [one for one in known if one not in twice])
    return tuple(dict.fromkeys(names)), rank


def _layouts(results: Results, names: Sequence[str], rank: str, by_group: bool, asked: bool) -> list[Layout]:
    """A table for each suite; columns of other tasks stand beside the first."""
    from bsct_zoo.report.tables import groups_table, models_table

    suites = [task for task in results.tasks if task.kind == "scans"]
    layouts = []
    for task in suites:
        prefix = "" if task is suites[0] else f"{task.name.replace('-', '_')}_"
        scans = [name for name in names if results.columns[name][0].kind == "scans"]
        own = [prefix + name for name in scans if prefix + name in results.columns]
        others = [name for name in names if name not in scans] if task is suites[0] else []
        sort = prefix + rank if prefix + rank in results.columns else rank
        if by_group:
            layouts += [groups_table(results, task, name, sort) for name in (own if asked else [sort])]
        else:
            ordered = [name for name in names if name in own or name in others] if not prefix else own
            layouts.append(models_table(results, task, ordered, sort))
    return layouts
