"""fairchem's own trainer, on our frames, with our loss, for a budget of CPU seconds.

Of ``OCPTrainer`` these are used as they are: the loop, forward pass, loss mechanism, element references, optimiser with
its groups without weight decay, clipping, averaged weights, and checkpoints. What is put in their place: frames and
their order (those of every family), the losses (registered with the package), the learning rate, and when to stop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset
from torch_geometric.data import Data

from bsct_zoo.errors import ModelError
from bsct_zoo.training.data import FrameSet, SizedBatches, TrainingData
from bsct_zoo.training.loss import ENERGY_WEIGHT, energy_loss, force_loss
from bsct_zoo.training.schedule import Budget, learning_rate_factor
from bsct_zoo.training.settings import Optimiser
from bsct_zoo.training.state import keep_state
from bsct_zoo_equiformer.checkpoint import EquiformerConfig
from bsct_zoo_equiformer.edge_frames import with_deterministic_frames
from bsct_zoo_equiformer.packages import LinearReferences, Normalizer, OCPTrainer, data_list_collater, registry


@registry.register_loss("bsct_zoo_energy")
class EnergyLoss(nn.Module):
    """``bsct_zoo.training.loss.energy_loss``; the trainer has taken the reference energies off both sides."""

    def forward(self, pred: Tensor, target: Tensor, natoms: Tensor) -> Tensor:
        """``pred`` and ``target`` [n_systems, 1] eV."""
        return energy_loss(pred.view(-1), target.view(-1), natoms)


@registry.register_loss("bsct_zoo_forces")
class ForceLoss(nn.Module):
    """``bsct_zoo.training.loss.force_loss``.

    Attributes:
        unit: eV/Å of a force of one; the trainer has divided both sides by it.
    """

    unit = 1.0

    def forward(self, pred: Tensor, target: Tensor, natoms: Tensor) -> Tensor:
        """``pred`` and ``target`` [n_atoms, 3]."""
        return force_loss(pred * self.unit, target * self.unit)


class Frames(Dataset[Data]):
    """Labelled frames, one by one, under fairchem's names."""

    def __init__(self, frames: FrameSet, dtype: torch.dtype) -> None:
        self.frames, self.first, self.dtype = frames, frames.first.tolist(), dtype

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> Data:
        frames, atoms = self.frames, slice(self.first[index], self.first[index + 1])
        n_atoms = atoms.stop - atoms.start
        return Data(
            pos=torch.tensor(frames.positions[atoms], dtype=self.dtype),
            atomic_numbers=torch.tensor(frames.atomic_numbers[atoms]),
            natoms=torch.tensor(n_atoms),
            cell=torch.tensor(frames.cell[index : index + 1], dtype=self.dtype),
            pbc=torch.tensor(frames.pbc[index : index + 1]),
            energy=torch.tensor(frames.energy[index : index + 1]),  # float64: a total does not fit float32
            forces=torch.tensor(frames.forces[atoms], dtype=self.dtype),
            fixed=torch.zeros(n_atoms),
        )


class Epochs:
    """``SizedBatches`` as fairchem's trainer wants them: every epoch of the same length, and one can start within it.

    Epochs differ by a few batches in length; all are cut or filled up to that of the first.
    """

    def __init__(self, batches: SizedBatches) -> None:
        self.batches = batches
        self.length = len(self._epoch(0))
        self.epoch, self.start = 0, 0

    def __len__(self) -> int:
        return self.length

    def set_epoch_and_start_iteration(self, epoch: int, start: int) -> None:
        """Called by the trainer before every epoch."""
        self.epoch, self.start = epoch, start

    def __iter__(self) -> Iterator[list[int]]:
        epoch = self._epoch(self.epoch)
        while len(epoch) < self.length:
            epoch += epoch[: self.length - len(epoch)]
        yield from epoch[self.start : self.length]

    def _epoch(self, epoch: int) -> list[list[int]]:
        self.batches.epoch = epoch
        return list(self.batches)


class BudgetSpent(Exception):
    """The budget is spent."""


class BudgetTrainer(OCPTrainer):  # type: ignore[misc]
    """``OCPTrainer`` for ``budget`` CPU seconds.

    Attributes:
        after_step: called with the trainer after every step of the optimiser.
    """

    def __init__(
        self,
        config: EquiformerConfig,
        optimiser: Optimiser,
        data: TrainingData,
        budget: Budget,
        seed: int,
        device: str,
        dtype: torch.dtype,
        after_step: Callable[[BudgetTrainer], None],
    ) -> None:
        self.optimiser_settings, self.data, self.budget = optimiser, data, budget
        self.dtype, self.after_step, self.forces_scale = dtype, after_step, config.forces_scale
        super().__init__(
            task={},
            model=config.hydra(),
            outputs={
                "energy": {"level": "system"},
                "forces": {"level": "atom", "train_on_free_atoms": True, "eval_on_free_atoms": True},
            },
            dataset={
                "train": {"src": f"train.npz, sha256 {data.sha256['train.npz']}"}
            },  # for whoever reads a checkpoint
            optimizer={
                "optimizer": "AdamW",
                "optimizer_params": {"weight_decay": optimiser.weight_decay, "amsgrad": True},
                "lr_initial": optimiser.lr,
                "scheduler": "Null",
                "clip_grad_norm": optimiser.clip,
                "ema_decay": optimiser.ema_decay,
                "num_workers": 0,
                "max_epochs": 10**9,
                "eval_every": 10**12,  # when to look and what to keep follow the budget, see ``after_step``
            },
            loss_functions=[
                {"energy": {"fn": "bsct_zoo_energy", "coefficient": ENERGY_WEIGHT}},
                {"forces": {"fn": "bsct_zoo_forces", "coefficient": 1.0}},
            ],
            evaluation_metrics={"metrics": {"energy": ["mae"], "forces": ["mae"]}, "primary_metric": "forces_mae"},
            identifier="",
            timestamp_id="",
            local_rank=int(device.partition(":")[2] or 0),
            cpu=device == "cpu",
            seed=seed,
            is_debug=True,  # spares its loggers and folders ...
        )
        self.is_debug = False  # ... but checkpoints are wanted

    def load_model(self) -> None:
        """The model in the dtype asked for, with our graph."""
        super().load_model()
        self.model.to(self.dtype)
        with_deterministic_frames(self.model.backbone)

    def load_datasets(self) -> None:
        """Our frames, in the order that every family sees them in."""
        self.collater = partial(data_list_collater, otf_graph=True)
        self.train_dataset = Frames(self.data.train, self.dtype)
        n_atoms, batch_atoms = self.data.train.n_atoms, self.optimiser_settings.batch_atoms
        self.train_sampler = Epochs(SizedBatches(n_atoms, batch_atoms, self.config["cmd"]["seed"]))
        self.train_loader = self.get_dataloader(self.train_dataset, self.train_sampler)

    def load_references_and_normalizers(self) -> None:
        """Reference energies of the data, as they are, and the unit of the model's forces."""
        self.elementrefs["energy"] = LinearReferences(self.data.reference_table()).to(self.device)
        self.normalizers["forces"] = Normalizer(mean=0.0, rmsd=self.forces_scale).to(self.device)

    def load_loss(self) -> None:
        """The losses in eV/Å, whatever the unit of the model's forces."""
        super().load_loss()
        for target, parts in self.loss_functions:
            if target == "forces":
                parts["fn"].loss_fn.unit = self.forces_scale

    def train(self, disable_eval_tqdm: bool = True) -> None:
        """Train until the budget is spent."""
        with suppress(BudgetSpent):
            super().train(disable_eval_tqdm)

    def _backward(self, loss: Tensor) -> None:
        if not bool(torch.isfinite(loss)):
            raise ModelError(f"the loss is not finite at step {self.step}; try a smaller learning rate (--set lr=...)")
        for group in self.optimizer.param_groups:
            group["lr"] = self.optimiser_settings.lr * learning_rate_factor(self.budget.fraction)
        super()._backward(loss)
        self.after_step(self)
        if self.budget.over:
            raise BudgetSpent

    def keep(self, path: Path) -> None:
        """Write a checkpoint of fairchem's, with what is spent in it, to go on from; whole or not at all."""
        self.config["cmd"]["checkpoint_dir"] = str(path.parent)
        self.config["cmd"]["spent_s"] = self.budget.spent_s
        keep_state(path, lambda part: self.save(checkpoint_file=part.name))
