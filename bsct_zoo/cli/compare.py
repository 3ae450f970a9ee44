"""``bsct-zoo compare``: judge models on a suite."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bsct_zoo.cli import completion

if TYPE_CHECKING:
    from bsct_zoo.results.comparison import Comparison
    from bsct_zoo.scans.suite import Suite


class Dtype(StrEnum):
    """What models compute in."""

    float32 = "float32"
    float64 = "float64"


class By(StrEnum):
    """What columns are."""

    metric = "metric"
    bond = "bond"


def compare(
    models: Annotated[
        list[str],
        typer.Argument(
            help="name, name:card or name:path; options after @key=value,...", autocompletion=completion.models
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
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Neither read nor keep predictions.")] = False,
    trust: Annotated[bool, typer.Option("--trust", help="Load files in formats that can execute code.")] = False,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds that a model may be silent.")] = 600.0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks and the models' own output.")] = False,
) -> int:
    """Judge MODELS on the scans of a suite and rank them by smoothness.

    Exit code: 0 all done, 1 some model or scan failed, 2 bad input.
    """
    from bsct_zoo.cli.progress import Progress
    from bsct_zoo.models import parse_model

    columns, rank = _metrics(metric, sort)
    specs = [parse_model(text, trust=trust) for text in models]
    chosen = _suite(suite).select(only=only, limit=limit, seed=seed)
    for target in (None if json in (None, "-") else Path(str(json)), csv):
        if target is not None:
            _check_writable(target)

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
    with Progress([spec.text for spec in specs], quiet) as progress:
        comparison = run(specs, chosen, settings, progress)
    _write(comparison, columns, rank, by, json, csv, markdown)
    if debug:
        _show_logs(comparison)
    problem = comparison.settings.get("cache_error")
    if problem:
        from bsct_zoo.errors import BadInputError

        raise BadInputError(str(problem))
    return int(any(row.status != "ok" for row in comparison.rows))


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


def _check_writable(path: Path) -> None:
    from os import W_OK, access

    from bsct_zoo.errors import BadInputError

    if path.is_dir():
        raise BadInputError(f"{path} is a folder; name a file")
    place = path if path.exists() else path.absolute().parent
    if not place.exists():
        raise BadInputError(f"there is no folder {place}; make it first")
    if not access(place, W_OK):
        raise BadInputError(f"cannot write to {path}; choose another place")


def _write(
    comparison: Comparison,
    columns: tuple[str, ...],
    rank: str,
    by: By,
    json: str | None,
    csv: Path | None,
    markdown: bool,
) -> None:
    """Everything that was asked for; data alone on standard output with ``--json -``."""
    from rich.console import Console

    from bsct_zoo.report import files, layout, terminal

    if csv is not None:
        _replace(csv, files.csv_text(comparison))
    if json == "-":
        print(files.json_text(comparison), end="")
        return
    if json is not None:
        _replace(Path(json), files.json_text(comparison))
    table = (
        layout.models_by_groups(comparison, rank, rank)
        if by is By.bond
        else layout.models_by_metrics(comparison, columns, rank)
    )
    if markdown:
        print(files.markdown(table), end="")
    else:
        terminal.draw(table, Console(highlight=False))


def _replace(path: Path, text: str) -> None:
    """Write a file in one step."""
    import os
    import tempfile

    handle, temporary = tempfile.mkstemp(dir=path.absolute().parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _show_logs(comparison: Comparison) -> None:
    import sys

    for row in comparison.rows:
        if row.status != "ok" and row.log_tail:
            print(f"--- last words of {row.model} ---\n{row.log_tail.rstrip()}", file=sys.stderr)
