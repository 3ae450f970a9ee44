"""Checkpoints: weights as safetensors, everything else as JSON beside them. Never pickles."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from bsct_zoo.errors import BadInputError
from bsct_zoo_transformer.model import EdgeTransformer, TransformerConfig

FORMAT = "bsct-zoo-transformer"
VERSION = 1


def save(path: Path, model: EdgeTransformer, card: dict[str, Any]) -> None:
    """Write ``path`` (.safetensors) and the JSON beside it, with ``card`` as the facts for people."""
    save_file({name: value.contiguous() for name, value in model.state_dict().items()}, path)
    facts = {
        "format": FORMAT,
        "version": VERSION,
        "config": asdict(model.config),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "card": card,
    }
    path.with_suffix(".json").write_text(json.dumps(facts, indent=1, ensure_ascii=False) + "\n")


def load(path: Path, sha256: str | None = None) -> EdgeTransformer:
    """The model at ``path`` (.safetensors, with its .json beside it), in float32 on the CPU.

    Raises:
        BadInputError: a file is missing, damaged, of another kind, or not the one that ``sha256`` names.
    """
    facts = read_facts(path)
    known = {field.name for field in fields(TransformerConfig)}
    foreign = sorted(set(facts["config"]) - known)
    if foreign:
        raise BadInputError(f"{path.with_suffix('.json')} has settings of a newer bsct-zoo: {', '.join(foreign)}")
    try:
        content = path.read_bytes()
        if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
            raise BadInputError(f"{path} is not the file that its card names (sha256 differs); install bsct-zoo again")
        weights = load_file(path)
        config = {key: tuple(v) if isinstance(v, list) else v for key, v in facts["config"].items()}
        model = EdgeTransformer(TransformerConfig(**config))
        model.load_state_dict(weights)
    except (OSError, SafetensorError) as error:
        raise BadInputError(f"{path} cannot be read: {_one_line(error)}") from error
    except (RuntimeError, TypeError, ValueError) as error:
        raise BadInputError(f"{path} does not fit its {path.stem}.json: {_one_line(error)}") from error
    return model.eval()


def read_facts(path: Path) -> dict[str, Any]:
    """The JSON beside a checkpoint.

    Raises:
        BadInputError: it is missing, or not ours.
    """
    beside = path.with_suffix(".json")
    try:
        facts: dict[str, Any] = json.loads(beside.read_text())
    except OSError as error:
        raise BadInputError(f"{beside} is missing; a checkpoint is a .safetensors and a .json of one name") from error
    except ValueError as error:
        raise BadInputError(f"{beside} is not valid JSON: {_one_line(error)}") from error
    if not isinstance(facts, dict) or facts.get("format") != FORMAT:
        raise BadInputError(f"{beside} does not describe a checkpoint of this Transformer")
    if facts.get("version") != VERSION:
        raise BadInputError(f"{beside} has version {facts.get('version')}; this bsct-zoo reads version {VERSION}")
    return facts


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]


def parameters(model: torch.nn.Module) -> int:
    """Number of trained numbers."""
    return sum(p.numel() for p in model.parameters())
