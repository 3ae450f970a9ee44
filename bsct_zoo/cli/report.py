"""``bsct-zoo report``: one HTML file from results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bsct_zoo.cli import options


def report(
    results: Annotated[
        list[Path], typer.Argument(metavar="RESULT.json...", help="Written by --json of compare, md or properties.")
    ],
    html: Annotated[Path, typer.Option("--html", metavar="FILE", help="Where to write it.")],
    suite: Annotated[
        list[str] | None,
        typer.Option(metavar="FILE", help="A suite of the results that is not installed, for its molecules."),
    ] = None,
    full: options.Full = False,
) -> int:
    """Write a report with figures from results: one file that opens offline on any machine.

    Exit code: 0 success, 2 bad input.
    """
    from bsct_zoo.analysis.choice import merged
    from bsct_zoo.cli import output
    from bsct_zoo.errors import BadInputError
    from bsct_zoo.evaluation.results import read_results
    from bsct_zoo.report.page.write import page
    from bsct_zoo.suites.library import open_suite

    output.check_targets(None, None, False, html)
    found = merged([read_results(path) for path in results], several_suites=True)
    suites = {one.name: one for one in map(open_suite, suite or [])}
    unasked = [name for name in suites if name not in [task.name for task in found.tasks if task.kind == "scans"]]
    if unasked:
        raise BadInputError(f"no result is of suite {unasked[0]}; results are of {_names(found.tasks)}")
    text = page(found, suites, full=full)
    output.replace_file(html, text)
    print(f"wrote {html} ({len(text.encode()) / 1e6:.1f} MB)")
    return 0


def _names(tasks: tuple[object, ...]) -> str:
    return ", ".join(str(getattr(task, "name", "")) for task in tasks)
