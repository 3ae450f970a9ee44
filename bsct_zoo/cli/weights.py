"""Asking before weights are fetched, and showing how that goes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bsct_zoo.models.naming import ModelSpec
    from bsct_zoo.models.weights import Fetched
    from bsct_zoo.plugins.cards import Adapter, ModelCard


def resolve_models(texts: Sequence[str], *, trust: bool, yes: bool) -> list[ModelSpec]:
    """The models that ``texts`` name, ready to be loaded; missing weights are fetched after a yes.

    Every name is looked at before anything is fetched.

    Raises:
        MissingWeightsError: weights are missing, ``yes`` is not given and nobody at a terminal said so.
        BadInputError: see ``parse_model``.
    """
    from bsct_zoo.errors import MissingWeightsError
    from bsct_zoo.models.naming import named_model, parse_model

    ready: dict[str, ModelSpec] = {}
    missing: dict[str, ModelSpec] = {}
    for text in texts:
        try:
            ready[text] = parse_model(text, trust=trust)
        except MissingWeightsError:
            spec = named_model(text)
            if not (yes or confirmed(spec.adapter, spec.card)):
                raise
            missing[f"{spec.adapter.name}:{spec.card.name}"] = spec
    for spec in missing.values():
        fetch_shown(spec.adapter, spec.card)
    return [ready.get(text) or parse_model(text, trust=trust) for text in texts]


def confirmed(adapter: Adapter, card: ModelCard) -> bool:
    """Whether somebody at a terminal says yes to fetching; False where nobody can be asked."""
    import typer

    from bsct_zoo.models.weights import size_text

    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    what = f"{adapter.name}:{card.name}, {size_text(card.size)}, licence {card.licence}, from {card.url}"
    return typer.confirm(f"fetch the weights of {what}?", err=True)


def fetch_shown(adapter: Adapter, card: ModelCard) -> Fetched:
    """Fetch the weights of ``card``, with its address, licence and progress on standard error.

    Raises:
        DownloadError: see ``weights.fetch``; also its other errors.
    """
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    from bsct_zoo.models.weights import fetch, size_text

    name = f"{adapter.name}:{card.name}"
    console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
    console.print(f"fetching {name} from {card.url}")
    console.print(f"  {size_text(card.size)}, licence {card.licence}; by fetching it you accept its terms")
    if card.sha256 is None:
        console.print(f"  warning: its sha256 is not known beforehand, so only {card.url} vouches for the file")
    columns = (BarColumn(24), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn(compact=True))
    with Progress(
        TextColumn("{task.description}", markup=False),
        *columns,
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bars:
        task = bars.add_task(name, total=card.size)
        fetched = fetch(
            adapter,
            card,
            tell=lambda done, total: bars.update(task, completed=done, total=total),
            on_event=lambda text: console.print(f"  {text}"),
        )
    checked = "sha256 as on its card" if card.sha256 else f"sha256 {fetched.sha256}, recorded"
    console.print(f"  {size_text(fetched.size)}, {checked}: {fetched.path}")
    if card.sha256 is None and card.executes_code:
        console.print(f"  it can execute code when it is read: '{name}' loads only with --trust")
    return fetched
