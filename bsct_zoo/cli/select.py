"""``bsct-zoo select``: choose a model from results of ``compare``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bsct_zoo.cli import completion, options


def select(
    files: Annotated[
        list[Path], typer.Option("--from", metavar="FILE", help="JSON of compare; give it again for more models.")
    ],
    require: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CONDITION", help="e.g. 'fsd_full<40', 'elements>=C,H,O', 'licence=MIT', 'forces=gradient'."
        ),
    ] = None,
    minimise: Annotated[
        str,
        typer.Option(help="What is to be small, separated by commas.", autocompletion=completion.metrics),
    ] = "fsd_full,forces_mae_full,seconds",
    seed: Annotated[int, options.seed("the bootstrap")] = 0,
    markdown: options.Markdown = False,
) -> int:
    """Show the models that no other beats, why others were excluded, and a recommendation per use.

    Exit code: 0 if a model is left, 1 if none is, 2 on bad input.
    """
    from bsct_zoo.analysis.choice import merged
    from bsct_zoo.analysis.choice import select as choose
    from bsct_zoo.analysis.conditions import parse_condition
    from bsct_zoo.cli.output import show
    from bsct_zoo.errors import BadInputError
    from bsct_zoo.evaluation.results import read_results
    from bsct_zoo.report.selection import candidates

    objectives = [name.strip() for name in minimise.split(",") if name.strip()]
    if not objectives:
        raise BadInputError("--minimise names nothing; give metrics, as in fsd_full,seconds")
    results = merged([read_results(path) for path in files])
    conditions = [parse_condition(text, results.columns) for text in require or []]
    selection = choose(results, conditions, objectives, seed)
    layout = candidates(selection, results)
    layout.remarks += [*selection.notes, *(f"{use}: {sentence}" for use, sentence in selection.advice)]
    show([layout], markdown)
    return int(not selection.front)
