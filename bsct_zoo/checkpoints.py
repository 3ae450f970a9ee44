"""Checkpoints without pickles: weights as safetensors, and a JSON of one name beside them with everything else.

The JSON holds ``format`` and ``version`` (whose it is), ``config`` (what to build), ``sha256`` (of the weights) and
``card`` (facts for people). Reading it imports nothing heavy.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bsct_zoo.cards import ModelCard
from bsct_zoo.errors import BadInputError

if TYPE_CHECKING:
    from torch import Tensor


def save_checkpoint(
    path: Path,
    format: str,
    version: int,
    config: Mapping[str, Any],
    weights: Mapping[str, Tensor],
    card: Mapping[str, Any],
) -> None:
    """Write ``path`` (.safetensors) and the JSON beside it."""
    from safetensors.torch import save_file

    save_file({name: value.detach().cpu().contiguous().clone() for name, value in weights.items()}, path)
    facts = {
        "format": format,
        "version": version,
        "config": dict(config),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "card": dict(card),
    }
    path.with_suffix(".json").write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n")


def read_facts(path: Path, format: str, version: int) -> dict[str, Any]:
    """The JSON beside the checkpoint at ``path``.

    Raises:
        BadInputError: it is missing, not JSON, or not of this format and version.
    """
    beside = path.with_suffix(".json")
    try:
        facts: dict[str, Any] = json.loads(beside.read_text())
    except OSError as error:
        raise BadInputError(f"{beside} is missing; a checkpoint is a .safetensors and a .json of one name") from error
    except ValueError as error:
        raise BadInputError(f"{beside} is not valid JSON: {error}") from error
    if not isinstance(facts, dict) or facts.get("format") != format:
        raise BadInputError(f"{beside} does not describe a {format} checkpoint")
    if facts.get("version") != version:
        raise BadInputError(f"{beside} has version {facts.get('version')}; this bsct-zoo reads version {version}")
    if not {"config", "sha256", "card"} <= facts.keys():
        raise BadInputError(f"{beside} is incomplete: it needs config, sha256 and card")
    return facts


def read_weights(path: Path, sha256: str | None = None) -> dict[str, Tensor]:
    """The weights at ``path``, on the CPU.

    Raises:
        BadInputError: the file is missing or damaged, or not the one that ``sha256`` names.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        content = path.read_bytes()
        if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
            raise BadInputError(f"{path} is not the file that its card names (sha256 differs); get it again")
        weights: dict[str, Tensor] = load(content)
    except OSError as error:
        raise BadInputError(f"cannot read {path}: {error.strerror}") from error
    except SafetensorError as error:
        raise BadInputError(f"{path} is not a safetensors file, or a damaged one; get it again") from error
    return weights


def checkpoint_card(path: Path, format: str, version: int) -> ModelCard:
    """The card of a checkpoint.

    Raises:
        BadInputError: the checkpoint or its JSON is missing or unusable.
    """
    if not path.exists():
        raise BadInputError(f"there is no file {path}")
    facts = read_facts(path, format, version)
    try:
        card = dict(facts["card"])
        card["elements"] = tuple(card.get("elements", ()))
        return ModelCard(**{**card, "checkpoint": str(path.resolve()), "sha256": facts["sha256"]})
    except (TypeError, ValueError) as error:
        raise BadInputError(f"{path.with_suffix('.json')} has an unusable card: {error}") from error
