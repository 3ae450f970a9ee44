"""HTML of objects in a notebook; every text is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

_WIDTH, _HEIGHT, _MARGIN = 360, 140, 6  # of a curve, in pixels


def table(headers: Sequence[str], rows: Iterable[Sequence[object]], caption: str = "") -> str:
    """A table; the first column is set left, the others right."""
    head = "".join(f"<th style='text-align:left'>{_cell(text)}</th>" for text in headers)
    body = "".join(f"<tr>{''.join(_aligned(n, text) for n, text in enumerate(row))}</tr>" for row in rows)
    title = f"<caption style='text-align:left'>{_cell(caption)}</caption>" if caption else ""
    return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def facts(title: str, pairs: Iterable[tuple[str, object]]) -> str:
    """Names and values below each other; empty values are left out."""
    rows = "".join(
        f"<tr><th style='text-align:left'>{_cell(name)}</th><td style='text-align:left'>{_cell(value)}</td></tr>"
        for name, value in pairs
        if value not in (None, "")
    )
    return f"<b>{_cell(title)}</b><table><tbody>{rows}</tbody></table>"


def curve(x: Sequence[float], y: Sequence[float], label: str) -> str:
    """A line through finite points, drawn as SVG without axes; ``label`` says what it is."""
    points = [(a, b) for a, b in zip(x, y, strict=True) if b == b and abs(b) != float("inf")]
    if len(points) < 2:
        return f"<p>{_cell(label)}: nothing to draw</p>"
    (x0, x1), (y0, y1) = ((min(axis), max(axis)) for axis in zip(*points, strict=True))

    def place(a: float, b: float) -> str:
        across = _MARGIN + (_WIDTH - 2 * _MARGIN) * (a - x0) / ((x1 - x0) or 1.0)
        down = _HEIGHT - _MARGIN - (_HEIGHT - 2 * _MARGIN) * (b - y0) / ((y1 - y0) or 1.0)
        return f"{across:.1f},{down:.1f}"

    line = " ".join(place(a, b) for a, b in points)
    return (
        f"<figure style='margin:0'><svg width='{_WIDTH}' height='{_HEIGHT}' role='img' aria-label='{_cell(label)}'>"
        f"<polyline points='{line}' fill='none' stroke='#0072b2' stroke-width='1.5'/></svg>"
        f"<figcaption>{_cell(label)}</figcaption></figure>"
    )


def molecule(
    names: Sequence[str],
    places: Sequence[Sequence[float]],
    sizes: Sequence[float],
    colors: Sequence[str],
    bonds: Iterable[tuple[int, int]],
    marked: Sequence[int] = (),
    label: str = "",
) -> str:
    """A molecule from the front, drawn as SVG.

    Args:
        names: what each atom is.
        places: [n_atoms, 3], across, up and towards the reader.
        sizes: [n_atoms] of the circles, in the unit of ``places``.
        colors: of the atoms, "#rrggbb".
        bonds: pairs of atoms.
        marked: atoms with a ring around them.
        label: what it is.
    """
    room = max(sizes, default=1.0) + 0.2
    low, high = (limit([place[axis] for place in places] for axis in (0, 1)) for limit in (_lows, _highs))
    scale = min(_WIDTH / (high[0] - low[0] + 2 * room), 1.6 * _HEIGHT / (high[1] - low[1] + 2 * room), 60.0)
    width, height = (scale * (high[axis] - low[axis] + 2 * room) for axis in (0, 1))
    at = [(scale * (x - low[0] + room), height - scale * (y - low[1] + room)) for x, y, _ in places]
    lines = "".join(
        f"<line x1='{at[i][0]:.1f}' y1='{at[i][1]:.1f}' x2='{at[j][0]:.1f}' y2='{at[j][1]:.1f}' stroke='#888' "
        f"stroke-width='{3 + 4 * ({i, j} <= set(marked)):d}'/>"
        for i, j in bonds
    )
    circles = "".join(
        f"<circle cx='{at[n][0]:.1f}' cy='{at[n][1]:.1f}' r='{scale * sizes[n]:.1f}' fill='{_cell(colors[n])}' "
        f"stroke='{'#d55e00' if n in marked else '#444'}' stroke-width='{3 if n in marked else 1}'>"
        f"<title>{_cell(names[n])}</title></circle>"
        for n in sorted(range(len(places)), key=lambda n: places[n][2])
    )
    return (
        f"<figure style='margin:0'><svg width='{width:.0f}' height='{height:.0f}' role='img' "
        f"aria-label='{_cell(label)}'>{lines}{circles}</svg><figcaption>{_cell(label)}</figcaption></figure>"
    )


def _lows(axes: Iterable[Sequence[float]]) -> list[float]:
    return [min(axis) for axis in axes]


def _highs(axes: Iterable[Sequence[float]]) -> list[float]:
    return [max(axis) for axis in axes]


def _cell(value: object) -> str:
    return escape(str(value), quote=True).replace("\n", "<br>")


def _aligned(column: int, text: object) -> str:
    return f"<td style='text-align:{'right' if column else 'left'}'>{_cell(text)}</td>"
