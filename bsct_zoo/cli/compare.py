"""``bsct-zoo compare``: judge models on a suite."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bsct_zoo.cli import completion

if TYPE_CHECKING:
    from bsct_zoo.scans.suite import Suite
    from bsct_zoo.selection.gate import Gate


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

    Exit code: 0 all done, 1 some model or scan failed, 2 bad input, 3 a condition of --fail-if is met.
    """
    from dataclasses import replace

    from bsct_zoo.cli import output
    from bsct_zoo.cli.progress import Progress
    from bsct_zoo.cli.weights import ready_models

    debug = debug or bool(context.find_root().params.get("debug"))
    columns, rank = _metrics(metric, sort)
    output.check_targets(json, csv, markdown)
    gate = _gate(fail_if, against)
    specs = ready_models(models, trust=trust, yes=yes)
    chosen = _suite(suite).select(only=only, limit=limit, seed=seed)
    gate.check(chosen, [spec.text for spec in specs])
    from bsct_zoo.report import layout
    from bsct_zoo.results.run import Settings
    from bsct_zoo.results.run import compare as run

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
    if by is By.bond:
        tables = [layout.models_by_groups(comparison, name, rank) for name in (columns if metric else (rank,))]
    else:
        tables = [layout.models_by_metrics(comparison, columns, rank)]
    changes = gate.changes(comparison, columns)
    if gate.baseline is not None:
        from bsct_zoo.report.selection import changed

        tables.append(changed(changes, str(against)))
    output.write(comparison, tables, json, csv, markdown)
    if debug:
        output.show_logs(comparison)
    elif not quiet and any(row.status != "ok" and row.log_tail for row in comparison.rows):
        print("see what the failed models printed with --debug", file=sys.stderr)
    mendable = [f"{row.model}: {row.message}" for row in comparison.rows if row.bad_input]
    problems = [*mendable, *filter(None, [comparison.settings.get("cache_error")])]
    if problems:  # said last, when every result is written
        from bsct_zoo.errors import BadInputError

        raise BadInputError("; ".join(problems))
    met = gate.met(comparison, changes)
    for reason in met:
        print(f"failed: {reason}", file=sys.stderr)
    return 3 if met else int(any(row.status != "ok" for row in comparison.rows))


def _gate(fail_if: list[str] | None, against: Path | None) -> Gate:
    """What the comparison is held against, read and checked before anything is computed."""
    from bsct_zoo.selection.gate import Gate

    return Gate.read(fail_if or [], against)


def _metrics(metric: list[str] | None, sort: str | None) -> tuple[tuple[str, ...], str]:
    """Columns and ranking, checked."""
    from bsct_zoo.errors import UnknownNameError
    from bsct_zoo.metrics.table import METRICS
    from bsct_zoo.report.layout import DEFAULT_METRICS, DEFAULT_SORT

    columns = [name for text in metric or [] for name in text.split(",")] or list(DEFAULT_METRICS)
    rank = sort or ("fsd_full" if not metric or "fsd_full" in columns else columns[0])
    for name in [*columns, rank]:
        if name not in METRICS:
            raise UnknownNameError("metric", name, list(METRICS))
    return tuple(dict.fromkeys(columns)), rank or DEFAULT_SORT


def _suite(name: str) -> Suite:
    from bsct_zoo.scans.library import open_suite

    return open_suite(name)
