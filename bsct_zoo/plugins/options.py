"""Settings as a user writes them behind a name: ``key=value,key=value``. The one parser of such texts."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from bsct_zoo.errors import BadInputError, UnknownNameError
from bsct_zoo.plugins.cards import Adapter, Needs, Option, OptionValue

_WANTED = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
_TRUTH = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def parse_options(text: str, options: Sequence[Option], owner: str, *, free: bool = False) -> dict[str, OptionValue]:
    """Value of every option, defaults filled in.

    Args:
        text: ``key=value,key=value``; may be empty.
        options: that are known, by name or alias.
        owner: whose they are, for messages: "option of 'mace'".
        free: keys beyond ``options`` are taken as numbers, truth values or text.

    Raises:
        UnknownNameError: a key is not known; names the nearest.
        BadInputError: a value is missing or does not fit.
    """
    values = {option.name: option.default for option in options}
    known = {name: option for option in options for name in (option.name, *option.aliases)}
    for item in filter(None, text.split(",")):
        key, raw = split_pair(item, owner)
        if key in known:
            values[known[key].name] = parse_value(known[key], raw, owner)
        elif free:
            values[key] = literal(raw)
        else:
            raise UnknownNameError(owner, key, [option.name for option in options])
    return values


def split_pair(item: str, owner: str, *, empty: bool = False) -> tuple[str, str]:
    """Key and value of ``key=value``; the value may be "" if ``empty``.

    Raises:
        BadInputError: one of them is missing.
    """
    key, equals, raw = item.partition("=")
    if not equals or not key or not (raw or empty):
        raise BadInputError(f"{owner} '{item}' has no value; write {key or 'KEY'}=VALUE")
    return key, raw


def parse_value(option: Option, raw: str, owner: str) -> OptionValue:
    """The value of ``option`` that ``raw`` states.

    Raises:
        BadInputError: it does not fit.
    """
    value: OptionValue | None
    try:
        value = _TRUTH.get(raw.lower()) if option.type is bool else option.type(raw)
    except ValueError:
        value = None
    low = option.minimum
    sound = value is not None and not (isinstance(value, float) and not math.isfinite(value))
    if sound and (not option.choices or value in option.choices) and (low is None or float(value or 0) >= low):
        assert value is not None
        return value
    wanted = " or ".join(option.choices) or _WANTED[option.type] + ("" if low is None else f" of at least {low:g}")
    raise BadInputError(f"{owner}: {option.name} must be {wanted}, not '{raw}'")


def literal(raw: str) -> OptionValue:
    """A number, a truth value, or else text."""
    try:
        value = json.loads(raw)
    except (json.JSONDecodeError, RecursionError):
        return raw
    none = isinstance(value, float) and not math.isfinite(value)  # "NaN" and "1e999" are no numbers
    return value if isinstance(value, (int, float, bool)) and not none else raw


def equipped(adapter: Adapter, values: Mapping[str, OptionValue]) -> Adapter:
    """``adapter`` with an environment that also has what the chosen ``values`` need."""
    extra = [line for _, needs in _needed(adapter, values) for line in needs.requirements]
    if not extra:
        return adapter
    spec = adapter.environment
    return replace(adapter, environment=replace(spec, requirements=(*spec.requirements, *extra)))


def require_device(adapter: Adapter, values: Mapping[str, OptionValue], device: str) -> None:
    """Raise if one of ``values`` does not compute on ``device``.

    Raises:
        BadInputError: names the option.
    """
    for chosen, needs in _needed(adapter, values):
        if needs.cuda and not device.startswith("cuda"):
            raise BadInputError(
                f"{chosen} computes on a GPU of NVIDIA only, not on {device}; "
                "leave it away, or use --device cuda where there is one"
            )


def _needed(adapter: Adapter, values: Mapping[str, OptionValue]) -> Iterator[tuple[str, Needs]]:
    for option in adapter.options:
        needs = option.needs.get(str(values.get(option.name)))
        if needs is not None:
            yield f"{option.name}={values[option.name]}", needs
