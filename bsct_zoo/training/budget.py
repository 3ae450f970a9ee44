"""Budgets as people write them."""

from __future__ import annotations

import math
import re

from bsct_zoo.errors import BadInputError

_UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*(h|min|m|s|)")


def parse_budget(text: str) -> float:
    """CPU seconds of "1800", "90s", "30m", "2h" or "1h30m".

    Raises:
        BadInputError: it is none of that, or not positive.
    """
    rest, seconds = text.strip().lower(), 0.0
    matched = bool(rest)
    while rest:
        match = _PART.match(rest)
        if match is None:
            matched = False
            break
        seconds += float(match.group(1)) * _UNITS[match.group(2)]
        rest = rest[match.end() :].lstrip()
        if rest and not match.group(2):
            matched = False
            break
    if not matched or not math.isfinite(seconds) or seconds <= 0:
        raise BadInputError(f"--budget {text} is not a time; write 1800 (seconds), 30m or 2h")
    return seconds
