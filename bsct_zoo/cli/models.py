"""``bsct-zoo models``: what models there are, what is known of one, and getting its weights."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from bsct_zoo.cli import completion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from bsct_zoo.plugins.cards import Adapter

app = typer.Typer(help="Models that can be compared.", invoke_without_command=True)

_Json = Annotated[bool, typer.Option("--json", help="Write JSON.")]


@app.callback()
def models(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Also models whose weights are not here yet.")] = False,
    json: _Json = False,
) -> None:
    """List the models that can run at once; those to be fetched first are named below, and in full with --all."""
    if context.invoked_subcommand is not None:
        return
    from bsct_zoo.plugins.registry import registry
    from bsct_zoo.report.model import brief, weights_state

    adapters = sorted(registry().adapters.values(), key=lambda a: a.name)
    if json:
        _print_json([brief(adapter, card) for adapter in adapters for card in adapter.cards])
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for title in ("model", "what", "level of theory", "elements", "licence", "runs"):
        table.add_column(title, overflow="fold", no_wrap=title == "model")
    elsewhere = []
    for adapter in adapters:
        names = [card.name for card in adapter.cards if weights_state(adapter, card) == "fetch"]
        if names:
            elsewhere.append(f"{adapter.name}:  {'  '.join(names)}")
        _add_rows(table, adapter, () if everything else names)
    console = Console(highlight=False, markup=False)
    console.print(table)
    if elsewhere and not everything:
        console.print("\nafter 'bsct-zoo models fetch NAME:CARD' (licence and size: 'models show' or 'models --all'):")
        console.print("\n".join(elsewhere))


@app.command("show")
def show(
    name: Annotated[str, typer.Argument(help="name, name:card or name:path", autocompletion=completion.models)],
    json: _Json = False,
) -> None:
    """Show all that is known of one model: card, weights, environment, speed, how to cite it."""
    from rich.console import Console
    from rich.table import Table

    from bsct_zoo.models.naming import named_model
    from bsct_zoo.report.model import full, lines

    spec = named_model(name)
    if json:
        _print_json(full(spec.adapter, spec.card))
        return
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for key, value in lines(spec.adapter, spec.card).items():
        table.add_row(key, value)
    Console(highlight=False, markup=False).print(table)


@app.command("fetch")
def fetch(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="name:card", autocompletion=completion.models)],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask at a terminal.")] = False,
) -> int:
    """Get the weights of models into the cache: resumed where it broke off, and checked.

    At a terminal it asks first, since a licence comes with them. Exit code: 0 all are here, 1 somebody said no,
    2 something could not be had.
    """
    from bsct_zoo.cli.weights import confirmed, fetch_shown
    from bsct_zoo.errors import BadInputError
    from bsct_zoo.models.download import file_sha256
    from bsct_zoo.models.naming import named_model
    from bsct_zoo.models.weights import find

    specs = [named_model(name) for name in names]
    for spec in specs:
        if not spec.card.url:
            others = [f"{spec.adapter.name}:{card.name}" for card in spec.adapter.cards if card.url]
            mend = f"; what can be fetched: {', '.join(others)}" if others else ""
            raise BadInputError(f"'{spec.text}' has nothing to fetch, its weights are here{mend}")
    refused = False
    for spec in specs:
        found = find(spec.adapter, spec.card)
        if found is not None and file_sha256(found.path) == found.sha256:
            print(f"{spec.text} is here: {found.path}", file=sys.stderr)
        elif yes or not sys.stdin.isatty() or confirmed(spec.adapter, spec.card):
            fetch_shown(spec.adapter, spec.card)
        else:
            refused = True
    return int(refused)


def _add_rows(table: Table, adapter: Adapter, left_out: Sequence[str]) -> None:
    """Add the models of a family to ``table``, but for the cards called ``left_out``."""
    from bsct_zoo.report.model import brief, runs_in

    if not adapter.cards:
        table.add_row(f"{adapter.name}:...", adapter.summary, *["as given"] * 3, runs_in(adapter))
    for card in adapter.cards:
        if card.name in left_out:
            continue
        known = brief(adapter, card)
        elements = " ".join(card.elements) if len(card.elements) <= 12 else f"{len(card.elements)} of them"
        to_fetch = "fetch" + (f" {card.size / 1e6:.0f} MB" if card.size else "")
        state = to_fetch if known["weights"] == "fetch" else known["runs"]
        licence = card.licence.partition(" (")[0]
        table.add_row(known["name"], card.title, card.level_of_theory, elements or "any", licence, state)


def _print_json(value: object) -> None:
    import json

    print(json.dumps(value, indent=1, ensure_ascii=False))
