"""Times of batches as a table: a line for each size of system, a column for each number of systems."""

from __future__ import annotations

from bsct_zoo.evaluation.results import Record, Results, TaskInfo
from bsct_zoo.report.layout import Cell, Layout, number


def speed_table(results: Results, task: TaskInfo) -> Layout:
    """Milliseconds a system of every model, by atoms of a system and systems in a batch."""
    batches = [tuple(batch) for batch in task.settings["batches"]]
    counts = sorted({frames for frames, _ in batches})
    layout = Layout(
        "ms a system, by systems in a batch", ["model", "atoms\na system", *(str(count) for count in counts)]
    )
    for row, evaluation in results.rows_under(task):
        found = {record.id: record for record in evaluation.records}
        for atoms in sorted({atoms for _, atoms in batches}):
            records = [found.get(f"{frames} × {atoms} atoms") for frames in counts]
            if any(records):
                cells = [_cell(layout, row.model, record) for record in records]
                layout.rows.append([Cell(row.model), Cell(str(atoms)), *cells])
    return layout


def _cell(layout: Layout, model: str, record: Record | None) -> Cell:
    if record is None:
        return Cell("")
    marks = "".join(layout.note(f"{model}, {record.id}: {text}") for text in (*record.notes, record.message) if text)
    value = record.metrics.get("time")
    return Cell(("–" if value is None else number(value)) + marks)
