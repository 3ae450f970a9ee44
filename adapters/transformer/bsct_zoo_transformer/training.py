"""Train the Transformer, with Lightning."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import lightning as L
import torch
from lightning.pytorch.callbacks import EMAWeightAveraging
from lightning.pytorch.loggers import CSVLogger
from torch import Tensor
from torch.nn import functional as F
from torch.utils.data import DataLoader

from bsct_zoo.batch import AtomsBatch
from bsct_zoo.training.card import first_card
from bsct_zoo.training.data import SizedBatches, TrainingData, read_training_data
from bsct_zoo.training.errors import evaluate_module
from bsct_zoo.training.job import Tell, Trained, TrainingJob
from bsct_zoo.training.loss import STATED, atoms_energy, training_loss
from bsct_zoo.training.schedule import Budget, learning_rate_factor
from bsct_zoo.training.settings import Optimiser, settings_for
from bsct_zoo.training.watch import record, state_every_s, validate_every_s
from bsct_zoo_transformer.checkpoint import save
from bsct_zoo_transformer.model import EdgeTransformer, TransformerConfig

_DTYPES = {"float32": torch.float32, "float64": torch.float64}
STATE = "state.ckpt"  # what a run goes on from


def train(job: TrainingJob, tell: Tell) -> Trained:
    """See ``TrainingJob``.

    Raises:
        BadInputError: a setting or the data cannot be used.
    """
    data = read_training_data(job.data)
    chosen, architecture = settings_for(
        job.options, Optimiser, TransformerConfig, fixed=("elements", "reference_energies")
    )
    if architecture.get("directions"):
        architecture.setdefault("n_angular", 0)  # either one or the other
    states = set(zip(data.train.charge.tolist(), data.train.spin.tolist(), strict=True))
    architecture.setdefault("charges", len(states) > 1)
    optimiser = Optimiser(**{"lr": 1.5e-3, **chosen})
    config = TransformerConfig(
        elements=data.elements, reference_energies=tuple(data.reference_energies.values()), **architecture
    )
    L.seed_everything(job.seed)
    model = EdgeTransformer(config)
    if job.dtype == "float64":
        model = model.double()
    fit = Fit(model, job, optimiser, data)
    state = job.out / STATE
    trainer = L.Trainer(
        max_epochs=-1,
        accelerator="cpu" if job.device == "cpu" else "gpu",
        devices=[int(job.device.partition(":")[2] or 0)] if job.device.startswith("cuda") else 1,
        gradient_clip_val=optimiser.clip,
        logger=CSVLogger(job.out, name="", version="log"),
        log_every_n_steps=100,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[Watch(fit, data, job, tell)],
    )
    trainer.fit(
        fit,
        DataLoader(range(len(data.train)), batch_sampler=fit.batches, collate_fn=fit.batch),  # type: ignore[arg-type]
        ckpt_path=str(state) if state.exists() else None,
        weights_only=True,
    )
    path = job.out / f"{job.name}.safetensors"
    save(path, model, first_card(job, data, "small edge Transformer", "arXiv:2602.04861"))
    settings = {"optimiser": "AdamW, amsgrad", **asdict(optimiser), **STATED, "rotate": config.directions}
    count = sum(parameter.numel() for parameter in model.parameters())
    return Trained(path, count, trainer.global_step, fit.budget.spent_s, settings)


class Fit(L.LightningModule):
    """A Transformer under training."""

    def __init__(self, model: EdgeTransformer, job: TrainingJob, optimiser: Optimiser, data: TrainingData) -> None:
        super().__init__()
        self.model, self.optimiser, self.frames = model, optimiser, data.train
        self.dtype_of_data = _DTYPES[job.dtype]
        self.batches = SizedBatches(data.train.n_atoms, optimiser.batch_atoms, job.seed)
        self.budget = Budget(job.budget_s)
        self.register_buffer("reference_table", data.reference_table(), persistent=False)

    def batch(self, indices: list[int]) -> tuple[AtomsBatch, Tensor, Tensor]:
        """Frames to learn from."""
        return self.frames.batch(indices, self.dtype_of_data)

    def training_step(self, found: tuple[AtomsBatch, Tensor, Tensor], _: int) -> Tensor:
        """Loss of one batch."""
        batch, true_energy, true_forces = found
        if self.model.config.directions:
            batch, true_forces = rotated(batch, true_forces)
        energy, forces = energy_and_forces(self.model, batch, train=True)
        alone = atoms_energy(self.reference_table, batch.atomic_numbers, batch.system_idx, batch.n_systems)
        loss, of_energy, of_forces = training_loss(
            energy, forces, true_energy, true_forces, batch.atoms_per_system, alone
        )
        self.log_dict({"energy_loss": of_energy, "force_loss": of_forces})
        return loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW; its rate is set from the consumed budget before every step."""
        chosen = self.optimiser
        return torch.optim.AdamW(
            self.model.parameters(), lr=chosen.lr, weight_decay=chosen.weight_decay, amsgrad=True, fused=True
        )

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Follow the schedule."""
        for group in optimizer.param_groups:
            group["lr"] = self.optimiser.lr * learning_rate_factor(self.budget.fraction)

    def on_train_batch_end(self, *_: Any) -> None:
        """Stop when the budget is spent."""
        if self.budget.over:
            self.trainer.should_stop = True

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what was spent, and where in the order of frames this is."""
        checkpoint["spent_s"], checkpoint["epoch_of_frames"] = self.budget.spent_s, self.batches.epoch

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on from there, with the next epoch's order."""
        self.budget = Budget(self.budget.total_s, checkpoint["spent_s"])
        self.batches.epoch = checkpoint["epoch_of_frames"]


class Watch(EMAWeightAveraging):
    """Averages the weights; now and then validates with the averaged ones, and keeps a state to go on from.

    Constants are not averaged: thousands of roundings move them, in float32 by 1e-5 of their size.
    """

    def __init__(self, fit: Fit, data: TrainingData, job: TrainingJob, tell: Tell) -> None:
        super().__init__(decay=fit.optimiser.ema_decay, use_buffers=False)
        self.fit, self.data, self.job, self.tell = fit, data, job, tell
        self.validated_s = self.saved_s = 0.0

    def on_train_start(self, trainer: L.Trainer, module: Any) -> None:
        """Count from where the run goes on."""
        super().on_train_start(trainer, module)
        self.validated_s = self.saved_s = self.fit.budget.spent_s
        if trainer.global_step:
            self.tell(f"going on from step {trainer.global_step}", self.fit.budget.spent_s)

    def on_train_batch_end(self, trainer: L.Trainer, *rest: Any, **named: Any) -> None:
        """Average; validate and save if it is time."""
        super().on_train_batch_end(trainer, *rest, **named)
        budget = self.fit.budget
        if budget.spent_s - self.saved_s >= state_every_s(budget.total_s):
            part = self.job.out / f"{STATE}.part"
            trainer.save_checkpoint(part)
            part.replace(self.job.out / STATE)
            self.saved_s = budget.spent_s
        if budget.spent_s - self.validated_s >= validate_every_s(budget.total_s):
            self._validate(trainer.global_step)
            self.validated_s = budget.spent_s

    def _validate(self, step: int) -> None:
        model = self._average_model.module.model if self._average_model is not None else self.fit.model
        found = evaluate_module(
            lambda batch: energy_and_forces(model, batch, train=False),
            self.data.valid,
            self.data.kinds,
            self.fit.optimiser.batch_atoms,
            self.fit.dtype_of_data,
            self.fit.device,
        )
        record(self.job.out, self.fit.budget, step, found["all"], self.tell)


def energy_and_forces(model: EdgeTransformer, batch: AtomsBatch, train: bool) -> tuple[Tensor, Tensor]:
    """Energy [n_systems] in eV and forces [n_atoms, 3] in eV/Å, its negative gradient or from a head of their own."""
    if model.force_head is not None:
        with torch.set_grad_enabled(train):
            energy, forces = model.energy_and_direct_forces(batch)
        assert forces is not None
        return energy, forces
    with torch.enable_grad():
        positions = batch.positions.detach().clone().requires_grad_()
        energy = model(batch.with_positions(positions))
        (gradient,) = torch.autograd.grad(energy.sum(), positions, create_graph=train)
    return energy, -gradient


def rotated(batch: AtomsBatch, forces: Tensor) -> tuple[AtomsBatch, Tensor]:
    """Every system, its cell and its forces under a rotation of its own, uniform over all of them.

    A unit quaternion of Gaussian components is uniform over rotations (Shoemake, Graphics Gems III, 1992).
    """
    q = F.normalize(torch.randn(batch.n_systems, 4, dtype=batch.dtype, device=batch.device), dim=1)
    w, x, y, z = q.unbind(1)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    turn = torch.stack([torch.stack(row, 1) for row in rows], 1)  # [n_systems, 3, 3]
    of_atom = turn[batch.system_idx]  # [n_atoms, 3, 3]
    turned = replace(
        batch,
        positions=torch.einsum("nij,nj->ni", of_atom, batch.positions),
        cell=torch.einsum("sij,skj->ski", turn, batch.cell),
    )
    return turned, torch.einsum("nij,nj->ni", of_atom, forces)
