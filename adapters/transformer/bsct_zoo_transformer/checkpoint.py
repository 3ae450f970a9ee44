"""Save and load: weights as safetensors, the configuration as JSON. Never pickles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bsct_zoo.errors import BadInputError
from bsct_zoo.runtime.checkpoints import read_facts, read_weights, save_checkpoint
from bsct_zoo.runtime.designs import design_of
from bsct_zoo_transformer.config import TransformerConfig
from bsct_zoo_transformer.files import FORMAT, VERSION
from bsct_zoo_transformer.model import EdgeTransformer


def save(path: Path, model: EdgeTransformer, card: Mapping[str, Any]) -> None:
    """Write ``path`` (.safetensors) and the JSON beside it, with ``card`` as the facts for people."""
    save_checkpoint(path, FORMAT, VERSION, asdict(model.config), model.state_dict(), card)


def load(path: Path, sha256: str | None = None) -> EdgeTransformer:
    """The model at ``path`` (.safetensors, with its .json beside it), in float32 on the CPU.

    Raises:
        BadInputError: a file is missing, damaged, of another kind, or not the one that ``sha256`` names.
    """
    facts = read_facts(path, FORMAT, VERSION)
    weights = read_weights(path, sha256)
    try:
        model = EdgeTransformer(design_of(TransformerConfig, facts["config"], weights))
        model.load_state_dict(weights)
    except (BadInputError, RuntimeError, TypeError, ValueError, KeyError) as error:
        text = " ".join(str(error).split())[:200]
        raise BadInputError(f"{path} does not fit {path.stem}.json: {text}") from error
    return model.eval()
