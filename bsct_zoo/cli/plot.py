"""``bsct-zoo plot``: figures for papers from results."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from bsct_zoo.evaluation.results import ModelResult, Results, TaskInfo
    from bsct_zoo.report.figures.style import Size


class Kind(StrEnum):
    """What to draw."""

    scan = "scan"
    violin = "violin"
    pareto = "pareto"
    ladder = "ladder"
    md = "md"
    correlation = "correlation"


class Width(StrEnum):
    """How wide a figure is."""

    column = "column"
    page = "page"


def plot(
    results: Annotated[
        list[Path], typer.Argument(metavar="RESULT.json...", help="Written by --json of compare, md or properties.")
    ],
    kind: Annotated[Kind, typer.Option(help="What to draw.")],
    to: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Ends in .png, .svg or .pdf.")],
    size: Annotated[Width, typer.Option(help="86 mm, or 178 mm wide.")] = Width.column,
    model: Annotated[
        list[str] | None, typer.Option(help="Models to draw, in this order; repeatable. Default: all of them.")
    ] = None,
    task: Annotated[
        str | None, typer.Option(metavar="TASK", help="Suite or check to draw. Default: the first that fits.")
    ] = None,
    scan: Annotated[str | None, typer.Option(metavar="ID", help="For scan. Default: the worst.")] = None,
    metric: Annotated[
        list[str] | None, typer.Option(help="For violin (one) and ladder (one or more); repeatable.")
    ] = None,
    x: Annotated[
        str | None, typer.Option(help="For pareto (forces_mae_full) and correlation (fsd_full): the metric across.")
    ] = None,
    y: Annotated[str | None, typer.Option(help="For pareto (fsd_full) and correlation (drift): the metric up.")] = None,
) -> int:
    """Draw results for a paper: one style, no LaTeX, colours that colour-blind readers tell apart.

    Exit code: 0 success, 2 bad input.
    """
    from bsct_zoo.cli import output
    from bsct_zoo.report.figures import style

    output.check_targets(str(to), None, False)
    style.check_format(to)
    asked = Asked(tuple(results), size.value, tuple(model or ()), task, scan, _names(metric or []), x, y)
    draw = _correlation if kind is Kind.correlation else _DRAW[kind]
    with style.style():
        figure = draw(asked)
    style.write_figure(figure, to)
    print(f"wrote {to}")
    return 0


@dataclass(frozen=True)
class Asked:
    """What the user asked for, as of ``plot``."""

    paths: tuple[Path, ...]
    size: Size
    models: tuple[str, ...]
    task: str | None
    scan: str | None
    metrics: tuple[str, ...]
    x: str | None
    y: str | None

    def results(self, kind: str) -> tuple[Results, TaskInfo, list[ModelResult]]:
        """Everything that the files hold, the task that is meant, and the models under it.

        Raises:
            BadInputError: there is no such task or model.
        """
        from bsct_zoo.analysis.choice import merged
        from bsct_zoo.errors import BadInputError, UnknownNameError
        from bsct_zoo.evaluation.results import read_results

        found = merged([read_results(path) for path in self.paths], several_suites=True)
        fitting = [task for task in found.tasks if task.kind == kind]
        if not fitting:
            command = "md" if kind == "md" else "compare"
            raise BadInputError(f"no result is of {kind}; make one with: bsct-zoo {command} MODEL --json FILE")
        known = {task.name: task for task in fitting}
        if self.task is not None and self.task not in known:
            raise UnknownNameError("task", self.task, list(known))
        task = known[self.task or fitting[0].name]
        rows = {row.model: row for row, _ in found.rows_under(task)}
        for name in self.models:
            if name not in rows:
                raise UnknownNameError("model", name, list(rows))
        return found, task, [rows[name] for name in self.models or rows]


def _scan(asked: Asked) -> Figure:
    from bsct_zoo.errors import UnknownNameError
    from bsct_zoo.report.figures.scan import scan_figure
    from bsct_zoo.report.page.scans import worst_first

    results, task, rows = asked.results("scans")
    ids = [id for name, id in worst_first(results) if name == task.name]
    if asked.scan is not None and asked.scan not in ids:
        raise UnknownNameError("scan", asked.scan, ids)
    return scan_figure(task, rows, asked.scan or ids[0], asked.size)


def _violin(asked: Asked) -> Figure:
    from bsct_zoo.errors import BadInputError
    from bsct_zoo.report.figures.spread import violin_figure

    results, task, rows = asked.results("scans")
    if len(asked.metrics) > 1:
        raise BadInputError("a violin is of one metric; give --metric once")
    (name,) = _columns(results, task, asked.metrics or ("fsd_full",))
    return violin_figure(results, rows, name, asked.size)


def _pareto(asked: Asked) -> Figure:
    from bsct_zoo.report.figures.spread import pareto_figure

    results, task, rows = asked.results("scans")
    x, y = _columns(results, task, (asked.x or "forces_mae_full", asked.y or "fsd_full"))
    return pareto_figure(results, rows, x, y, asked.size)


def _ladder(asked: Asked) -> Figure:
    from bsct_zoo.report.figures.spread import ladder_figure

    results, task, rows = asked.results("scans")
    names = _columns(results, task, asked.metrics or ("fsd_full", "forces_mae_full"))
    return ladder_figure(results, rows, names, asked.size)


def _md(asked: Asked) -> Figure:
    from bsct_zoo.report.figures.md import md_figure

    _, task, rows = asked.results("md")
    return md_figure(task, rows, asked.size)


_DRAW = {Kind.scan: _scan, Kind.violin: _violin, Kind.pareto: _pareto, Kind.ladder: _ladder, Kind.md: _md}


def _correlation(asked: Asked) -> Figure:
    from bsct_zoo.analysis.correlate import correlate
    from bsct_zoo.analysis.reading import collect
    from bsct_zoo.report.correlation_figure import figure_of
    from bsct_zoo.report.figures.style import WIDTH

    found = correlate(collect(asked.paths), [asked.x or "fsd_full"], [asked.y or "drift"], [])
    width = WIDTH[asked.size]
    return figure_of(found, (width, (0.9 if asked.size == "column" else 0.62) * width))


def _names(texts: list[str]) -> tuple[str, ...]:
    return tuple(name for text in texts for name in text.split(",") if name)


def _columns(results: Results, task: TaskInfo, names: tuple[str, ...]) -> list[str]:
    """Names of columns: those of ``task`` may be given without its name.

    Raises:
        UnknownNameError: there is no such column.
    """
    from bsct_zoo.errors import UnknownNameError

    found = []
    for name in names:
        own = f"{task.name.replace('-', '_')}_{name}"
        if own not in results.columns and name not in results.columns:
            raise UnknownNameError("metric", name, list(results.columns))
        found.append(own if own in results.columns else name)
    return found
