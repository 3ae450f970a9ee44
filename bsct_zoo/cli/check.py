"""``bsct-zoo check``: try on a model what every adapter promises."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bsct_zoo.cli import completion

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from bsct_zoo.conformance.finding import Finding
    from bsct_zoo.conformance.process import CheckProcess
    from bsct_zoo.models.naming import ModelSpec

_STYLES = {"passed": "green", "failed": "bold red", "reported": "yellow", "skipped": "dim"}


class Dtype(StrEnum):
    """What the model computes in."""

    float32 = "float32"
    float64 = "float64"


def check(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="name, name:card or name:path; options after @key=value,...",
            autocompletion=completion.models,
        ),
    ],
    only: Annotated[list[str] | None, typer.Option(help="Only this property; give it again for more.")] = None,
    elements: Annotated[
        str | None, typer.Option(help="Try it on these, as in 'H,C,Cu', not on those that it declares.")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    dtype: Annotated[Dtype, typer.Option(help="What the model computes in.")] = Dtype.float64,
    json: Annotated[str | None, typer.Option(metavar="FILE|-", help="Write JSON; - for standard output.")] = None,
    trust: Annotated[bool, typer.Option("--trust", help="Load files that can execute code and no card knows.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Fetch weights that are missing without asking.")] = False,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds that one property may take.")] = 600.0,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks and the models' own output.")] = False,
) -> int:
    """Try on MODEL what the interface promises: shapes, units, symmetries, gradients, batches, memory, and more.

    Exit code: 0 all passed, 1 some property failed or the model does not load, 2 bad input.
    """
    from bsct_zoo.cli import output
    from bsct_zoo.cli.weights import resolve_models
    from bsct_zoo.conformance.process import CheckProcess
    from bsct_zoo.conformance.properties import chosen

    names = [one.name for one in chosen(part for text in only or [] for part in text.split(","))]
    numbers = None if elements is None else _elements(elements)
    output.check_targets(json, None, False)
    [spec] = resolve_models([model], trust=trust, yes=yes)
    with CheckProcess(
        spec.adapter,
        spec.card,
        device=device,
        dtype=dtype.value,
        options=dict(spec.options),
        elements=numbers,
        timeout=timeout,
        on_event=None if quiet else _tell,
    ) as process:
        findings = list(_tried(process, names, quiet))
    if json != "-":
        _draw(spec, process, findings)
    if json is not None:
        _write(json, _as_json(spec, process, findings))
    return int(any(finding.status == "failed" for finding in findings))


def _tried(process: CheckProcess, names: Sequence[str], quiet: bool) -> Iterator[Finding]:
    """Findings one by one; standard error shows how it goes on: a bar on a terminal, lines elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console = Console(stderr=True, highlight=False)
    live = console.is_terminal and not quiet
    columns = (TextColumn("{task.description}", markup=False), BarColumn(bar_width=24), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not live) as bars:
        task = bars.add_task("", total=len(names))
        for name in names:
            bars.update(task, description=name)
            finding = process.try_property(name)
            if not (live or quiet):
                _tell(f"{name}: {finding.status}, {finding.seconds:.1f} s")
            yield finding
            bars.advance(task)


def _draw(spec: ModelSpec, process: CheckProcess, findings: Sequence[Finding]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from bsct_zoo.conformance.text import counts, line, number

    loaded = process.loaded
    console = Console(highlight=False, markup=False, emoji=False)
    console.print(Text(f"{spec.text}: {spec.card.title}; {loaded.dtype} on {loaded.device}", "italic"))
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("property", no_wrap=True)
    table.add_column("result", no_wrap=True)
    table.add_column("figure", justify="right", no_wrap=True)
    table.add_column("limit", justify="right", no_wrap=True)
    table.add_column("unit", no_wrap=True)
    for one in findings:
        result = Text(one.status.upper() if one.status == "failed" else one.status, _STYLES[one.status])
        table.add_row(one.name, result, number(one.figure), number(one.limit), one.unit)
    console.print(table)
    console.print()
    for status in ("failed", "reported", "skipped"):
        for one in findings:
            if one.status == status:
                console.print(Text(f"{status}: {line(one)}", _STYLES[status]))
    said = ", ".join(f"{count} {status}" for status, count in counts(findings).items() if count)
    console.print(f"{said} in {sum(one.seconds for one in findings):.0f} s")


def _as_json(spec: ModelSpec, process: CheckProcess, findings: Sequence[Finding]) -> dict[str, Any]:
    from bsct_zoo import __version__
    from bsct_zoo.conformance.text import as_json, counts

    return {
        "schema": 1,
        "bsct_zoo": __version__,
        "model": spec.text,
        "card": spec.card.name,
        "checkpoint_sha256": spec.card.sha256,
        "device": process.loaded.device,
        "dtype": process.loaded.dtype,
        "versions": dict(process.loaded.versions),
        "counts": counts(findings),
        "findings": [as_json(finding) for finding in findings],
    }


def _write(target: str, content: dict[str, Any]) -> None:
    import json
    from pathlib import Path

    from bsct_zoo.cli.output import replace_file

    if target == "-":
        print(json.dumps(content, indent=1, allow_nan=False))
    else:
        replace_file(Path(target), json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def _elements(text: str) -> frozenset[int]:
    from ase.data import atomic_numbers

    from bsct_zoo.errors import BadInputError

    symbols = [part.strip() for part in text.split(",") if part.strip()]
    unknown = [symbol for symbol in symbols if atomic_numbers.get(symbol, 0) < 1]
    if unknown or not symbols:
        raise BadInputError(
            f"--elements wants chemical symbols, as in 'H,C,Cu'; not '{unknown[0] if unknown else text}'"
        )
    return frozenset(atomic_numbers[symbol] for symbol in symbols)


def _tell(text: str) -> None:
    import sys

    print(text, file=sys.stderr)
