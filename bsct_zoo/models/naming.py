"""How a user names a model: ``name``, ``name:card``, ``name:path``, with ``@key=value,...`` behind it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bsct_zoo.errors import BadInputError, UnknownNameError
from bsct_zoo.models.trust import trusted
from bsct_zoo.models.weights import with_weights
from bsct_zoo.plugins.cards import Adapter, ModelCard, Option, OptionValue, import_path
from bsct_zoo.plugins.registry import registry

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class ModelSpec:
    """A model that a user asked for.

    Attributes:
        text: as the user wrote it.
        adapter: its family.
        card: its weights.
        options: its settings, defaults filled in.
    """

    text: str
    adapter: Adapter
    card: ModelCard
    options: Mapping[str, OptionValue]


def parse_model(text: str, *, trust: bool = False) -> ModelSpec:
    """The model that ``text`` names, ready to be loaded: its weights are here and may be read.

    Raises:
        UnknownNameError: no such family, card or option; names the nearest.
        MissingWeightsError: its weights are to be fetched first.
        UntrustedFileError: the file can execute code, nobody vouches for it and ``trust`` is not given.
        BadInputError: the text, an option's value or the file is not usable.
    """
    spec = named_model(text)
    card = with_weights(spec.adapter, spec.card)
    return replace(spec, card=trusted(text.partition("@")[0], card, trust=trust))


def named_model(text: str) -> ModelSpec:
    """The model that ``text`` names, as its card says; nothing is read of its weights.

    Raises:
        UnknownNameError: no such family, card or option; names the nearest.
        BadInputError: the text, an option's value or a user's own file is not usable.
    """
    head, _, tail = text.partition("@")
    name, _, choice = head.partition(":")
    adapter = registry().adapter(name)
    return ModelSpec(text, adapter, _card(adapter, choice), _options(adapter, tail))


def complete_models(incomplete: str) -> list[str]:
    """Names that a shell may complete ``incomplete`` to."""
    names = []
    for adapter in registry().adapters.values():
        names += [adapter.name, *adapter.aliases, *(f"{adapter.name}:{card.name}" for card in adapter.cards)]
    return [name for name in names if name.startswith(incomplete)]


def _card(adapter: Adapter, choice: str) -> ModelCard:
    if not choice:
        if adapter.cards:
            return adapter.cards[0]
        train = "" if adapter.trainer is None else f", or make one: bsct-zoo train {adapter.name}"
        raise BadInputError(f"'{adapter.name}' has no model of its own; name one: {adapter.name}:...{train}")
    for card in adapter.cards:
        if card.name == choice:
            return card
    if adapter.file_card is None or (adapter.cards and _looks_like_a_name(choice)):
        raise UnknownNameError(f"card of '{adapter.name}'", choice, [card.name for card in adapter.cards])
    made: ModelCard = import_path(adapter.file_card)(choice)
    return made


def _looks_like_a_name(choice: str) -> bool:
    """Whether ``choice`` can hardly be meant as a file."""
    from pathlib import Path

    return not any(mark in choice for mark in "/\\.") and not Path(choice).exists()


def _options(adapter: Adapter, text: str) -> dict[str, OptionValue]:
    values = {option.name: option.default for option in adapter.options}
    known = {name: option for option in adapter.options for name in (option.name, *option.aliases)}
    for item in filter(None, text.split(",")):
        key, equals, raw = item.partition("=")
        if not equals:
            raise BadInputError(f"option '{item}' of '{adapter.name}' has no value; write {item}=VALUE")
        if key in known:
            values[known[key].name] = _value(adapter, known[key], raw)
        elif adapter.free_options:
            values[key] = _literal(raw)
        else:
            raise UnknownNameError(f"option of '{adapter.name}'", key, list(values))
    return values


def _value(adapter: Adapter, option: Option, raw: str) -> OptionValue:
    if option.type is bool:
        if raw.lower() in ("true", "yes", "1", "false", "no", "0"):
            return raw.lower() in ("true", "yes", "1")
    else:
        try:
            return option.type(raw)
        except ValueError:
            pass
    wanted = {"str": "text", "int": "a whole number", "float": "a number", "bool": "true or false"}
    raise BadInputError(f"option {option.name}={raw} of '{adapter.name}' must be {wanted[option.type.__name__]}")


def _literal(raw: str) -> OptionValue:
    """A number, a truth value, or else text."""
    try:
        value = json.loads(raw)
    except json.JSONDecodeError:
        return raw
    return value if isinstance(value, (int, float, bool)) else raw
