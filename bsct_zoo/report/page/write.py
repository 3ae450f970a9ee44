"""One HTML file that needs nothing else: our page, plotly's JavaScript from its wheel, the results."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bsct_zoo import __version__
from bsct_zoo.errors import BadInputError
from bsct_zoo.evaluation.results import Results
from bsct_zoo.evaluation.settings import Settings
from bsct_zoo.evaluation.store import Store
from bsct_zoo.report.page.document import asset, document
from bsct_zoo.report.page.packing import compressed, packed_json
from bsct_zoo.report.page.scans import FrameSource, Packed, find_suites
from bsct_zoo.report.page.summary import summary
from bsct_zoo.suites.suite import Suite

ROOM = 6_000_000  # characters that a file may have where forces on atoms can be left out
_LEAST = 1_000_000  # that forces on atoms may take anyway
# In this order: each may use what stands above it.
_SCRIPTS = (
    *("unpack", "text", "dom", "palette", "figure", "table", "data"),
    *("overview", "model", "worst", "geometry", "molecule", "curves", "scan", "versus", "main"),
)


def page(
    results: Results, suites: Mapping[str, Suite] | None = None, store: Path | None = None, full: bool = False
) -> str:
    """The report of ``results`` as HTML.

    Args:
        results: what to show.
        suites: by name, those that are at hand; others are looked for among the installed ones.
        store: folder of answers, for forces on every atom; the user's cache by default.
        full: forces on every atom for all scans, however large the file; else for the worst, up to about 6 MB in all.

    Raises:
        BadInputError: plotly is not installed.
    """
    plotly = _plotly()
    about = summary(results)
    source = FrameSource(find_suites(results, suites or {}), Store(store or Settings().store_folder))
    base = len(compressed(plotly.encode())) + len(packed_json(about))
    packed = Packed(results, source, lambda curves: None if full else max(_LEAST, ROOM - base - curves))
    order = [{"task": task, "id": id, "chunk": n} for n, (task, id) in enumerate(packed.chunks)]
    about |= {"scans": order, "remarks": list(_remarks(results, source, packed)), "written_by": __version__}
    return _html(results, about, plotly, list(packed.chunks.values()))


def require_plotly() -> None:
    """Refuse a report that could not be written.

    Raises:
        BadInputError: plotly is not installed.
    """
    if find_spec("plotly") is None:
        raise BadInputError("an HTML report needs plotly; install it with: pip install 'plotly>=6'")


def _remarks(results: Results, source: FrameSource, packed: Packed) -> Any:
    """What the page does not show, and why."""
    n = len(packed.chunks)
    missing = [name for name, suite in source.suites.items() if suite is None]
    if missing:
        yield (
            f"The frames of {', '.join(missing)} are not on the machine that wrote this page (or are other ones than "
            "those tested), so there are curves but no molecules."
        )
    shown = n - packed.without_molecule
    if 0 < packed.with_forces < shown:
        yield (
            f"Forces on every atom are in this file for the {packed.with_forces} worst of {n} scans, to keep it small; "
            "curves, molecules and numbers are there for all (--full writes all of them)."
        )
    if packed.lost:
        yield (
            f"{packed.lost} answers are not in the cache any more, so their forces on atoms are not shown; curves and "
            "numbers are those of the results."
        )
    if n and not any(task.curves for task in results.tasks):
        yield "These results were made by a version that kept no curves; run the command again to see them."


def _plotly() -> str:
    """Plotly's JavaScript, from its wheel.

    Raises:
        BadInputError: plotly is not installed.
    """
    require_plotly()
    spec = find_spec("plotly")  # importing the package would take longer than reading the one file of it
    assert spec is not None and spec.submodule_search_locations
    return (Path(spec.submodule_search_locations[0]) / "package_data" / "plotly.min.js").read_text(encoding="utf-8")


def _html(results: Results, about: Mapping[str, Any], plotly: str, chunks: list[str]) -> str:
    names = ", ".join(task.name for task in results.tasks)
    data = {"summary": packed_json(about), "plotly": compressed(plotly.encode())}
    data |= {f"chunk-{n}": chunk for n, chunk in enumerate(chunks)}
    scripts = [("page", name) for name in _SCRIPTS]
    return document(f"{names} – bsct-zoo", scripts, data, asset("page", "body.html"), [plotly])
