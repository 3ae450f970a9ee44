"""What a model is built from, read back from a file or set by a user: typed, within its range, no larger than its file.

A design is a frozen dataclass of an adapter: whole numbers, numbers, truth values, choices and tuples of these.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import fields
from types import UnionType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from bsct_zoo.errors import BadInputError

if TYPE_CHECKING:
    from torch import Tensor

D = TypeVar("D")
_WIDEST = 1024  # of what no file must be large for
_MOST_LAYERS = 64
_HIGHEST_DEGREE = 12  # of spherical harmonics
_WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}


def design_of(kind: type[D], found: Any, weights: Mapping[str, Tensor] | None = None) -> D:
    """The design that ``found`` (of JSON) describes, held against the arrays of its file if ``weights`` are given.

    Raises:
        BadInputError: a field is unknown, missing, of another type, out of range, or larger than the file can hold.
    """
    hints = {field.name: get_type_hints(kind)[field.name] for field in fields(kind)}  # type: ignore[arg-type]
    if not isinstance(found, Mapping):
        raise BadInputError("its config is not a table of settings")
    unknown = [str(name) for name in found if name not in hints]
    if unknown:
        raise BadInputError(f"its config holds '{unknown[0]}', which the design does not have")
    given = {name: typed(name, value, hints[name]) for name, value in found.items()}
    if weights is not None:
        _refuse_larger(given, weights)
    try:
        return kind(**given)
    except TypeError as error:  # a field that is missing
        raise BadInputError(f"its config is incomplete: {str(error).partition(') ')[2] or error}") from error


def typed(name: str, value: Any, hint: Any) -> Any:
    """``value`` of JSON as the type that the field ``name`` declares.

    Raises:
        BadInputError: it is not of that type, or no finite number.
    """
    origin, inner = get_origin(hint), get_args(hint)
    if origin is Literal:
        if isinstance(value, str) and value in inner:
            return value
        raise BadInputError(f"{name}={_shown(value)} is invalid; choose one of {', '.join(map(str, inner))}")
    if origin is UnionType:
        return None if value is None else typed(name, value, next(kind for kind in inner if kind is not type(None)))
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise BadInputError(f"{name}={_shown(value)} must be a list")
        return tuple(typed(name, item, inner[0]) for item in value)
    if hint is float and isinstance(value, int | float) and not isinstance(value, bool):
        if abs(value) < 1e300:  # neither infinite nor nan nor too long for a float
            return float(value)
    elif isinstance(value, hint) and (hint is bool or not isinstance(value, bool)):
        return value
    raise BadInputError(f"{name}={_shown(value)} must be {_WORDS.get(hint, 'something else')}")


def require_range(design: Any, zero: Collection[str] = (), **highest: float) -> None:
    """Raise unless every number of ``design`` is positive, those in ``zero`` not negative, and none above ``highest``.

    Elements, if it has any, are atomic numbers, each once, with one reference energy each.

    Raises:
        BadInputError: naming the first field at fault.
    """
    for field in fields(design):
        value = getattr(design, field.name)
        if field.name in ("elements", "reference_energies"):
            continue
        for number in value if isinstance(value, tuple) else [value]:
            if isinstance(number, bool) or not isinstance(number, int | float):
                continue
            if not (number >= 0 if field.name in zero else number > 0) or not math.isfinite(number):
                wanted = "zero or more" if field.name in zero else "positive"
                raise BadInputError(f"{field.name}={_shown(value)} must be {wanted}")
            if number > highest.get(field.name, math.inf):
                raise BadInputError(f"{field.name}={_shown(value)} must be at most {highest[field.name]:g}")
    elements, energies = getattr(design, "elements", ()), getattr(design, "reference_energies", ())
    if not all(1 <= z <= 118 for z in elements) or len(set(elements)) < len(elements):
        raise BadInputError(f"elements={_shown(elements)} must be atomic numbers, each once")
    if len(elements) != len(energies) or not elements:
        raise BadInputError("every element needs one reference energy")


def require_irreps(name: str, text: str) -> None:
    """Raise unless ``text`` is a sum of irreducible representations, "32x0e + 32x1o".

    Raises:
        BadInputError: it is not, or one is of a degree that nobody uses.
    """
    parts = [re.fullmatch(r"(?:(\d+)x)?(\d+)[eo]", part.strip()) for part in text.split("+")]
    if not all(parts) or any(int(part[1] or 1) < 1 or int(part[2]) > _HIGHEST_DEGREE for part in parts if part):
        raise BadInputError(f"{name}={_shown(text)} must be a sum like 32x0e + 32x1o")


def _refuse_larger(given: Mapping[str, Any], weights: Mapping[str, Tensor]) -> None:
    """Raise where a model of ``given`` would be far larger than its file, before it is built and fills the memory.

    A width brings matrices of its square, a layer an array at least.
    """
    count = sum(array.numel() for array in weights.values())
    widest, layers = max(_WIDEST, 4 * math.isqrt(count)), max(_MOST_LAYERS, len(weights))
    for name, value in given.items():
        sizes = [int(size) for size in re.findall(r"(\d+)x", value)] if isinstance(value, str) else value
        for size in sizes if isinstance(sizes, list | tuple) else [sizes]:
            most = layers if re.search("layers|blocks|interactions|depth", name) else widest
            if isinstance(size, int) and size > most:
                raise BadInputError(f"{name}={_shown(value)} does not fit a file of {count} numbers")


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 60 else text[:59] + "…"
