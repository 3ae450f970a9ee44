"""The result of a conformance check as a table, and as a JSON document."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bsct_zoo import __version__
from bsct_zoo.conformance.finding import Finding, as_json, counts, line, number
from bsct_zoo.conformance.process import CheckProcess
from bsct_zoo.models.naming import ModelSpec

_STYLES = {"passed": "green", "failed": "bold red", "reported": "yellow", "skipped": "dim"}


def draw_findings(spec: ModelSpec, process: CheckProcess, findings: Sequence[Finding], to: Console) -> None:
    """Print a line for each property, and a sentence for each that did not pass."""
    loaded = process.loaded
    to.print(Text(f"{spec.text}: {spec.card.title}; {loaded.dtype} on {loaded.device}", "italic"))
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("property", no_wrap=True)
    table.add_column("result", no_wrap=True)
    table.add_column("figure", justify="right", no_wrap=True)
    table.add_column("limit", justify="right", no_wrap=True)
    table.add_column("unit", no_wrap=True)
    for one in findings:
        result = Text(one.status.upper() if one.status == "failed" else one.status, _STYLES[one.status])
        table.add_row(one.name, result, number(one.figure), number(one.limit), one.unit)
    to.print(table)
    to.print()
    for status in ("failed", "reported", "skipped"):
        for one in findings:
            if one.status == status:
                to.print(Text(f"{status}: {line(one)}", _STYLES[status]))
    summary = ", ".join(f"{count} {status}" for status, count in counts(findings).items() if count)
    to.print(f"{summary} in {sum(one.seconds for one in findings):.0f} s")


def document(spec: ModelSpec, process: CheckProcess, findings: Sequence[Finding]) -> dict[str, Any]:
    """The result as JSON, with the model and the versions that made it."""
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
