"""How a user names a model: ``name``, ``name:card``, ``name:path``, followed by ``@key=value,...``.

``label=`` before all that is what results call it: ``new=transformer:run/a.safetensors``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bsct_zoo import notebook
from bsct_zoo.errors import BadInputError, UnknownNameError
from bsct_zoo.models.trust import trusted
from bsct_zoo.models.weights import with_weights
from bsct_zoo.plugins.calculator_cards import card_of_file
from bsct_zoo.plugins.cards import Adapter, ModelCard, OptionValue, import_path
from bsct_zoo.plugins.options import equipped, parse_options
from bsct_zoo.plugins.registry import registry

_LABEL = re.compile(r"([^\W_][\w.+-]*)=(.*)", re.DOTALL)


@dataclass(frozen=True)
class ModelSpec:
    """A model as requested by the user.

    Attributes:
        text: what it is called: its label, or else what the user wrote.
        adapter: its family.
        card: its weights.
        options: its settings, defaults filled in.
        named: what the user wrote, without a label; ``text`` if empty.
    """

    text: str
    adapter: Adapter
    card: ModelCard
    options: Mapping[str, OptionValue]
    named: str = ""

    @property
    def typed(self) -> str:
        """What the user wrote, without a label."""
        return self.named or self.text

    def _repr_html_(self) -> str:
        card = self.card
        return notebook.facts(
            self.text,
            [
                ("title", card.title),
                ("level of theory", card.level_of_theory),
                ("elements", " ".join(card.elements) or "any"),
                ("parameters", f"{card.parameters:,}" if card.parameters else ""),
                ("licence", card.licence),
                ("source", card.source),
            ],
        )


def parse_model(text: str, *, trust: bool = False) -> ModelSpec:
    """The model that ``text`` names, ready to load: its weights are present and trusted.

    Raises:
        UnknownNameError: no such family, card or option; names the nearest.
        MissingWeightsError: its weights must be downloaded first.
        UntrustedFileError: the file can run code, is unverified, and ``trust`` is not given.
        BadInputError: the text, an option's value or the file is invalid.
    """
    spec = named_model(text)
    card = with_weights(spec.adapter, spec.card)
    return replace(spec, card=trusted(spec.named.partition("@")[0], card, trust=trust))


def named_model(text: str) -> ModelSpec:
    """The model that ``text`` names, as its card says; its weights are not read.

    Raises:
        UnknownNameError: no such family, card or option; names the nearest.
        BadInputError: the text, an option's value or a user's own file is invalid, or several models are one word.
    """
    label, text = labelled(text)
    head, _, tail = text.partition("@")
    name, _, choice = head.partition(":")
    if "," in name:
        raise BadInputError(f"'{text}' is no model; separate models with spaces: {' '.join(name.split(','))}")
    adapter = registry().adapter(name)
    options = parse_options(tail, adapter.options, f"option of '{adapter.name}'", free=adapter.free_options)
    return ModelSpec(label or text, equipped(adapter, options), _card(adapter, choice), options, text)


def labelled(text: str) -> tuple[str, str]:
    """The label before "=", empty without one, and the model behind it; an "=" behind ":" or "@" makes none.

    Raises:
        BadInputError: a label without a model.
    """
    match = _LABEL.match(text)
    if match is None:
        return "", text
    label, rest = match.groups()
    if not rest:
        raise BadInputError(f"'{text}' has a label and no model; write {label}=NAME")
    return label, rest


def refuse_ambiguous(specs: Sequence[ModelSpec]) -> None:
    """Raise if a label is that of another model too.

    Raises:
        BadInputError: names it.
    """
    for spec in specs:
        if spec.text != spec.named and [other.text for other in specs].count(spec.text) > 1:
            raise BadInputError(f"two models are called '{spec.text}'; give each a label of its own")


def complete_models(incomplete: str) -> list[str]:
    """Completions of ``incomplete`` for a shell."""
    names = []
    for adapter in registry().adapters.values():
        names += [adapter.name, *adapter.aliases, *(f"{adapter.name}:{card.name}" for card in adapter.cards)]
    return [name for name in names if name.startswith(incomplete)]


def _card(adapter: Adapter, choice: str) -> ModelCard:
    if not choice:
        if adapter.cards:
            return adapter.cards[0]
        train = "" if adapter.trainer is None else f", or make one: bsct-zoo train {adapter.name}"
        raise BadInputError(f"'{adapter.name}' has no default model; name one: {adapter.name}:...{train}")
    for card in adapter.cards:
        if card.name == choice:
            return card
    named = not any(mark in choice for mark in "/\\.") and not Path(choice).exists()
    if not named and any(card.calculator_of_file for card in adapter.cards):
        return card_of_file(adapter, choice)
    if adapter.file_card is None or (adapter.cards and named):
        raise UnknownNameError(f"card of '{adapter.name}'", choice, [card.name for card in adapter.cards])
    made: ModelCard = import_path(adapter.file_card)(choice)
    return made
