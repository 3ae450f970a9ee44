"""The looks of all figures: sizes, fonts, colours that colour-blind readers tell apart (Okabe and Ito, 2008)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from bsct_zoo.errors import BadInputError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Size = Literal["column", "page"]
WIDTH: Mapping[Size, float] = {"column": 3.37, "page": 7.0}  # inches: 86 mm, and 178 mm
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#6a4c93", "#7a7a7a")
DASHES: tuple[Any, ...] = ("-", (0, (4, 2)), (0, (4, 1.5, 1, 1.5)), (0, (7, 2)), (0, (1, 1.2)), (0, (7, 2, 1, 2)))
MARKERS = "osD^vPX*"
INK = "#111111"
FORMATS = (".png", ".svg", ".pdf")

_STYLE: dict[str, Any] = {
    "text.usetex": False,
    "text.parse_math": False,  # a name with dollars in it is a name
    "font.family": "DejaVu Sans",  # comes with matplotlib, so a figure is the same everywhere
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "legend.fontsize": 7,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e2e2e2",
    "grid.linewidth": 0.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.2,
    "legend.frameon": False,
    "legend.handlelength": 2.4,
    "pdf.fonttype": 42,  # text stays text
    "svg.hashsalt": "bsct-zoo",
    "figure.constrained_layout.use": True,
}


def style() -> AbstractContextManager[None]:
    """The style, for the time in which a figure is made or written."""
    import matplotlib

    return cast(AbstractContextManager[None], matplotlib.rc_context(cast(Any, _STYLE)))


def new_figure(size: Size, height: float, **layout: Any) -> Figure:
    """An empty figure as wide as ``size``, ``height`` of its width high."""
    from matplotlib.figure import Figure

    width = WIDTH[size]
    return Figure(figsize=(width, height * width), layout="constrained", **layout)


def check_format(path: Path) -> None:
    """Refuse the name of a file that says no format of a figure.

    Raises:
        BadInputError: it does not.
    """
    if path.suffix.lower() not in FORMATS:
        raise BadInputError(f"'{path}' does not say what it is; end it in .png, .svg or .pdf")


def write_figure(figure: Figure, path: Path) -> None:
    """Write a figure in the format that the ending of ``path`` says; the same figure gives the same file.

    Raises:
        OSError: it cannot be written.
    """
    dates: dict[str, dict[str, Any]] = {".svg": {"Date": None}, ".pdf": {"CreationDate": None, "ModDate": None}}
    with style():
        figure.savefig(path, dpi=300, metadata=dates.get(path.suffix.lower(), {}))


def color(place: int) -> str:
    """Of the model at ``place``."""
    return COLORS[place % len(COLORS)]


def dash(place: int) -> Any:
    """Of the line of the model at ``place``."""
    return DASHES[place % len(DASHES)]


def marker(place: int) -> str:
    """Of the points of the model at ``place``; a colour comes back with another marker."""
    return MARKERS[(place + place // len(MARKERS)) % len(MARKERS)]


def label(text: str, length: int = 24) -> str:
    """A name short enough for a legend, and not one that matplotlib hides."""
    short = text if len(text) <= length else f"{text[: length // 3]}…{text[-(length - length // 3 - 1) :]}"
    return f"\u2009{short}" if short.startswith("_") else short


def legend_above(figure: Figure, handles: Sequence[Any], names: Sequence[str], columns: int) -> None:
    """A legend over the whole figure."""
    figure.legend(handles, names, loc="outside upper center", ncols=min(columns, len(names)), columnspacing=1.2)


Span = tuple[float, float]


def name_points(
    panel: Axes, points: Sequence[tuple[str, float, float]], bars: Sequence[tuple[Span, Span]] = ()
) -> None:
    """Write names beside points, each where it covers the least of other names, points and bars.

    Args:
        panel: with its final limits.
        points: name, x, y.
        bars: ends of bars through the points, of x and of y.
    """
    figure = panel.get_figure(root=True)
    assert figure is not None
    figure.draw_without_rendering()  # lays the panel out, so that places in pixels are known
    corners = [(a, b) for _, a, b in points]
    for (_, a, b), (across, up) in zip(points, bars, strict=False):
        corners += [(x, b) for x in (*across, 0.5 * (across[0] + a), 0.5 * (across[1] + a))]
        corners += [(a, y) for y in (*up, 0.5 * (up[0] + b), 0.5 * (up[1] + b))]
    taken = panel.transData.transform(corners)
    for line in panel.lines:
        if line.get_linestyle() == "--":  # one that joins points
            ends = panel.transData.transform(line.get_xydata())
            steps = np.linspace(0, 1, 40)[:, None]
            taken = np.vstack([taken, *(a + steps * (b - a) for a, b in pairwise(ends))])
    boxes: list[Any] = []
    for name, a, b in sorted(points, key=lambda one: one[1]):
        best = None
        for right, top in ((True, True), (True, False), (False, True), (False, False)):
            text = panel.annotate(
                label(name),
                (a, b),
                xytext=(5 if right else -5, 3 if top else -3),
                textcoords="offset points",
                fontsize=7,
                ha="left" if right else "right",
                va="bottom" if top else "top",
            )
            box = text.get_window_extent()
            covered = sum(bool(box.contains(x, y)) for x, y in taken) + 3 * sum(box.overlaps(other) for other in boxes)
            outside = box.x1 > panel.bbox.x1 + 2 or box.x0 < panel.bbox.x0
            cost = covered + 5 * outside
            if best is None or cost < best[0]:
                if best is not None:
                    best[1].remove()
                best = (cost, text, box)
            else:
                text.remove()
        assert best is not None
        boxes.append(best[2])


def logarithmic(axis: Any, values: Sequence[float]) -> None:
    """Make ``axis`` logarithmic, with plain numbers, where values are positive and differ enough."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    known = [value for value in values if value > 0]
    if not known or len(known) < len(values) or max(known) < 3 * min(known):
        return
    axes: Axes = axis.axes
    (axes.set_xscale if axis is axes.xaxis else axes.set_yscale)("log")
    ratio = max(known) / min(known)
    subs = (1,) if ratio > 1e3 else (1, 3) if ratio > 30 else (1, 2, 5)
    axis.set_major_locator(LogLocator(subs=subs, numticks=4 if ratio > 3e4 else None))  # more would touch
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())
