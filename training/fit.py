"""The training loop behind every small checkpoint that we ship: one loop, loss and budget, so comparisons are fair.

The budget is CPU time of the process, not wall time, so that other work on the machine does not matter; it is counted
across resumes. The learning rate follows the consumed fraction of it.

Loss: frames reach from thermal motion (1 eV/Å) to bonds at half their length (500 eV/Å). Force errors are therefore
taken relative to 1 + |F| / F_0 with F_0 = 5 eV/Å, per atom as a vector, under a smooth absolute value; energy errors
per atom, relative to 1 + |E - E_ref| / (n E_0) with E_0 = 1 eV, likewise. BSCT looks at log |F|²,
which asks for the same.
"""

from __future__ import annotations

import csv
import json
import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from lightning.pytorch.callbacks import EMAWeightAveraging
from lightning.pytorch.loggers import CSVLogger
from torch import Tensor, nn
from torch.utils.data import DataLoader, Sampler

from bsct_zoo.batch import AtomsBatch

KINDS = ("md", "rattle", "bond", "dimer", "diatomic")
FORCE_SCALE = 5.0  # eV/Å
ENERGY_SCALE = 1.0  # eV per atom
SMOOTHING = 0.01


@dataclass(frozen=True)
class FitSettings:
    """How to train.

    Attributes:
        budget_s: CPU seconds of the process.
        seed: of weights (set by the caller), order and rotations.
        batch_atoms: atoms in a batch.
        lr: largest learning rate.
        warmup: fraction of the budget in which it is reached.
        weight_decay: of AdamW.
        energy_weight: of the energy term; the force term has weight one.
        rotate: turn every frame at random each time it is seen; for models that are not invariant by construction.
        ema_decay: of the averaged weights, which are what is kept.
        clip: largest norm of the gradient.
        validate_every_s: CPU seconds between validations, each with a checkpoint.
    """

    budget_s: float
    seed: int = 0
    batch_atoms: int = 256
    lr: float = 2e-3
    warmup: float = 0.02
    weight_decay: float = 1e-4
    energy_weight: float = 5.0
    rotate: bool = False
    ema_decay: float = 0.999
    clip: float = 10.0
    validate_every_s: float = 300.0


class Frames:
    """Labelled frames of one split, ready to be cut into batches."""

    def __init__(self, path: Path) -> None:
        with np.load(path, allow_pickle=False) as data:
            self.n_atoms = data["n_atoms"].astype(np.int64)
            self.numbers, self.positions = data["atomic_numbers"], data["positions"]
            self.energy, self.forces, self.kind = data["energy"], data["forces"], data["kind"]
        self.first = np.concatenate([[0], np.cumsum(self.n_atoms)])

    def __len__(self) -> int:
        return len(self.n_atoms)

    def batch(self, indices: list[int]) -> tuple[AtomsBatch, Tensor, Tensor, Tensor]:
        """Systems, energies [n_systems], forces [n_atoms, 3] and kinds [n_systems]."""
        rows = np.concatenate([np.arange(self.first[i], self.first[i + 1]) for i in indices])
        batch = AtomsBatch.from_arrays(
            self.positions[rows], self.numbers[rows], self.n_atoms[indices], dtype=torch.float32
        )
        energy, forces = torch.tensor(self.energy[indices]), torch.tensor(self.forces[rows], dtype=torch.float32)
        return batch, energy, forces, torch.tensor(self.kind[indices])


class SizedBatches(Sampler[list[int]]):
    """Batches of frames of like size, filled by atoms, in an order that changes from epoch to epoch."""

    def __init__(self, n_atoms: np.ndarray, batch_atoms: int, seed: int, shuffle: bool) -> None:
        self.n_atoms, self.batch_atoms, self.shuffle = n_atoms, batch_atoms, shuffle
        self.random = np.random.default_rng(seed)

    def __iter__(self) -> Iterator[list[int]]:
        order = self.random.permutation(len(self.n_atoms)) if self.shuffle else np.arange(len(self.n_atoms))
        jitter = self.random.uniform(-2, 2, len(order)) if self.shuffle else 0
        order = order[np.argsort(self.n_atoms[order] + jitter, kind="stable")]
        batches: list[list[int]] = [[]]
        filled = 0
        for i in order.tolist():
            if batches[-1] and filled + self.n_atoms[i] > self.batch_atoms:
                batches.append([])
                filled = 0
            batches[-1].append(i)
            filled += self.n_atoms[i]
        if self.shuffle:
            self.random.shuffle(batches)
        yield from batches


def loader(frames: Frames, settings: FitSettings, shuffle: bool) -> DataLoader[Any]:
    """Batches of ``frames``."""
    sampler = SizedBatches(frames.n_atoms, settings.batch_atoms, settings.seed, shuffle)
    return DataLoader(range(len(frames)), batch_sampler=sampler, collate_fn=frames.batch)  # type: ignore[arg-type]


def energy_and_forces(model: nn.Module, batch: AtomsBatch, train: bool) -> tuple[Tensor, Tensor]:
    """Energy [n_systems] in eV and its negative gradient [n_atoms, 3] in eV/Å."""
    with torch.enable_grad():
        positions = batch.positions.detach().clone().requires_grad_()
        energy = model(batch.with_positions(positions))
        (gradient,) = torch.autograd.grad(energy.sum(), positions, create_graph=train)
    return energy, -gradient


def rotated(batch: AtomsBatch, forces: Tensor) -> tuple[AtomsBatch, Tensor]:
    """Every system and its forces under a rotation of its own, uniform over all of them."""
    q = nn.functional.normalize(torch.randn(batch.n_systems, 4), dim=1)
    w, x, y, z = q.unbind(1)
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    turn = torch.stack([torch.stack(row, 1) for row in rows], 1)[batch.system_idx]  # [n_atoms, 3, 3]
    positions = torch.einsum("nij,nj->ni", turn, batch.positions)
    return batch.with_positions(positions), torch.einsum("nij,nj->ni", turn, forces)


class Fit(L.LightningModule):
    """A model under training."""

    def __init__(self, model: nn.Module, settings: FitSettings, reference: Tensor) -> None:
        super().__init__()
        self.model, self.settings = model, settings
        self.register_buffer("atom_reference", reference, persistent=False)
        self.spent_before, self.started = 0.0, time.process_time()
        self.validated = 0.0

    @property
    def spent(self) -> float:
        """CPU seconds so far, earlier runs included."""
        return self.spent_before + time.process_time() - self.started

    def training_step(self, data: tuple[AtomsBatch, Tensor, Tensor, Tensor], _: int) -> Tensor:
        """Loss of one batch."""
        batch, energy, forces, _ = data
        if self.settings.rotate:
            batch, forces = rotated(batch, forces)
        found, found_forces = energy_and_forces(self.model, batch, train=True)
        n = batch.atoms_per_system
        cohesive = energy - torch.zeros_like(energy).index_add(
            0, batch.system_idx, self.atom_reference[batch.atomic_numbers]
        )
        e = (found - energy) / n / (1 + cohesive.abs() / (n * ENERGY_SCALE))
        f = (found_forces - forces) / (1 + forces.norm(dim=1, keepdim=True) / FORCE_SCALE)
        energy_loss = smooth_abs(e**2).mean()
        force_loss = smooth_abs((f**2).sum(1)).mean()
        self.log_dict({"energy_loss": energy_loss, "force_loss": force_loss})
        return self.settings.energy_weight * energy_loss + force_loss

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW; its rate is set from the consumed budget before every step."""
        return torch.optim.AdamW(
            self.model.parameters(), lr=self.settings.lr, weight_decay=self.settings.weight_decay, amsgrad=True
        )

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Warm-up, then half a cosine."""
        done = min(self.spent / self.settings.budget_s, 1.0)
        warm = min(done / self.settings.warmup, 1.0)
        for group in optimizer.param_groups:
            group["lr"] = self.settings.lr * warm * (0.5 + 0.5 * math.cos(math.pi * done) + 1e-3)

    def on_train_batch_end(self, *_: Any) -> None:
        """Stop when the budget is spent."""
        if self.spent > self.settings.budget_s:
            self.trainer.should_stop = True

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what was spent."""
        checkpoint["spent"] = self.spent

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on from what was spent."""
        self.spent_before = checkpoint["spent"]


def smooth_abs(square: Tensor) -> Tensor:
    """Square root of ``square``, a parabola below ``SMOOTHING``."""
    return torch.sqrt(square + SMOOTHING**2) - SMOOTHING


class Watch(L.Callback):
    """Validates with the averaged weights and writes a checkpoint, every so many CPU seconds."""

    def __init__(self, frames: Frames, out: Path, every_s: float) -> None:
        self.frames, self.out, self.every_s, self.last = frames, out, every_s, 0.0

    def on_train_batch_end(self, trainer: L.Trainer, module: Any, *_: Any) -> None:
        """Validate and save if it is time."""
        if module.spent - self.last < self.every_s:
            return
        self.last = module.spent
        trainer.save_checkpoint(self.out / "last.ckpt")
        found = errors(averaged(trainer, module), self.frames, module.settings)
        line = {"spent": round(module.spent), "step": trainer.global_step, **found["all"]}
        new = not (self.out / "validation.csv").exists()
        with (self.out / "validation.csv").open("a", newline="") as file:
            writer = csv.DictWriter(file, list(line))
            if new:
                writer.writeheader()
            writer.writerow(line)


def averaged(trainer: L.Trainer, module: Fit) -> nn.Module:
    """The model with averaged weights, where averaging has begun."""
    for callback in trainer.callbacks:  # type: ignore[attr-defined]
        average = getattr(callback, "_average_model", None)
        if average is not None:
            inner: nn.Module = average.module.model
            return inner
    return module.model


def errors(model: nn.Module, frames: Frames, settings: FitSettings) -> dict[str, dict[str, float]]:
    """Mean absolute errors, over all frames and by kind: meV/atom and meV/Å per component."""
    sums: dict[str, list[float]] = {}
    was_training = model.training
    model.eval()
    for batch, energy, forces, kind in loader(frames, settings, shuffle=False):
        found, found_forces = energy_and_forces(model, batch, train=False)
        n = batch.atoms_per_system
        e = ((found.detach() - energy).abs() / n).tolist()
        f = torch.zeros(batch.n_systems).index_add(0, batch.system_idx, (found_forces.detach() - forces).abs().mean(1))
        for k, (de, df, size) in enumerate(zip(e, f.tolist(), n.tolist(), strict=True)):
            for name in ("all", KINDS[int(kind[k])]):
                row = sums.setdefault(name, [0.0, 0.0, 0.0, 0.0])
                for column, value in enumerate((de, 1.0, df, float(size))):
                    row[column] += value
    model.train(was_training)
    return {
        name: {"energy_mae_mev_atom": 1e3 * a / b, "forces_mae_mev_A": 1e3 * c / d}
        for name, (a, b, c, d) in sums.items()
    }


def fit(model: nn.Module, data: Path, out: Path, settings: FitSettings) -> dict[str, Any]:
    """Train ``model`` in place on ``data``; resume from ``out`` if something is there.

    ``model(batch)`` gives total energies [n_systems] in eV, differentiable with respect to the positions. Afterwards
    it holds the averaged weights. Returns settings, data and errors, for the model card.
    """
    torch.set_num_threads(1)
    L.seed_everything(settings.seed)
    out.mkdir(parents=True, exist_ok=True)
    manifest = json.loads((data / "manifest.json").read_text())
    train, valid = Frames(data / "train.npz"), Frames(data / "valid.npz")
    trainer = L.Trainer(
        max_epochs=-1,
        accelerator="cpu",
        gradient_clip_val=settings.clip,
        logger=CSVLogger(out, name=""),
        log_every_n_steps=100,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[
            # Constants are not averaged: thousands of roundings move them, in float32 by 1e-5 of their size.
            EMAWeightAveraging(decay=settings.ema_decay, use_buffers=False),
            Watch(valid, out, settings.validate_every_s),
        ],
    )
    last = out / "last.ckpt"
    module = Fit(model, settings, reference_by_number(manifest["reference_energies"]))
    trainer.fit(
        module,
        loader(train, settings, shuffle=True),
        ckpt_path=str(last) if last.exists() else None,
        weights_only=False,  # our own file, written above
    )
    model.load_state_dict(module.model.state_dict())
    report = {
        "settings": asdict(settings),
        "data_sha256": manifest["sha256"],
        "frames": {"train": len(train), "valid": len(valid)},
        "steps": trainer.global_step,
        "parameters": sum(p.numel() for p in model.parameters()),
        "valid": errors(model, valid, settings),
        "unseen": errors(model, Frames(data / "unseen.npz"), settings),
    }
    (out / "report.json").write_text(json.dumps(report, indent=1))
    return report


def reference_by_number(energies: dict[str, float]) -> Tensor:
    """[119] eV by atomic number, zero where there is none."""
    from ase.data import atomic_numbers

    table = torch.zeros(119, dtype=torch.float64)
    for symbol, value in energies.items():
        table[atomic_numbers[symbol]] = value
    return table
