"""The request to a family's trainer, and its result."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from bsct_zoo.errors import UnknownNameError
from bsct_zoo.plugins.cards import Dtype, OptionValue


class Tell(Protocol):
    """Receives messages for the user: after a validation, for example, or when a run resumes."""

    def __call__(self, line: str, spent_s: float | None = None, /) -> None:
        """``spent_s``: CPU seconds of the budget so far, as ``schedule.Budget`` counts them."""


@dataclass(frozen=True)
class TrainingJob:
    """One training run. An interrupted run resumes from ``out``.

    Attributes:
        data: folder of ``train.npz``, ``valid.npz``, ``test.npz`` (if any) and ``manifest.json``, see ``data``.
        out: folder for all results of the run: logs, states to resume from, and the checkpoint.
        name: of the checkpoint: ``out/<name>.safetensors`` with ``out/<name>.json`` beside it.
        budget_s: CPU seconds of the process (of all its threads), including those of earlier parts of the run.
        seed: of weights, order and rotations.
        device: "cpu", "cuda", ...
        dtype: precision of the training.
        threads: of the process.
        options: settings of the family, as ``--set key=value`` gave them.
        suites: file of every suite on the host by its name, because a trainer's environment does not have them.
        shipped: names of shipped suites, which must not be used for training.
        one_state: ``read_training_data`` is to give frames of the commonest state alone.
    """

    data: Path
    out: Path
    name: str
    budget_s: float
    seed: int = 0
    device: str = "cpu"
    dtype: Dtype = "float32"
    threads: int = 1
    options: Mapping[str, OptionValue] = field(default_factory=dict)
    suites: Mapping[str, str] = field(default_factory=dict)
    shipped: Sequence[str] = ()
    one_state: bool = False

    def to_json(self) -> dict[str, Any]:
        """For a message."""
        plain = {"options": dict(self.options), "suites": dict(self.suites)}
        return asdict(self) | {"data": str(self.data), "out": str(self.out), **plain}

    def suite(self, name: str) -> str:
        """The file of a suite by its name; a file is returned as it is.

        Raises:
            UnknownNameError: it is neither; names the nearest.
        """
        if name not in self.suites and not Path(name).is_file():
            raise UnknownNameError("suite", name, sorted(self.suites))
        return self.suites.get(name, name)


@dataclass(frozen=True)
class Trained:
    """The result of a run.

    Attributes:
        checkpoint: ``out/<name>.safetensors``, whose JSON has a card that ``compare`` takes; the errors on it are
            added afterwards, by the same code for every family.
        parameters: number of trained parameters.
        steps: of the optimiser.
        spent_s: CPU seconds.
        settings: all choices: optimiser, learning rate, batch, loss weights, architecture.
    """

    checkpoint: Path
    parameters: int
    steps: int
    spent_s: float
    settings: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """For a message or a file."""
        return asdict(self) | {"checkpoint": str(self.checkpoint), "settings": dict(self.settings)}

    @staticmethod
    def from_json(fields: Mapping[str, Any], out: Path) -> Trained:
        """Inverse of ``to_json``; the checkpoint is in ``out``, which may have moved."""
        names = ("parameters", "steps", "spent_s", "settings")
        return Trained(out / Path(fields["checkpoint"]).name, *(fields[name] for name in names))
