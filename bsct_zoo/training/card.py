"""The card of a trained model, as its trainer starts it; ``run`` completes it in the same way for every family."""

from __future__ import annotations

from typing import Any

from ase.data import chemical_symbols

from bsct_zoo.training.data import TrainingData
from bsct_zoo.training.job import TrainingJob


def first_card(job: TrainingJob, data: TrainingData, family: str, citation: str) -> dict[str, Any]:
    """The card that a trainer saves with its weights; ``family`` is what people call it, e.g. "MACE"."""
    return {
        "name": job.name,
        "title": f"{job.name} {family}, {data.level_of_theory}",
        "level_of_theory": data.level_of_theory,
        "licence": "not stated",
        "source": "bsct-zoo train",
        "elements": [chemical_symbols[number] for number in data.elements],
        "citation": citation,
        "notes": {},
    }
