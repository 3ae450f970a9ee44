"""What came out when a file of results was verified, item by item."""

from __future__ import annotations

from collections.abc import Sequence

from bsct_zoo.analysis.verified import Checked
from bsct_zoo.report.layout import Cell, Layout, number


def verification_table(checked: Sequence[Checked], title: str) -> Layout:
    """A row for each item of each model."""
    layout = Layout(title, ["model", "task", "item", "numbers", "largest\ndifference", "holds"])
    for one in checked:
        off = "0" if not one.where else number(one.difference) if one.difference != float("inf") else "none"
        mark = layout.note(f"{one.where}: {_text(one.before)} in the file, {_text(one.now)} now") if one.where else ""
        cells = [one.model, one.task, one.item, str(one.n), off + mark, "yes" if one.holds else "NO"]
        layout.rows.append([Cell(text) for text in cells])
    for tolerance in sorted({one.tolerance for one in checked}):
        tasks = ", ".join(dict.fromkeys(one.task for one in checked if one.tolerance == tolerance))
        said = f"that differ by up to {tolerance:g} of their size hold" if tolerance else "hold if the same to the bit"
        layout.remarks.append(f"{tasks}: numbers {said}")
    return layout


def _text(value: float | str | None) -> str:
    return "none" if value is None else str(value)
