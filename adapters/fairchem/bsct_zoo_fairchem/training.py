"""Train a small eSCAIP on energies and forces.

A loop of our own: fairchem-core's trainer counts epochs of its own databases, not CPU seconds, and gives no place to
the loss that the other families are trained with.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import BadInputError
from bsct_zoo.training.card import first_card
from bsct_zoo.training.data import SizedBatches, TrainingData, read_training_data
from bsct_zoo.training.errors import evaluate_module
from bsct_zoo.training.job import Tell, Trained, TrainingJob
from bsct_zoo.training.loss import STATED, atoms_energy, training_loss
from bsct_zoo.training.schedule import Budget, learning_rate_factor
from bsct_zoo.training.settings import Optimiser, settings_for
from bsct_zoo.training.state import is_kept, keep_state
from bsct_zoo.training.watch import record, state_every_s, validate_every_s
from bsct_zoo_fairchem.batches import atomic_data, wrapped
from bsct_zoo_fairchem.escaip import TASK, EscaipConfig, build, save
from bsct_zoo_fairchem.packages import HydraModel

STATE = "state.pt"  # what a run goes on from


def train(job: TrainingJob, tell: Tell) -> Trained:
    """See ``TrainingJob``.

    Raises:
        BadInputError: a setting or the data cannot be used.
    """
    if job.dtype != "float32":
        raise BadInputError("eSCAIP of fairchem-core computes in float32 alone; use --dtype float32")
    data = read_training_data(job.data, job.one_state)
    chosen, architecture = settings_for(job.options, Optimiser, EscaipConfig, fixed=("elements", "reference_energies"))
    optimiser = Optimiser(**{"lr": 1e-3, **chosen})
    config = EscaipConfig(
        elements=data.elements, reference_energies=tuple(data.reference_energies.values()), **architecture
    )
    torch.manual_seed(job.seed)
    try:
        model = build(config)
    except (AssertionError, RuntimeError, ValueError) as error:
        raise BadInputError(f"no eSCAIP can be built like this: {' '.join(str(error).split())[:200]}") from error
    run = Run(model, config, job, optimiser, data)
    run.go_on(tell)
    while not run.budget.over:
        run.epoch(tell)
    run.keep()
    path = job.out / f"{job.name}.safetensors"
    save(path, run.averaged.module.model, config, first_card(job, data, "eSCAIP", CITATION))
    settings = {"optimiser": "AdamW, amsgrad", **asdict(optimiser), **STATED}
    count = sum(parameter.numel() for parameter in model.parameters())
    return Trained(path, count, run.steps, run.budget.spent_s, settings)


CITATION = "E. Qu and A. S. Krishnapriyan, NeurIPS 2024, arXiv:2410.24169; trained for bsct-zoo"


class EscaipEnergy(nn.Module):
    """Energies of a batch less those of its atoms, [n_systems] eV, differentiable twice.

    The model takes the gradient itself when it is asked for forces, and keeps nothing for a second one.
    """

    def __init__(self, model: HydraModel, scale: float) -> None:
        super().__init__()
        self.model, self.scale = model, scale

    def forward(self, batch: AtomsBatch) -> Tensor:
        """See the class."""
        data = atomic_data(batch, TASK, charges=False)
        parts = (self.model.backbone, *self.model.output_heads.values())
        images = self.model.backbone.molecular_graph_cfg
        images.use_pbc = bool(batch.pbc.any())
        for part in parts:
            part.regress_forces = part.regress_stress = False
        try:
            energy: Tensor = self.model(data)["energy"]
        finally:
            for part in parts:
                part.regress_forces = part.regress_stress = True
        return energy.view(-1) * self.scale


class Run:
    """A training run with a life: weights, their average, the optimiser's state, and what is spent."""

    def __init__(
        self, model: HydraModel, config: EscaipConfig, job: TrainingJob, optimiser: Optimiser, data: TrainingData
    ) -> None:
        self.job, self.chosen, self.data = job, optimiser, data
        self.energy = EscaipEnergy(model, config.scale).to(job.device)
        self.averaged = AveragedModel(self.energy, multi_avg_fn=get_ema_multi_avg_fn(optimiser.ema_decay))
        self.optimiser = torch.optim.AdamW(
            self.energy.parameters(), lr=optimiser.lr, weight_decay=optimiser.weight_decay, amsgrad=True
        )
        self.batches = SizedBatches(data.train.n_atoms, optimiser.batch_atoms, job.seed)
        self.references = data.reference_table().to(job.device)
        self.steps = 0
        self.budget = Budget(job.budget_s)
        self.validated_s = self.kept_s = 0.0

    @property
    def path(self) -> Path:
        """Of the state."""
        return self.job.out / STATE

    def keep(self) -> None:
        """Write the state, whole or not at all."""
        state = {
            "energy": self.energy.state_dict(),
            "averaged": self.averaged.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "steps": self.steps,
            "epoch": self.batches.epoch,
            "spent_s": self.budget.spent_s,
        }
        keep_state(self.path, lambda path: torch.save(state, path))
        self.kept_s = self.budget.spent_s

    def go_on(self, tell: Tell) -> None:
        """From where an earlier part of the run stopped, if there was one; with the next epoch's order."""
        if not is_kept(self.path, tell):
            return
        state: dict[str, Any] = torch.load(self.path, map_location=self.job.device, weights_only=True)
        self.energy.load_state_dict(state["energy"])
        self.averaged.load_state_dict(state["averaged"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.steps, self.batches.epoch = state["steps"], state["epoch"]
        self.budget = Budget(self.job.budget_s, state["spent_s"])
        self.validated_s = self.kept_s = state["spent_s"]
        tell(f"going on from step {self.steps}", state["spent_s"])

    def epoch(self, tell: Tell) -> None:
        """One pass over the frames, or what the budget leaves of it."""
        for indices in self.batches:
            self._step(indices)
            total_s = self.budget.total_s
            if self.budget.spent_s - self.kept_s >= state_every_s(total_s):
                self.keep()
            if self.budget.spent_s - self.validated_s >= validate_every_s(total_s, len(self.data.valid)):
                self._validate(tell)
            if self.budget.over:
                return

    def _step(self, indices: list[int]) -> None:
        batch, true_energy, true_forces = self.data.train.batch(indices, torch.float32, self.job.device)
        energy, forces = self._answer(self.energy.train(), batch)
        alone = self._alone(batch)
        loss, _, _ = training_loss(energy, forces, true_energy - alone, true_forces, batch.atoms_per_system)
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.energy.parameters(), self.chosen.clip)
        for group in self.optimiser.param_groups:
            group["lr"] = self.chosen.lr * learning_rate_factor(self.budget.fraction)
        self.optimiser.step()
        self.averaged.update_parameters(self.energy)
        self.steps += 1

    def _validate(self, tell: Tell) -> None:
        def total(batch: AtomsBatch) -> tuple[Tensor, Tensor]:
            energy, forces = self._answer(self.averaged.eval(), batch)
            return energy + self._alone(batch), forces

        found = evaluate_module(
            total, self.data.valid, self.data.kinds, self.chosen.batch_atoms, device=self.job.device
        )
        record(self.job.out, self.budget, self.steps, found["all"], tell)
        self.validated_s = self.budget.spent_s

    def _answer(self, model: nn.Module, batch: AtomsBatch) -> tuple[Tensor, Tensor]:
        """Energy less that of the atoms, float64, and forces."""
        batch = wrapped(batch)
        positions = batch.positions.detach().clone().requires_grad_()
        energy = model(batch.with_positions(positions))
        (gradient,) = torch.autograd.grad(energy.sum(), positions, create_graph=model.training)
        return energy.double(), -gradient

    def _alone(self, batch: AtomsBatch) -> Tensor:
        return atoms_energy(self.references, batch.atomic_numbers, batch.system_idx, batch.n_systems)
