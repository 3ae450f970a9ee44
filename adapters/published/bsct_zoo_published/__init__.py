"""Published models that need no code of ours: a card each, in the TOML files beside this one."""

from pathlib import Path

from bsct_zoo import hookimpl
from bsct_zoo.plugins import calculator_cards
from bsct_zoo.plugins.cards import Adapter

FILES = tuple(Path(__file__).with_name(name) for name in ("here.toml", "fetched.toml"))


@hookimpl
def register_adapters() -> list[Adapter]:
    """An adapter for each card."""
    return [adapter for file in FILES for adapter in calculator_cards.adapters_of(file)]
