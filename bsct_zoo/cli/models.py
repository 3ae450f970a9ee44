"""``bsct-zoo models``: what models there are."""

from __future__ import annotations

from typing import Annotated

import typer

from bsct_zoo.cli import completion

app = typer.Typer(help="Models that can be compared.", invoke_without_command=True)


@app.callback()
def models(context: typer.Context) -> None:
    """List every model with its level of theory, licence and where it runs."""
    if context.invoked_subcommand is not None:
        return
    from rich.console import Console
    from rich.table import Table

    from bsct_zoo.plugins.registry import registry
    from bsct_zoo.runtime.load import where

    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for title in ("model", "what", "level of theory", "elements", "licence", "runs"):
        table.add_column(title, overflow="fold")
    for adapter in sorted(registry().adapters.values(), key=lambda a: a.name):
        place = where(adapter).partition(" ")[0]
        runs = {"here": "here", "environment": "own env"}.get(place, "own env, not built")
        if not adapter.cards:
            table.add_row(f"{adapter.name}:...", adapter.summary, "as given", "as given", "as given", runs)
        for index, card in enumerate(adapter.cards):
            name = adapter.name if index == 0 else f"{adapter.name}:{card.name}"
            known = " ".join(card.elements) if len(card.elements) <= 12 else f"{len(card.elements)} of them"
            table.add_row(name, card.title, card.level_of_theory, known or "any", card.licence, runs)
    Console(highlight=False, markup=False).print(table)


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(help="name or name:card", autocompletion=completion.models)],
    trust: Annotated[bool, typer.Option("--trust", help="Accept formats that can execute code.")] = False,
) -> None:
    """Show the card of one model in full."""
    import json

    from rich.console import Console
    from rich.table import Table

    from bsct_zoo.models import parse_model
    from bsct_zoo.runtime.load import where

    spec = parse_model(name, trust=trust)
    adapter, card = spec.adapter, spec.card
    facts: dict[str, str] = {
        "model": f"{adapter.name}:{card.name}",
        "title": card.title,
        "family": adapter.summary,
        "aliases": ", ".join(adapter.aliases),
        "level of theory": card.level_of_theory,
        "elements": " ".join(card.elements) or "any that its package takes",
        "licence": card.licence,
        "source": card.source,
        "checkpoint": card.checkpoint or "",
        "sha256": card.sha256 or "",
        "needs": ", ".join(adapter.environment.requirements) or "nothing beyond bsct-zoo",
        "runs": where(adapter),
        "options": "\n".join(f"{o.name}={o.default}  {o.help}" for o in adapter.options),
        "cite": card.citation or adapter.citation,
        "notes": json.dumps(dict(card.notes), indent=1, ensure_ascii=False) if card.notes else "",
    }
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for key, value in facts.items():
        if value:
            table.add_row(key, value)
    Console(highlight=False, markup=False).print(table)
