"""``bsct-zoo correlate``: whether one metric of models predicts another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bsct_zoo.cli import options

if TYPE_CHECKING:
    from bsct_zoo.analysis.reading import Collection

_FORCE_ERROR = "forces_mae_full"  # what every model is chosen by, and so the first suspect behind a correlation


def correlate(
    results: Annotated[
        list[Path], typer.Argument(metavar="RESULT.json...", help="Written by --json of compare, md or properties.")
    ],
    x: Annotated[list[str], typer.Option(help="Metric that is to predict; again, or with commas, for more.")],
    y: Annotated[list[str], typer.Option(help="Metric that is to be predicted: nve_drift, nve_failed, frequency_mae.")],
    given: Annotated[
        list[str] | None,
        typer.Option(help=f"Metric that is taken out of both; none for none. Default: {_FORCE_ERROR} if it is there."),
    ] = None,
    figure: Annotated[Path | None, typer.Option(metavar="FILE", help="Draw scatter plots: .png, .pdf or .svg.")] = None,
    json: options.JsonFile = None,
    csv: options.CsvFile = None,
    markdown: options.Markdown = False,
    seed: Annotated[int, options.seed("the bootstrap")] = 0,
) -> int:
    """Correlate metrics over models: Spearman, Kendall and Pearson of logs, with intervals, and what each metric costs.

    Models are matched by name, card and checkpoint. Exit code: 0 all done, 2 bad input.
    """
    from bsct_zoo.analysis.correlate import correlate as run
    from bsct_zoo.analysis.reading import collect
    from bsct_zoo.cli import output
    from bsct_zoo.report import correlation_figure as drawing
    from bsct_zoo.report import correlation_tables as tables

    output.check_targets(json, csv, markdown)
    if figure is not None:
        drawing.require_matplotlib()
        drawing.check_format(figure)
        output.check_targets(str(figure), None, False)
    found = collect(results)
    correlation = run(found, _names(x), _names(y), _given(given, found), seed)
    shown = [tables.coefficients_table(correlation), tables.costs_table(correlation)]
    output.write(correlation, shown, tables.csv_text, json, csv, markdown)
    if figure is not None:
        drawing.draw(correlation, figure)
    return 0


def _names(texts: list[str]) -> list[str]:
    return [name.strip() for text in texts for name in text.split(",") if name.strip()]


def _given(texts: list[str] | None, found: Collection) -> list[str]:
    if texts is None:
        return [_FORCE_ERROR] if _FORCE_ERROR in found.measures else []
    return [] if texts == ["none"] else _names(texts)
