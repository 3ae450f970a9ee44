"""``bsct-zoo cache``: predictions that are kept."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(help="Predictions that are kept.", no_args_is_help=True)


@app.command("show")
def show() -> None:
    """Say where predictions are kept and how much room they take."""
    from bsct_zoo.evaluation.cache import PredictionCache
    from bsct_zoo.runtime.folders import cache_dir

    cache = PredictionCache(cache_dir() / "predictions")
    count, size = cache.size()
    print(f"{count} predictions, {size / 1e6:.1f} MB in {cache.folder}")


@app.command("clear")
def clear(yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False) -> None:
    """Remove every kept prediction."""
    import sys

    from bsct_zoo.errors import BadInputError
    from bsct_zoo.evaluation.cache import PredictionCache
    from bsct_zoo.runtime.folders import cache_dir

    cache = PredictionCache(cache_dir() / "predictions")
    count, size = cache.size()
    if count and not yes:
        if not sys.stdin.isatty():
            raise BadInputError(f"this would remove {count} predictions ({size / 1e6:.1f} MB); say --yes")
        if not typer.confirm(f"Remove {count} predictions ({size / 1e6:.1f} MB)?", err=True):
            print("nothing was removed")
            return
    cache.clear()
    left, _ = cache.size()
    if left:
        raise BadInputError(f"{left} predictions in {cache.folder} could not be removed; see who owns them")
    print(f"removed {count} predictions, {size / 1e6:.1f} MB")
