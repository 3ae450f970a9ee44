"""How a training run goes: what is set of it, the average of the weights, validations, states, early stopping."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import lightning as L
import torch
from lightning.pytorch.callbacks import WeightAveraging

from bsct_zoo.errors import BadInputError
from bsct_zoo.training.data import TrainingData
from bsct_zoo.training.errors import evaluate_module
from bsct_zoo.training.job import Tell, TrainingJob
from bsct_zoo.training.loss import FORCE_SCALE
from bsct_zoo.training.schedule import WARM_UP, Budget, averaging_decay
from bsct_zoo.training.settings import Optimiser
from bsct_zoo.training.smoothness import Smoothness
from bsct_zoo.training.state import keep_state
from bsct_zoo.training.watch import record, record_smoothness, state_every_s, validate_every_s
from bsct_zoo_transformer.forces import energy_and_forces
from bsct_zoo_transformer.model import EdgeTransformer

STATE = "state.ckpt"  # what a run goes on from
BEST = "best.pt"  # weights of the lowest figure so far, where one is looked for
_STATE_S = 10.0  # CPU seconds between states of a run that goes by steps


@dataclass(frozen=True)
class Loop:
    """What is set of a run beyond the optimiser.

    Attributes:
        steps: of the optimiser; the run is then the same on any machine and however often it was cut off. 0 to go by
            ``--budget``.
        warm_up: part of the run in which the learning rate rises.
        validate_every: steps between validations; 0 for a tenth of ``steps``, or by time without these.
        state_every: steps between states to go on from; 0 to go by time.
        patience: stop after so many figures in a row that are not lower than the lowest, and keep the weights of that
            one; 0 to go on to the end and keep the last.
        monitor: which figure that is: "forces", the error on the validation frames, or "fsd" on ``bsct``.
        tensorboard: write logs for TensorBoard too.
        bsct: a suite to score FSD on along the way; empty for none.
        bsct_every: least number of steps between two scores.
        bsct_scans: scans of the suite that are scored, 0 for all.
        bsct_share: largest part of the time that scores may take.
        force_scale: F₀ of the loss in eV/Å: errors of forces above it count by their size relative to the force.
        fsd_weight: weight of the soft FSD in the loss, in Å; 0 for none.
        fsd_scans: a suite, by name or file, of scans to train that on; never a shipped one.
        fsd_frames: consecutive frames of a scan that a step sees.
        fsd_width: of the soft maximum over them, in 1/Å.
    """

    steps: int = 0
    warm_up: float = WARM_UP
    validate_every: int = 0
    state_every: int = 0
    patience: int = 0
    monitor: Literal["forces", "fsd"] = "forces"
    tensorboard: bool = False
    bsct: str = ""
    bsct_every: int = 200
    bsct_scans: int = 9
    bsct_share: float = 0.05
    force_scale: float = FORCE_SCALE
    fsd_weight: float = 0.0
    fsd_scans: str = ""
    fsd_frames: int = 8
    fsd_width: float = 1.0

    def __post_init__(self) -> None:
        for name in ("steps", "validate_every", "state_every", "patience", "bsct_scans", "fsd_weight"):
            if getattr(self, name) < 0:
                raise BadInputError(f"{name}={getattr(self, name)} must not be negative")
        if not 0 <= self.warm_up < 1 or not 0 < self.bsct_share <= 1 or self.bsct_every < 1:
            raise BadInputError("warm_up must be from 0 to below 1, bsct_share above 0 to 1, bsct_every 1 or more")
        if self.fsd_width <= 0 or self.force_scale <= 0:
            raise BadInputError("fsd_width and force_scale must be positive")
        if bool(self.fsd_weight) != bool(self.fsd_scans):
            raise BadInputError("fsd_weight and fsd_scans go together: the scans that the soft FSD is trained on")
        if self.monitor == "fsd" and not self.bsct:
            raise BadInputError("monitor=fsd needs a suite to score on; set bsct=core, say")


class Watch(WeightAveraging):
    """Averages the weights; now and then validates with the averaged ones, and keeps a state to go on from.

    The average warms up (``averaging_decay``), so that short runs are not judged by the weights that they began with.
    Constants are not averaged: thousands of roundings move them, in float32 by 1e-5 of their size.
    """

    def __init__(
        self, budget: Budget, loop: Loop, optimiser: Optimiser, data: TrainingData, job: TrainingJob, tell: Tell
    ) -> None:
        def average(averaged: list[torch.Tensor], current: list[torch.Tensor], updates: Any) -> None:
            share = 1 - averaging_decay(optimiser.ema_decay, int(updates))
            for mean, new in zip(averaged, current, strict=True):
                mean.lerp_(new, share)

        super().__init__(use_buffers=False, multi_avg_fn=average)
        self.budget, self.loop, self.optimiser = budget, loop, optimiser
        self.data, self.job, self.tell = data, job, tell
        self.validated = self.saved_s = 0.0
        self.lowest, self.waited = float("inf"), 0
        self.trainer: L.Trainer | None = None

    @property
    def averaged(self) -> EdgeTransformer:
        """The model with the averaged weights."""
        assert self._average_model is not None
        model: EdgeTransformer = self._average_model.module.model
        return model

    def on_train_start(self, trainer: L.Trainer, module: Any) -> None:
        """Count from where the run goes on."""
        super().on_train_start(trainer, module)
        self.trainer = trainer
        self.saved_s = self.budget.spent_s
        if not self.loop.steps:
            self.validated = self.budget.spent_s
        if trainer.global_step:
            spent_s = None if self.loop.steps else self.budget.spent_s
            self.tell(f"going on from step {trainer.global_step}", spent_s)

    def on_train_batch_end(self, trainer: L.Trainer, *rest: Any, **named: Any) -> None:
        """Average; validate and save if it is time."""
        super().on_train_batch_end(trainer, *rest, **named)
        if self._is_due(trainer.global_step):
            self._validate(trainer.global_step)
        if self._is_time_to_keep(trainer.global_step):
            self._keep(trainer)

    def scored(self, step: int, found: Smoothness) -> None:
        """A score of BSCT was made: written down, told of, and judged if it is the figure that decides."""
        record_smoothness(self.job.out, step, found)
        self.tell(f"step {step}: FSD {found.fsd:.2f} 1/Å on {found.scans} scans", None)
        if self.loop.monitor == "fsd":
            self._judge(found.fsd)

    def state_dict(self) -> dict[str, Any]:
        """What a run that goes on must know."""
        mine = {"validated": self.validated, "min": self.lowest, "waited": self.waited}
        return {**super().state_dict(), **mine}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from there."""
        super().load_state_dict(state_dict)
        self.validated, self.lowest = float(state_dict["validated"]), float(state_dict["min"])
        self.waited = int(state_dict["waited"])

    def _is_due(self, step: int) -> bool:
        """Whether to validate now: by steps where there is a number of them, else by time."""
        every: float = self.loop.validate_every or self.loop.steps // 10
        here: float = step
        if not every:
            here, every = self.budget.spent_s, validate_every_s(self.budget.total_s, len(self.data.valid))
        if here - self.validated < every:
            return False
        self.validated = here
        return True

    def _is_time_to_keep(self, step: int) -> bool:
        if self.loop.state_every:
            return step % self.loop.state_every == 0
        every = _STATE_S if self.loop.steps else state_every_s(self.budget.total_s)
        return self.budget.spent_s - self.saved_s >= every

    def _keep(self, trainer: L.Trainer) -> None:
        keep_state(self.job.out / STATE, trainer.save_checkpoint)
        self.saved_s = self.budget.spent_s

    def _validate(self, step: int) -> None:
        model = self.averaged
        weight = next(model.parameters())
        found = evaluate_module(
            lambda batch: energy_and_forces(model, batch, train=False),
            self.data.valid,
            self.data.kinds,
            self.optimiser.batch_atoms,
            weight.dtype,
            weight.device,
        )
        record(self.job.out, self.budget, step, found["all"], self.tell)
        if self.loop.monitor == "forces":
            self._judge(found["all"]["forces_mae_mev_A"])

    def _judge(self, figure: float) -> None:
        """Keep the weights if they are the best so far; stop when that was too long ago."""
        if not self.loop.patience:
            return
        if figure < self.lowest:
            self.lowest, self.waited = figure, 0
            weights = self.averaged.state_dict()
            keep_state(self.job.out / BEST, lambda path: torch.save(weights, path))
            return
        self.waited += 1
        if self.waited >= self.loop.patience and self.trainer is not None:
            self.tell(f"no lower {self.loop.monitor} for {self.waited} figures: stopped", None)
            self.trainer.should_stop = True
