"""Conditions on models, as a user writes them: ``fsd_full<40``, ``elements>=C,H,O``, ``licence=MIT``."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ase.data import chemical_symbols

from bsct_zoo.errors import BadInputError, UnknownNameError
from bsct_zoo.evaluation.results import ModelResult, Results, TaskInfo
from bsct_zoo.metrics.catalogue import METRICS

Value = float | str | frozenset[str]

# What a row knows of itself beside its metrics.
NUMBERS = ("seconds", "parameters", "n_scans", "n_failed")
TEXTS = ("model", "card", "licence", "level_of_theory", "device", "dtype", "forces", "conservative", "status")
_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "!=": operator.ne,
    "==": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
    "=": operator.eq,
}


@dataclass(frozen=True)
class Condition:
    """Something that a row meets or not.

    Attributes:
        text: as it was written.
        name: of a metric or a fact of a row.
        sign: one of < <= > >= = !=.
        value: what to compare with: a number, a text, or a set of elements.
    """

    text: str
    name: str
    sign: str
    value: Value

    def holds(self, results: Results, row: ModelResult) -> bool | None:
        """Whether ``row`` of ``results`` meets it; None if the row does not say."""
        value = fact(results, row, self.name)
        if value is None:
            return None
        if isinstance(value, str):
            value = value.lower()
        return bool(_OPERATORS[self.sign](value, self.value))


def parse_condition(text: str, columns: Iterable[str] = METRICS) -> Condition:
    """The condition that ``text`` states; ``columns`` are names that it may speak of.

    Raises:
        UnknownNameError: it speaks of no metric and of no fact.
        BadInputError: it is not a condition, or its value does not fit.
    """
    match = re.fullmatch(r"\s*([A-Za-z_]\w*)\s*(<=|>=|!=|==|<|>|=)\s*(.+?)\s*", text)
    if match is None:
        raise BadInputError(f"'{text}' is not a condition; write it as 'fsd_full<40', 'elements>=C,H' or 'licence=MIT'")
    name, sign, raw = match.groups()
    if name == "elements":
        return Condition(text, name, sign, _elements(text, sign, raw))
    if name in (metrics := list(columns)) or name in NUMBERS:
        try:
            value = float(raw)
        except ValueError:
            raise BadInputError(f"'{text}': {name} is a number, and '{raw}' is none") from None
        if value != value:
            raise BadInputError(f"'{text}': nothing compares with nan")
        return Condition(text, name, sign, value)
    if name in TEXTS:
        if sign not in ("=", "==", "!="):
            raise BadInputError(f"'{text}': {name} is a text; use = or !=")
        return Condition(text, name, sign, raw.lower())
    raise UnknownNameError("metric or fact", name, [*metrics, *NUMBERS, *TEXTS, "elements"])


def primary(results: Results) -> TaskInfo:
    """The task that stands for all where one number is wanted: the first suite, or else the first task."""
    return next((task for task in results.tasks if task.kind == "scans"), results.tasks[0])


def fact(results: Results, row: ModelResult, name: str) -> Value | None:
    """What ``row`` says of ``name``; None if it says nothing. A model that takes any element knows them all."""
    if name == "elements":
        return None if row.elements is None else frozenset(row.elements or chemical_symbols[1:])
    if name in results.columns:
        return results.value(row, name)
    evaluation = row.evaluations.get(primary(results).name)
    if name == "forces":
        return None if row.conservative is None else "gradient" if row.conservative else "direct"
    if name == "conservative":
        return None if row.conservative is None else str(row.conservative)
    if name == "n_scans":
        return None if evaluation is None else float(len(evaluation.records))
    value = getattr(row if hasattr(row, name) and name != "status" else evaluation, name, None)
    return None if value in (None, "") else (float(value) if name in NUMBERS else str(value))


def _elements(text: str, sign: str, raw: str) -> frozenset[str]:
    symbols = frozenset(symbol.strip().capitalize() for symbol in re.split(r"[,\s]+", raw) if symbol.strip())
    foreign = sorted(symbols - set(chemical_symbols[1:]))
    if foreign:
        raise BadInputError(f"'{text}': {', '.join(foreign)} is no element")
    if sign not in (">=", "=", "=="):
        raise BadInputError(f"'{text}': write elements>=C,H,O for a model that knows at least these")
    return symbols
