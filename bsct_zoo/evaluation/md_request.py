"""A check with its settings as a user writes them behind another command: ``nve``, ``nvt@time=0.5,temperature=500``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from bsct_zoo.atoms.molecules import MOLECULES
from bsct_zoo.errors import BadInputError, UnknownNameError
from bsct_zoo.plugins.checks import Check, CheckSettings

_NUMBERS: Mapping[str, str] = {  # key: field of CheckSettings
    "time": "time_ps",
    "step": "dt_fs",
    "temperature": "temperature",
    "final_temperature": "final_temperature",
    "friction": "friction",
}
_COUNTS = ("seeds", "seed")
KEYS = (*_NUMBERS, *_COUNTS, "relax", "dtype", "molecules")


@dataclass(frozen=True)
class CheckRequest:
    """A check, and what it is to be run with.

    Attributes:
        check: which.
        physics: temperatures, times and so on.
        molecules: names or files.
        seeds: runs of each molecule.
        dtype: what models compute in.
    """

    check: Check
    physics: CheckSettings
    molecules: tuple[str, ...] = MOLECULES
    seeds: int = 1
    dtype: Literal["float32", "float64"] = "float64"


def require_time(time_ps: float, dt_fs: float) -> None:
    """Refuse a run that is no run.

    Raises:
        BadInputError: it is shorter than two steps.
    """
    if 1000 * time_ps < 2 * dt_fs:
        raise BadInputError(f"time {time_ps:g} ps is less than two steps of {dt_fs:g} fs; give a longer time")


def parse_request(text: str, checks: Mapping[str, Check]) -> CheckRequest:
    """The request that ``text`` states, with the defaults of ``bsct-zoo md``.

    Raises:
        UnknownNameError: there is no such check or key.
        BadInputError: a value does not fit.
    """
    name, _, tail = text.partition("@")
    if name not in checks:
        raise UnknownNameError("check", name, list(checks))
    numbers: dict[str, float] = {}
    counts = {"seeds": 1, "seed": 0}
    relax = True
    dtype: Literal["float32", "float64"] = "float64"
    molecules: tuple[str, ...] = MOLECULES
    for item in filter(None, tail.split(",")):
        key, equals, raw = item.partition("=")
        if key not in KEYS:
            raise UnknownNameError(f"setting of '{name}'", key, list(KEYS))
        if not equals or not raw:
            raise BadInputError(f"setting '{key}' of '{name}' has no value; write {key}=VALUE")
        if key in _NUMBERS:
            numbers[_NUMBERS[key]] = _positive(text, key, raw)
        elif key in _COUNTS:
            counts[key] = _count(text, key, raw)
        elif key == "relax":
            relax = _one_of(text, key, raw, ("true", "false")) == "true"
        elif key == "dtype":
            dtype = "float32" if _one_of(text, key, raw, ("float32", "float64")) == "float32" else "float64"
        else:
            molecules = tuple(raw.split("+"))
    physics = CheckSettings(**numbers, seed=counts["seed"], relax=relax)
    require_time(physics.time_ps, physics.dt_fs)
    return CheckRequest(checks[name], physics, molecules, counts["seeds"], dtype)


def _positive(text: str, key: str, raw: str) -> float:
    try:
        value = float(raw)
    except ValueError:
        value = math.nan
    if not (0 < value < math.inf or (key == "friction" and value == 0)):
        raise BadInputError(f"'{text}': {key} must be a positive number, and '{raw}' is none")
    return value


def _count(text: str, key: str, raw: str) -> int:
    least = 1 if key == "seeds" else 0
    if not raw.isdecimal() or int(raw) < least:
        raise BadInputError(f"'{text}': {key} must be a whole number from {least} on, and '{raw}' is none")
    return int(raw)


def _one_of(text: str, key: str, raw: str, values: tuple[str, str]) -> str:
    if raw not in values:
        raise BadInputError(f"'{text}': {key} must be {' or '.join(values)}, not '{raw}'")
    return raw
