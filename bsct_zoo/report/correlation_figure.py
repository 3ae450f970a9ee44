"""Scatter plots of models: a panel for each pair of metrics, axes logarithmic where values allow it and need it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bsct_zoo.analysis.coefficients import Floats
from bsct_zoo.analysis.correlate import Correlation, Pair
from bsct_zoo.analysis.measures import Measure
from bsct_zoo.errors import BadInputError
from bsct_zoo.report.figures.style import COLORS, logarithmic, name_points, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKERS = "osD^vPX*<>"
_FEW = 12  # models: more names than that hide the points
_LONG = 20  # letters of a name
_DECADES = 4.0  # ratio of the largest to the smallest value from which on an axis is logarithmic


def require_matplotlib() -> None:
    """Refuse a figure that could not be drawn.

    Raises:
        BadInputError: matplotlib is not installed.
    """
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        raise BadInputError("--figure needs matplotlib; install it with: pip install 'bsct-zoo[figures]'")


def check_format(path: Path) -> None:
    """Refuse the name of a file that matplotlib has no format for.

    Raises:
        BadInputError: it has none.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    known = FigureCanvasAgg.get_supported_filetypes()
    if path.suffix.lower().lstrip(".") not in known:
        raise BadInputError(f"'{path}' has no format of a figure; end it in .png, .pdf or .svg")


def draw(found: Correlation, path: Path) -> None:
    """Write the figure to ``path``, in the format that its ending says.

    Raises:
        OSError: it cannot be written.
    """
    metadata: dict[str, Any] = {"Date": None} if path.suffix == ".svg" else {}
    with style():
        figure_of(found).savefig(path, dpi=150, metadata=metadata)


def figure_of(found: Correlation, panel: tuple[float, float] = (4.6, 4.2)) -> Figure:
    """A figure of panels that are so many inches wide and high each."""
    from matplotlib.figure import Figure

    columns = min(3, math.ceil(math.sqrt(len(found.pairs))))
    rows = -(-len(found.pairs) // columns)
    figure = Figure(figsize=(panel[0] * columns, panel[1] * rows), layout="constrained")
    panels = np.atleast_1d(figure.subplots(rows, columns, squeeze=False)).ravel()
    for axes, pair in zip(panels, found.pairs, strict=False):
        _panel(axes, pair)
    for axes in panels[len(found.pairs) :]:
        axes.set_axis_off()
    markers = {str(mark.get_label()): mark for axes in panels for mark in axes.collections if mark.get_gid()}
    named = all(len(pair.models) <= _FEW for pair in found.pairs)
    if len(markers) > 1 and not named:
        figure.legend(markers.values(), markers.keys(), loc="outside lower center", ncols=len(markers), frameon=False)
    return figure


def _panel(axes: Axes, pair: Pair) -> None:
    """One pair; models of one family share marker and colour, failed ones stand at the edge as open markers."""
    x, y = _at_edge(pair.x.values), _at_edge(pair.y.values)
    failed = np.isinf(pair.x.values) | np.isinf(pair.y.values)
    families = [name.partition(":")[0].partition("@")[0] for name in pair.models]
    for number, family in enumerate(dict.fromkeys(families)):
        mine = np.array([other == family for other in families])
        marker, color = _MARKERS[number % len(_MARKERS)], COLORS[number % len(COLORS)]
        axes.scatter(x[mine & ~failed], y[mine & ~failed], marker=marker, color=color, label=family, gid="family")
        axes.scatter(x[mine & failed], y[mine & failed], marker=marker, facecolors="none", edgecolors=color)
    axes.margins(0.1)
    for axis, values in ((axes.xaxis, x), (axes.yaxis, y)):
        if values.min() > 0 and values.max() > _DECADES * values.min():
            logarithmic(axis, values.tolist())
    axes.set_xlabel(_label(pair.x))
    axes.set_ylabel(_label(pair.y))
    axes.set_title(_title(pair), fontsize=9)
    if len(pair.models) <= _FEW:
        name_points(axes, [(_short(name), *at) for name, at in zip(pair.models, zip(x, y, strict=True), strict=True)])


def _short(name: str) -> str:
    """The end of a long name, which tells it from others."""
    name = name.rpartition("/")[2]
    return name if len(name) <= _LONG else "…" + name[-_LONG:]


def _at_edge(values: Floats) -> Floats:
    """Failed models twice as far out as the worst of the others."""
    there = values[np.isfinite(values)]
    edge = 2 * there.max() if len(there) else 1.0
    found: Floats = np.where(np.isfinite(values), values, edge)
    return found


def _label(measure: Measure) -> str:
    failed = " (open: failed)" if np.isinf(measure.values).any() else ""
    return f"{measure.name}{f', {measure.unit}' if measure.unit else ''}{failed}"


def _title(pair: Pair) -> str:
    first = pair.estimates[0]
    if first.value is None:
        return f"{len(pair.models)} models"
    ends = "" if first.over_models is None else f" [{first.over_models[0]:.2f}, {first.over_models[1]:.2f}]"
    return f"Spearman {first.value:.2f}{ends}, {first.n_models} models"
