"""The card of a trained model: started by the trainer, completed in the same way for every family."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ase.data import chemical_symbols

from bsct_zoo.errors import BadInputError, DamagedFileError
from bsct_zoo.files import atomic_write
from bsct_zoo.kept import read_json, sealed_json
from bsct_zoo.training.data import TrainingData
from bsct_zoo.training.errors import Errors
from bsct_zoo.training.job import Trained, TrainingJob


def first_card(job: TrainingJob, data: TrainingData, title: str, citation: str) -> dict[str, Any]:
    """The card that a trainer saves with its weights; ``title`` describes the model, e.g. "small MACE"."""
    return {
        "name": job.name,
        "title": f"{title}, {data.level_of_theory}",
        "level_of_theory": data.level_of_theory,
        "licence": "not stated",
        "source": "bsct-zoo train",
        "elements": [chemical_symbols[number] for number in data.elements],
        "citation": citation,
        "notes": {},
    }


def finish_card(
    trained: Trained,
    data: TrainingData,
    *,
    command: str,
    licence: str,
    asked: Mapping[str, Any],
    machine: Mapping[str, Any],
    errors: Mapping[str, Errors],
    rotation: Mapping[str, float] | None = None,
) -> None:
    """Write the command, the licence, the training and the errors to the card of the checkpoint.

    ``asked`` is the common part of the request (budget, seed, ...), ``machine`` where it ran, because CPU seconds
    depend on it; ``errors`` by split; ``rotation`` that of ``errors.rotation_error``, of a model that has one.

    Raises:
        BadInputError: the checkpoint's JSON is missing or damaged.
    """
    notes = {
        "settings": {**asked, **trained.settings},
        "data_sha256": dict(data.sha256),
        **data.origin,
        "frames": {"train": len(data.train), "valid": len(data.valid)},
        "steps": trained.steps,
        "spent_s": round(trained.spent_s, 1),
        "parameters": trained.parameters,
        "machine": dict(machine),
        **errors,
        **({} if rotation is None else {"rotation": dict(rotation)}),
    }
    changes = {
        "source": f"trained by: {command}",
        "licence": licence,
        "parameters": trained.parameters,
        "notes": json.loads(json.dumps(notes)),
    }
    beside = trained.checkpoint.with_suffix(".json")
    try:
        content = read_json(beside, unsealed=True)
        content["card"] = {**content["card"], **changes}
    except (OSError, KeyError, TypeError, DamagedFileError) as error:
        raise BadInputError(f"{beside} is missing or damaged; train it again") from error
    atomic_write(beside, sealed_json(content))
