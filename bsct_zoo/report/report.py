"""A report: results that show themselves, for Python and notebooks."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bsct_zoo import notebook
from bsct_zoo.analysis.conditions import primary
from bsct_zoo.errors import UnknownNameError
from bsct_zoo.evaluation.results import Record, Results, TaskInfo, json_text
from bsct_zoo.files import atomic_write
from bsct_zoo.report import files
from bsct_zoo.report.layout import Layout, superscript
from bsct_zoo.report.tables import models_table
from bsct_zoo.tabular import data_frame

if TYPE_CHECKING:
    import pandas as pd

    from bsct_zoo.suites.suite import Suite


class Report:
    """What came out of tasks put to models.

    Attributes:
        results: all of it, typed.
    """

    def __init__(self, results: Results, suites: Mapping[str, Suite] | None = None) -> None:
        """``suites``, by name, are those at hand; ``to_html`` looks for others among the installed ones."""
        self.results, self._suites = results, dict(suites or {})

    # -- looked at -----------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        from bsct_zoo.report.console import make_console
        from bsct_zoo.report.terminal import draw

        buffer = io.StringIO()
        # A notebook would show it twice, and asks for colours.
        console = make_console(file=buffer, width=100, force_jupyter=False, force_terminal=False)
        for layout in self._layouts():
            draw(layout, console)
        return buffer.getvalue().rstrip()

    def _repr_html_(self) -> str:
        return "".join(_html(layout) for layout in self._layouts())

    def value(self, model: str, column: str) -> float | None:
        """Value of a column ("fsd_full", "nve_drift") of a model; None if there is none.

        Raises:
            UnknownNameError: there is no such model or column.
        """
        if column not in self.results.columns:
            raise UnknownNameError("column", column, list(self.results.columns))
        return self.results.value(self._row(model), column)

    def worst(self, model: str, n: int = 5, column: str = "fsd_full") -> list[Record]:
        """The ``n`` records of a model with the worst value of a column, worst first.

        Raises:
            UnknownNameError: there is no such model or column.
        """
        if column not in self.results.columns:
            raise UnknownNameError("column", column, list(self.results.columns))
        task, what = self.results.columns[column]
        sign = 1.0 if what.better == "higher" else -1.0
        records = [r for r in self._row(model).evaluations[task.name].records if r.metrics.get(what.of) is not None]
        return sorted(records, key=lambda record: sign * (record.metrics[what.of] or 0.0))[:n]

    # -- handed on -----------------------------------------------------------------------------------------

    def to_pandas(self, records: bool = False, quantities: bool = False) -> pd.DataFrame:
        """A data frame: a row for each model and task, with ``records`` for each record, or for each quantity.

        Raises:
            BadInputError: pandas is not installed.
        """
        rows: list[dict[str, Any]] = []
        for task in self.results.tasks:
            for row, evaluation in self.results.rows_under(task):
                about = {"model": row.model, "task": task.name}
                if quantities:
                    rows += [{**about, "item": r.id, **asdict(q)} for r in evaluation.records for q in r.quantities]
                elif records:
                    rows += [
                        {**about, "item": r.id, "group": r.group, "status": r.status, **r.metrics}
                        for r in evaluation.records
                    ]
                else:
                    facts = {"status": evaluation.status, "seconds": evaluation.seconds}
                    rows.append({**about, **facts, **evaluation.values})
        return data_frame(rows)

    def to_json(self, path: str | Path) -> None:
        """Write JSON of schema 2, see ``docs/json.md``."""
        atomic_write(Path(path), json_text(self.results).encode())

    def to_csv(self, path: str | Path) -> None:
        """Write CSV, one line for each model and for each record."""
        atomic_write(Path(path), files.csv_text(self.results).encode())

    def to_markdown(self) -> str:
        """The tables as Markdown."""
        return "\n".join(files.markdown(layout) for layout in self._layouts())

    def to_html(self, path: str | Path, *, full: bool = False) -> None:
        """Write one HTML file that shows everything and needs nothing else, see ``docs/report.md``.

        Args:
            path: of the file.
            full: forces on every atom for all scans, however large the file; else for the worst, up to about 6 MB.

        Raises:
            BadInputError: plotly is not installed.
        """
        from bsct_zoo.report.page.write import page

        atomic_write(Path(path), page(self.results, self._suites, full=full).encode())

    # -- inside --------------------------------------------------------------------------------------------

    def _row(self, model: str) -> Any:
        for row in self.results.rows:
            if row.model == model:
                return row
        raise UnknownNameError("model", model, [row.model for row in self.results.rows])

    def _layouts(self) -> list[Layout]:
        return [_layout(self.results, task) for task in self.results.tasks]


def _layout(results: Results, task: TaskInfo) -> Layout:
    names = {column.name: name for name, (owner, column) in reversed(list(results.columns.items())) if owner is task}
    shown = [names[name] for name in task.headline] if task.kind == "scans" else []
    sort = "fsd_full" if task is primary(results) and task.kind == "scans" else ""
    return models_table(results, task, shown, sort)


def _html(layout: Layout) -> str:
    rows = [[cell.text + "*" * cell.best for cell in row] for row in layout.rows]
    notes = [f"{superscript(n)} {note}" for n, note in enumerate(layout.footnotes, start=1)]
    below = notebook.table(["notes"], [[note] for note in [*notes, *layout.remarks]])
    return notebook.table(layout.headers, rows, layout.title) + below
