"""Train a small EquiformerV2, with fairchem's own trainer."""

from __future__ import annotations

import logging
import pickle
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from bsct_zoo.atoms.neighbours import pairs_within
from bsct_zoo.errors import BadInputError
from bsct_zoo.potentials.precision import default_dtype
from bsct_zoo.training.card import first_card
from bsct_zoo.training.data import FrameSet, SizedBatches, TrainingData, read_training_data
from bsct_zoo.training.errors import evaluate_module
from bsct_zoo.training.job import Tell, Trained, TrainingJob
from bsct_zoo.training.loss import STATED
from bsct_zoo.training.schedule import Budget
from bsct_zoo.training.settings import Optimiser, settings_for
from bsct_zoo.training.state import is_kept
from bsct_zoo.training.watch import record, state_every_s, validate_every_s
from bsct_zoo_equiformer.checkpoint import EquiformerConfig, save
from bsct_zoo_equiformer.loader import scale_of
from bsct_zoo_equiformer.potential import answer
from bsct_zoo_equiformer.trainer import BudgetTrainer

_DTYPES = {"float32": torch.float32, "float64": torch.float64}
STATE = "state.pt"  # a checkpoint of fairchem's, which a run goes on from


def train(job: TrainingJob, tell: Tell) -> Trained:
    """See ``TrainingJob``.

    Raises:
        BadInputError: a setting or the data cannot be used, or ``job.out`` holds another run.
        ModelError: the loss is no longer finite.
    """
    torch.set_num_threads(job.threads)
    data = read_training_data(job.data, job.one_state)
    chosen, architecture = settings_for(
        job.options, Optimiser, EquiformerConfig, fixed=("elements", "reference_energies")
    )
    optimiser = Optimiser(**{"lr": 3e-3, "batch_atoms": 64, **chosen})
    cutoff = architecture.get("max_radius", EquiformerConfig.max_radius)
    architecture.setdefault("avg_degree", max(round(mean_neighbours(data.valid, cutoff), 2), 1.0))
    config = EquiformerConfig(
        elements=data.elements, reference_energies=tuple(data.reference_energies.values()), **architecture
    )
    before = _state(job.out / STATE, tell)
    budget = Budget(job.budget_s, before["config"]["cmd"]["spent_s"] if before else 0.0)
    with _quiet(), default_dtype(_DTYPES[job.dtype]):
        trainer = BudgetTrainer(
            config,
            optimiser,
            data,
            budget,
            seed=job.seed,
            device=job.device,
            dtype=_DTYPES[job.dtype],
            after_step=_Watch(job, data, config, optimiser, budget, tell),
        )
        if before:
            _go_on(trainer, job.out / STATE, before)
            tell(f"going on from step {trainer.step}", budget.spent_s)
        if not budget.over:
            trainer.train()
        trainer.keep(job.out / STATE)
        trainer.ema.copy_to()
        path = job.out / f"{job.name}.safetensors"
        save(path, trainer.model, config, first_card(job, data, "EquiformerV2", "arXiv:2306.12059"))
    settings = {"optimiser": "AdamW, amsgrad", "trainer": "fairchem OCPTrainer", **asdict(optimiser), **STATED}
    count = sum(parameter.numel() for parameter in trainer.model.parameters())
    return Trained(path, count, trainer.step, budget.spent_s, settings)


class _Watch:
    """After every step: is it time to keep a state or to validate? Validates with the averaged weights."""

    def __init__(
        self,
        job: TrainingJob,
        data: TrainingData,
        config: EquiformerConfig,
        optimiser: Optimiser,
        budget: Budget,
        tell: Tell,
    ) -> None:
        self.job, self.data, self.scale, self.optimiser = job, data, scale_of(config), optimiser
        self.budget, self.tell = budget, tell
        self.kept_s = self.validated_s = budget.spent_s

    def __call__(self, trainer: BudgetTrainer) -> None:
        spent_s = self.budget.spent_s
        if spent_s - self.kept_s >= state_every_s(self.budget.total_s):
            trainer.keep(self.job.out / STATE)
            self.kept_s = spent_s
        if spent_s - self.validated_s >= validate_every_s(self.budget.total_s, len(self.data.valid)):
            self._validate(trainer)
            self.validated_s = spent_s

    def _validate(self, trainer: BudgetTrainer) -> None:
        trainer.ema.store()
        trainer.ema.copy_to()
        trainer.model.eval()
        found = evaluate_module(
            lambda batch: answer(trainer.model, self.scale, batch),
            self.data.valid,
            self.data.kinds,
            4 * self.optimiser.batch_atoms,
            trainer.dtype,
            trainer.device,
        )
        trainer.ema.restore()
        record(self.job.out, self.budget, trainer.step, found["all"], self.tell)


def mean_neighbours(frames: FrameSet, cutoff: float) -> float:
    """Mean number of neighbours of an atom."""
    pairs = atoms = 0
    for indices in SizedBatches(frames.n_atoms, 1024):
        batch, _, _ = frames.batch(indices)
        pairs, atoms = pairs + len(pairs_within(batch, cutoff).source), atoms + batch.n_atoms
    return pairs / atoms


def _state(path: Path, tell: Tell) -> dict[str, Any] | None:
    """The checkpoint that an earlier part of the run left, if there is one."""
    if not is_kept(path, tell):
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        float(state["config"]["cmd"]["spent_s"])
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError, zipfile.BadZipFile, KeyError, TypeError) as error:
        text = " ".join(str(error).split())[:120]
        raise BadInputError(f"{path} cannot be gone on from ({text}); remove it to begin again") from error
    return state


def _go_on(trainer: BudgetTrainer, path: Path, state: dict[str, Any]) -> None:
    """Read ``state`` into ``trainer``, if it is of the same run."""
    for section in ("model", "optim"):
        if state["config"][section] != trainer.config[section]:
            raise BadInputError(f"{path.parent} holds a run with other settings ({section}); choose another folder")
    trainer.load_checkpoint(str(path), state)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the package's log of every number, and its warnings about what is meant."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
