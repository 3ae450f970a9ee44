"""Training budgets as text."""

from __future__ import annotations

import re

from bsct_zoo.errors import BadInputError

_NUMBER = r"(\d+(?:\.\d*)?|\.\d+)\s*"
_SECONDS = re.compile(_NUMBER)
_TIME = re.compile(rf"(?:{_NUMBER}h)?\s*(?:{_NUMBER}m(?:in)?)?\s*(?:{_NUMBER}s)?")


def parse_budget(text: str) -> float:
    """CPU seconds of "1800", "90s", "30m", "2h" or "1h30m".

    Raises:
        BadInputError: it has another form, or is zero.
    """
    written = text.strip().lower()
    if match := _SECONDS.fullmatch(written):
        seconds = float(match.group(1))
    elif match := _TIME.fullmatch(written):
        hours, minutes, rest = (float(part or 0) for part in match.groups())
        seconds = 3600 * hours + 60 * minutes + rest
    else:
        seconds = 0.0
    if seconds <= 0:
        raise BadInputError(f"--budget {text} is not a time; write 1800 (seconds), 30m or 2h")
    return seconds
