"""Settings of a trainer, from ``--set key=value`` or a file."""

from __future__ import annotations

import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, get_args, get_origin, get_type_hints

from bsct_zoo.errors import BadInputError, UnknownNameError
from bsct_zoo.plugins.cards import OptionValue
from bsct_zoo.plugins.options import literal, split_pair
from bsct_zoo.runtime.designs import typed


@dataclass(frozen=True)
class Optimiser:
    """Settings of the optimisation of every family.

    Attributes:
        lr: largest learning rate; see ``schedule``.
        batch_atoms: atoms in a batch.
        weight_decay: of AdamW.
        ema_decay: of the averaged weights, which are the result.
        clip: largest norm of the gradient.
    """

    lr: float
    batch_atoms: int = 128
    weight_decay: float = 1e-4
    ema_decay: float = 0.999
    clip: float = 10.0

    def __post_init__(self) -> None:
        if not (self.lr > 0 and self.batch_atoms > 0 and self.weight_decay >= 0 and self.clip > 0):
            raise BadInputError("lr, batch_atoms and clip must be positive, weight_decay not negative")
        if not 0 <= self.ema_decay < 1:
            raise BadInputError(f"ema_decay={self.ema_decay:g} must be from 0 to below 1")


def parse_settings(texts: Sequence[str]) -> dict[str, OptionValue]:
    """Settings from texts ``key=value``; a value is a number, a truth value, or a string.

    Raises:
        BadInputError: a text is not of that form.
    """
    settings = {}
    for text in texts:
        key, raw = split_pair(text, "--set", empty=True)  # "fsd_scans=" takes back what a file says
        settings[key.replace("-", "_")] = literal(raw)
    return settings


def settings_for(
    options: Mapping[str, OptionValue], *kinds: type, fixed: tuple[str, ...] = ()
) -> tuple[dict[str, Any], ...]:
    """The options that are fields of each dataclass, converted to the declared types.

    ``fixed`` fields come from the data and cannot be set.

    Raises:
        UnknownNameError: an option is a field of none of them; names the nearest.
        BadInputError: a value is not of its field's type.
    """
    hints = [
        {field.name: get_type_hints(kind)[field.name] for field in fields(kind) if field.name not in fixed}
        for kind in kinds
    ]
    known = [name for of_kind in hints for name in of_kind]
    for name in options:
        if name not in known:
            raise UnknownNameError("setting of this trainer", name, known)
    return tuple(
        {name: _converted(name, options[name], hint) for name, hint in of_kind.items() if name in options}
        for of_kind in hints
    )


def _converted(name: str, value: OptionValue, hint: Any) -> Any:
    if get_origin(hint) is types.UnionType:
        return _converted(name, value, next(kind for kind in get_args(hint) if kind is not type(None)))
    if get_origin(hint) is tuple:
        return typed(name, [literal(part) for part in str(value).split(",")], hint)
    return typed(name, str(value) if hint is str else value, hint)
