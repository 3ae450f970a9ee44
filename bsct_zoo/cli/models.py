"""``bsct-zoo models``: list the models, show one, add or remove one, download weights."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from bsct_zoo.cli import options
from bsct_zoo.cli.models_add import add

app = typer.Typer(help="List models, show one, add or remove one, download weights.", invoke_without_command=True)


@app.callback()
def models(
    context: typer.Context,
    everything: Annotated[
        bool, options.choose("--all", help="Include models whose weights are not downloaded.")
    ] = False,
    json: options.JsonFlag = False,
) -> None:
    """List the models that can run now; --all includes those that must be downloaded first."""
    if context.invoked_subcommand is not None:
        return
    from bsct_zoo.cli.output import write_json
    from bsct_zoo.plugins.registry import registry
    from bsct_zoo.report.model import brief, weights_state

    adapters = sorted(registry().adapters.values(), key=lambda adapter: adapter.name)
    cards = [(adapter, card) for adapter in adapters for card in adapter.cards or (None,)]
    if json:
        write_json("-", [brief(adapter, card) for adapter, card in cards if card is not None])
        return
    from bsct_zoo.report.listing import console
    from bsct_zoo.report.model_tables import draw_models

    ready = [(adapter, card) for adapter, card in cards if card is None or weights_state(adapter, card) != "fetch"]
    draw_models(cards if everything else ready, console())
    print("\ndetails: bsct-zoo models show NAME")
    if missing := 0 if everything else len(cards) - len(ready):
        print(f"{missing} more can be downloaded: bsct-zoo models --all")


@app.command("show")
def show(name: options.Model, json: options.JsonFlag = False) -> None:
    """Show the card of a model: weights, environment, speed, training, errors, citation."""
    from bsct_zoo.cli.output import write_json
    from bsct_zoo.models.naming import named_model
    from bsct_zoo.report.listing import console
    from bsct_zoo.report.model import full
    from bsct_zoo.report.model_tables import draw_model

    spec = named_model(name)
    if json:
        write_json("-", full(spec.adapter, spec.card))
    else:
        draw_model(spec.adapter, spec.card, console())


app.command("add")(add)


@app.command("remove")
def remove(
    name: Annotated[str, typer.Argument(help="As in 'models add NAME'.")],
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="Where it stands; your own models.toml by default.")
    ] = None,
) -> int:
    """Take a card that was added out of its file; everything else in it stays as it is."""
    from bsct_zoo.errors import BadInputError
    from bsct_zoo.plugins import calculator_cards

    target = file or calculator_cards.user_file()
    if not target.is_file():
        raise BadInputError(f"there is no file {target}, so no card of your own to remove")
    calculator_cards.remove(name, target)
    print(f"removed {name} from {target}")
    return 0


@app.command("fetch")
def fetch(
    names: options.Cards,
    yes: options.Unasked = False,
) -> int:
    """Download weights into the cache; an interrupted download resumes, and checksums are verified.

    Asks for confirmation at a terminal, because a licence applies. Exit code: 0 all present, 1 declined,
    2 a download failed.
    """
    from bsct_zoo.cli.weights import confirmed, fetch_shown
    from bsct_zoo.errors import BadInputError
    from bsct_zoo.files import sha256
    from bsct_zoo.models.naming import named_model
    from bsct_zoo.models.weights import find

    specs = [named_model(name) for name in names]
    for spec in specs:
        if not spec.card.url:
            others = [f"{spec.adapter.name}:{card.name}" for card in spec.adapter.cards if card.url]
            choices = f"; available downloads: {', '.join(others)}" if others else ""
            raise BadInputError(f"'{spec.text}' needs no download{choices}")
    refused = False
    for spec in specs:
        record = find(spec.adapter, spec.card)
        if record is not None and sha256(record.path) == record.sha256:
            print(f"{spec.text} is already downloaded: {record.path}", file=sys.stderr)
        elif yes or not sys.stdin.isatty() or confirmed(spec.adapter, spec.card):
            fetch_shown(spec.adapter, spec.card)
        else:
            refused = True
    return int(refused)
