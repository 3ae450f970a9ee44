"""The JSON beside a checkpoint of ours. Imports nothing heavy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bsct_zoo.errors import BadInputError

FORMAT = "bsct-zoo-mace"
VERSION = 1


def read_facts(path: Path) -> dict[str, Any]:
    """The JSON beside the checkpoint at ``path``.

    Raises:
        BadInputError: it is missing, or not ours.
    """
    beside = path.with_suffix(".json")
    try:
        facts: dict[str, Any] = json.loads(beside.read_text())
    except OSError as error:
        raise BadInputError(f"{beside} is missing; a checkpoint is a .safetensors and a .json of one name") from error
    except ValueError as error:
        raise BadInputError(f"{beside} is not valid JSON: {error}") from error
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise BadInputError(f"{beside} does not describe a MACE checkpoint of bsct-zoo")
    if facts.get("version") != VERSION:
        raise BadInputError(f"{beside} has version {facts.get('version')}; this bsct-zoo reads version {VERSION}")
    return facts
