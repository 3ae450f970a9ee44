"""``bsct-zoo compare``: judge models on a suite."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bsct_zoo.cli import completion

if TYPE_CHECKING:
    from bsct_zoo.analysis.gate import Gate
    from bsct_zoo.evaluation.comparison import Comparison
    from bsct_zoo.evaluation.md_request import CheckRequest
    from bsct_zoo.evaluation.run import Settings
    from bsct_zoo.metrics.columns import Column
    from bsct_zoo.models.naming import ModelSpec
    from bsct_zoo.suites.suite import Suite


class Dtype(StrEnum):
    """What models compute in."""

    float32 = "float32"
    float64 = "float64"


class By(StrEnum):
    """What columns are."""

    metric = "metric"
    bond = "bond"


def compare(
    context: typer.Context,
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="MODEL...",
            help="name, name:card or name:path; options after @key=value,...",
            autocompletion=completion.models,
        ),
    ],
    suite: Annotated[
        str, typer.Option(help="Name of a suite, or a suite file.", autocompletion=completion.suites)
    ] = "core",
    only: Annotated[str | None, typer.Option(help="Only scans whose id matches, e.g. 'C-C/*'.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many scans, spread over bond types.")] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(help="Columns of the table; give it again for more.", autocompletion=completion.metrics),
    ] = None,
    sort: Annotated[
        str | None, typer.Option(help="Metric that ranks the rows.", autocompletion=completion.metrics)
    ] = None,
    by: Annotated[By, typer.Option(help="Columns: metrics, or bond types for one metric.")] = By.metric,
    md: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CHECK",
            help="Columns of molecular dynamics too: nve, nvt, heat, 'nve@time=0.5,temperature=500,seeds=2'; see md.",
        ),
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    dtype: Annotated[Dtype, typer.Option(help="What models compute in.")] = Dtype.float32,
    jobs: Annotated[int, typer.Option(min=1, help="Models at a time.")] = 1,
    max_batch_atoms: Annotated[int | None, typer.Option(min=1, help="Atoms that fill a batch.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the choice that --limit makes.")] = 0,
    json: Annotated[
        str | None, typer.Option(metavar="FILE|-", help="Write JSON, schema 1; - for standard output.")
    ] = None,
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="Write CSV, a line for each model and scan.")] = None,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the table as Markdown.")] = False,
    against: Annotated[
        Path | None, typer.Option(metavar="FILE", help="JSON of an earlier run; say what changed beyond noise.")
    ] = None,
    fail_if: Annotated[
        list[str] | None,
        typer.Option(metavar="CONDITION", help="Exit 3 if a model meets it: 'fsd_full>50', or 'worse' with --against."),
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Neither read nor keep predictions.")] = False,
    trust: Annotated[bool, typer.Option("--trust", help="Load files that can execute code and no card knows.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Fetch weights that are missing without asking.")] = False,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds that a model may be silent.")] = 600.0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks and the models' own output.")] = False,
) -> int:
    """Judge MODELS on the scans of a suite and rank them by smoothness.

    Exit code: 0 all done, 1 some model, scan or run failed, 2 bad input, 3 a condition of --fail-if is met.
    """
    from dataclasses import replace

    from bsct_zoo.cli import output
    from bsct_zoo.cli.weights import resolve_models
    from bsct_zoo.report.progress import Progress

    debug = debug or bool(context.find_root().params.get("debug"))
    requests = _requests(md or [])
    known = _known(requests, [*(metric or []), sort or "", *(fail_if or [])])
    columns, rank = _metrics(metric, sort, known, requests)
    output.check_targets(json, csv, markdown)
    gate = _gate(fail_if, against, known)
    specs = resolve_models(models, trust=trust, yes=yes)
    chosen = _suite(suite).select(only=only, limit=limit, seed=seed)
    gate.check(chosen, [spec.text for spec in specs])
    from bsct_zoo.evaluation.run import Settings
    from bsct_zoo.evaluation.run import compare as run
    from bsct_zoo.metrics.catalogue import METRICS
    from bsct_zoo.report import layout
    from bsct_zoo.report.files import csv_text

    settings = Settings(
        device=device,
        dtype=dtype.value,
        max_batch_atoms=max_batch_atoms,
        jobs=jobs,
        seed=seed,
        use_cache=not no_cache,
        timeout=timeout,
    )
    with output.stdout_kept_clean(), Progress([spec.text for spec in specs], quiet) as progress:
        comparison = run(specs, chosen, settings, progress)
    comparison = replace(comparison, settings={**comparison.settings, "only": only, "limit": limit})
    for request in requests:
        comparison = _checked(comparison, request, specs, settings, quiet)
    if by is By.bond:
        chosen_metrics = [name for name in columns if name in METRICS] if metric else [rank]
        tables = [layout.models_by_groups(comparison, name, rank) for name in chosen_metrics]
    else:
        tables = [layout.models_by_metrics(comparison, columns, rank)]
    changes = gate.changes(comparison, columns)
    if gate.baseline is not None:
        from bsct_zoo.report.selection import changed

        tables.append(changed(changes, str(against)))
    output.write(comparison, tables, csv_text, json, csv, markdown)
    if debug:
        output.show_logs(comparison)
    elif not quiet and any(row.status != "ok" and row.log_tail for row in comparison.rows):
        print("see what the failed models printed with --debug", file=sys.stderr)
    ran = [found for row in comparison.rows for found in row.checks.values()]
    user_error = [f"{row.model}: {row.message}" for row in comparison.rows if row.bad_input]
    user_error += [f"{found.model}: {found.message}" for found in ran if found.bad_input]
    kept = [comparison.settings.get("cache_error"), *(report.problem for report in comparison.checks.values())]
    problems = list(dict.fromkeys([*user_error, *filter(None, kept)]))
    if problems:  # said last, when every result is written
        from bsct_zoo.errors import BadInputError

        raise BadInputError("; ".join(problems))
    met = gate.met(comparison, changes)
    for reason in met:
        print(f"failed: {reason}", file=sys.stderr)
    statuses = {row.status for row in comparison.rows} | {found.status for found in ran}
    return 3 if met else int(statuses != {"ok"})


def _requests(texts: list[str]) -> list[CheckRequest]:
    """What --md asks for."""
    if not texts:
        return []
    from bsct_zoo.errors import BadInputError
    from bsct_zoo.evaluation.md_request import parse_request
    from bsct_zoo.plugins.registry import registry

    requests = [parse_request(text, registry().checks) for text in texts]
    names = [request.check.name for request in requests]
    if len(set(names)) < len(names):
        raise BadInputError("--md names a check twice; give each once, and run bsct-zoo md for other settings")
    return requests


def _known(requests: list[CheckRequest], asked: list[str]) -> dict[str, Metric]:
    """Metrics of scans and of the checks that are asked for, by name; ``asked`` may speak of no other check's."""
    import re

    from bsct_zoo.errors import BadInputError
    from bsct_zoo.evaluation.md_columns import check_metrics, check_of
    from bsct_zoo.metrics.catalogue import METRICS
    from bsct_zoo.plugins.registry import registry

    known = {**METRICS, **check_metrics(request.check for request in requests)}
    for name in re.findall(r"[A-Za-z_]\w*", " ".join(asked)):
        if name not in known and name in check_metrics(registry().checks.values()):
            check = check_of(registry().checks, name)
            raise BadInputError(f"{name} is a figure of the check '{check}'; add --md {check}")
    return known


def _checked(
    comparison: Comparison, request: CheckRequest, specs: list[ModelSpec], settings: Settings, quiet: bool
) -> Comparison:
    """``comparison`` with what a check finds of its models, kept and gone on with as in ``bsct-zoo md``."""
    from bsct_zoo.atoms.molecules import system
    from bsct_zoo.cli import output
    from bsct_zoo.evaluation.md_run import MDSettings, run_models
    from bsct_zoo.report.md_progress import MDProgress

    seeds = range(request.physics.seed, request.physics.seed + request.seeds)
    systems = [system(name, seed) for name in request.molecules for seed in seeds]
    how = MDSettings(
        physics=request.physics,
        device=settings.device,
        dtype=request.dtype,
        use_cache=settings.use_cache,
        timeout=settings.timeout,
    )
    with output.stdout_kept_clean(), MDProgress([spec.text for spec in specs], quiet) as progress:
        return comparison.with_check(run_models(specs, request.check, systems, how, progress))


def _gate(fail_if: list[str] | None, against: Path | None, known: dict[str, Metric]) -> Gate:
    """What the comparison is held against, read and checked before anything is computed."""
    from bsct_zoo.analysis.gate import Gate

    return Gate.read(fail_if or [], against, known)


def _metrics(
    metric: list[str] | None, sort: str | None, known: dict[str, Metric], requests: list[CheckRequest]
) -> tuple[tuple[str, ...], str]:
    """Columns and ranking, checked."""
    from bsct_zoo.errors import UnknownNameError
    from bsct_zoo.report.layout import DEFAULT_METRICS, DEFAULT_SORT

    beside = [f"{request.check.name}_{name}" for request in requests for name in request.check.brief]
    columns = [name for text in metric or [] for name in text.split(",")] or [*DEFAULT_METRICS, *beside]
    rank = sort or ("fsd_full" if not metric or "fsd_full" in columns else columns[0])
    for name in [*columns, rank]:
        if name not in known:
            raise UnknownNameError("metric", name, list(known))
    return tuple(dict.fromkeys(columns)), rank or DEFAULT_SORT


def _suite(name: str) -> Suite:
    from bsct_zoo.suites.library import open_suite

    return open_suite(name)
