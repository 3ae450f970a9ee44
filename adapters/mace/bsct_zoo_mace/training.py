"""Train a MACE, through mace-torch's own trainer.

Its loop, data loader, moving average and evaluation are mace-torch's. What it calls an epoch is a slice of the budget
here: the loader ends when the slice is spent. Between two steps the loader sets the learning rate, and now and then
keeps a state to go on from.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from bsct_zoo.training.card import first_card
from bsct_zoo.training.data import FrameSet, SizedBatches, TrainingData, read_training_data
from bsct_zoo.training.job import Tell, Trained, TrainingJob
from bsct_zoo.training.loss import STATED, atoms_energy, stress_loss, training_loss
from bsct_zoo.training.schedule import Budget, learning_rate_factor
from bsct_zoo.training.settings import Optimiser, settings_for
from bsct_zoo.training.state import is_kept, keep_state
from bsct_zoo.training.watch import record, state_every_s, validate_every_s
from bsct_zoo_mace.checkpoint import MaceConfig, build, save
from bsct_zoo_mace.packages import DataLoader, ExponentialMovingAverage, graphs, tools

STATE = "state.pt"  # what a run goes on from


def train(job: TrainingJob, tell: Tell) -> Trained:
    """See ``TrainingJob``.

    Raises:
        BadInputError: a setting or the data cannot be used.
    """
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(message)s")
    budget = Budget(job.budget_s)  # neighbour lists count
    data = read_training_data(job.data, job.one_state)
    from_data = ("elements", "reference_energies", "avg_num_neighbors")
    chosen, architecture = settings_for(job.options, Optimiser, MaceConfig, fixed=from_data)
    optimiser = Optimiser(**{"lr": 5e-3, **chosen})
    config = MaceConfig(
        elements=data.elements,
        reference_energies=tuple(data.reference_energies.values()),
        **{"hidden_irreps": "48x0e + 48x1o", **architecture},
    )
    tools.set_default_dtype(job.dtype)
    tools.set_seeds(job.seed)
    tell("listing neighbours")
    learn, watch = graphs_of(data.train, data, config.r_max), graphs_of(data.valid, data, config.r_max)
    edges, atoms = sum(g.edge_index.shape[1] for g in learn), len(data.train.atomic_numbers)
    config = replace(config, avg_num_neighbors=round(edges / atoms, 2))
    # It learns what is beyond the atoms' own energies: a total of -1e4 eV does not fit float32.
    model = build(replace(config, reference_energies=(0.0,) * len(config.elements))).to(job.device)
    run = Run(job, optimiser, budget, model, learn, data, tell)
    tools.train(
        model=model,
        loss_fn=Loss(),
        train_loader=run,
        valid_loaders={"valid": loader(watch, SizedBatches(data.valid.n_atoms, optimiser.batch_atoms))},
        optimizer=run.optimizer,
        lr_scheduler=run.rate,
        start_epoch=run.slice,
        max_num_epochs=run.n_slices,
        patience=sys.maxsize,
        checkpoint_handler=tools.CheckpointHandler(str(job.out / "mace"), job.name),
        logger=Log(job.out / "mace", run, tell),
        eval_interval=1,
        output_args={"forces": True, "virials": bool(data.train.has_stress.any()), "stress": False},
        device=torch.device(job.device),
        log_errors="PerAtomMAE",
        ema=run.average,
        max_grad_norm=optimiser.clip,
    )
    path = job.out / f"{job.name}.safetensors"
    with run.average.average_parameters():
        save(
            path,
            model,
            config,
            first_card(job, data, "MACE", "I. Batatia et al., NeurIPS 2022, arXiv:2206.07697"),
        )
    settings = {"optimiser": "AdamW, amsgrad", **asdict(optimiser), **STATED}
    return Trained(path, tools.count_parameters(model), run.steps, run.budget.spent_s, settings)


class Loss(nn.Module):
    """The loss of every family, as mace-torch calls one; energies are less those of the atoms."""

    def forward(self, pred: dict[str, Tensor], ref: Any, ddp: bool | None = None) -> Tensor:
        """Of a batch ``ref`` with the prediction ``pred`` for it."""
        n_atoms = ref.ptr.diff()
        loss = training_loss(pred["energy"], pred["forces"], ref.energy, ref.forces, n_atoms)[0]
        if pred.get("virials") is None:
            return loss
        return loss + stress_loss(-pred["virials"], -ref.virials, n_atoms)  # a virial is minus what we call W


class Rate:
    """The learning rate that follows the budget, as mace-torch calls a scheduler."""

    def __init__(self, optimizer: torch.optim.Optimizer, largest: float, budget: Budget) -> None:
        self.optimizer, self.largest, self.budget = optimizer, largest, budget

    def step(self, metrics: object = None) -> None:
        """Set the rate for now."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.largest * learning_rate_factor(self.budget.fraction)

    def state_dict(self) -> dict[str, Any]:
        """Nothing: the budget says it all."""
        return {}


class Run:
    """The loader that mace-torch's trainer walks through, slice by slice of the budget, and what it goes on from."""

    def __init__(
        self,
        job: TrainingJob,
        optimiser: Optimiser,
        budget: Budget,
        model: nn.Module,
        learn: list[Any],
        data: TrainingData,
        tell: Tell,
    ) -> None:
        self.model, self.budget, self.state = model, budget, job.out / STATE
        self.optimizer = torch.optim.AdamW(
            model.parameters(), lr=optimiser.lr, weight_decay=optimiser.weight_decay, amsgrad=True, fused=True
        )
        self.average = ExponentialMovingAverage(model.parameters(), decay=optimiser.ema_decay)
        self.n_slices = max(1, round(job.budget_s / validate_every_s(job.budget_s, len(data.valid))))
        self.slice = self.steps = 0
        self.order = SizedBatches(data.train.n_atoms, optimiser.batch_atoms, job.seed)
        if is_kept(self.state, tell):
            self._go_on(job.device)
            tell(f"going on from step {self.steps}", self.budget.spent_s)
        self.rate = Rate(self.optimizer, optimiser.lr, self.budget)
        self.saved_s = self.budget.spent_s
        self.stream = self._stream(loader(learn, self.order))

    def __iter__(self) -> Iterator[Any]:
        """Batches until the slice is spent."""
        end = self.budget.total_s * (self.slice + 1) / self.n_slices
        while self.budget.spent_s < end:
            self.rate.step()
            yield next(self.stream)
            self.steps += 1
            if self.budget.spent_s - self.saved_s >= state_every_s(self.budget.total_s):
                self._keep()
        self.slice += 1

    def _stream(self, batches: Any) -> Iterator[Any]:
        while True:
            yield from batches

    def _keep(self) -> None:
        state = {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": self.average.state_dict(),
            "slice": self.slice,
            "steps": self.steps,
            "epoch_of_frames": self.order.epoch,
            "spent_s": self.budget.spent_s,
        }
        keep_state(self.state, lambda path: torch.save(state, path))
        self.saved_s = self.budget.spent_s

    def _go_on(self, device: str) -> None:
        state = torch.load(self.state, map_location=device, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average.load_state_dict(state["average"])
        self.slice, self.steps, self.order.epoch = state["slice"], state["steps"], state["epoch_of_frames"]
        self.budget = Budget(self.budget.total_s, state["spent_s"])


class Log(tools.MetricsLogger):
    """mace-torch's log of every step, and every validation in the words of every family."""

    def __init__(self, folder: Path, run: Run, tell: Tell) -> None:
        super().__init__(str(folder), "log")
        self.run, self.tell = run, tell

    def log(self, d: dict[str, Any]) -> None:
        """Write what the trainer says of a step or of a validation."""
        super().log(d)
        if d["mode"] == "eval" and self.run.steps:
            errors = {"energy_mae_mev_atom": 1e3 * d["mae_e_per_atom"], "forces_mae_mev_A": 1e3 * d["mae_f"]}
            record(Path(self.directory).parent, self.run.budget, self.run.steps, errors, self.tell)


def graphs_of(frames: FrameSet, data: TrainingData, cutoff: float) -> list[Any]:
    """Every frame as mace-torch's graph, its neighbours listed; energies less those of the atoms."""
    table = tools.AtomicNumberTable(list(data.elements))
    everything, energy, _ = frames.batch(range(len(frames)), torch.float64)
    alone = atoms_energy(data.reference_table(), everything.atomic_numbers, everything.system_idx, everything.n_systems)
    beyond, first = (energy - alone).tolist(), frames.first
    strain = frames.strain_gradients(range(len(frames)), torch.float64)
    found = []
    for k in range(len(frames)):
        rows = slice(first[k], first[k + 1])
        configuration = graphs.Configuration(
            atomic_numbers=frames.atomic_numbers[rows],
            positions=frames.positions[rows],
            properties={
                "energy": beyond[k],
                "forces": frames.forces[rows],
                "total_charge": float(frames.charge[k]),
                "total_spin": float(frames.spin[k]),
                **({} if strain is None else {"virials": -strain[k].numpy()}),
            },
            property_weights={},
            cell=frames.cell[k],
            pbc=tuple(bool(p) for p in frames.pbc[k]),
        )
        found.append(graphs.AtomicData.from_config(configuration, z_table=table, cutoff=cutoff))
    return found


def loader(found: list[Any], batches: SizedBatches) -> Any:
    """mace-torch's loader of graphs, with our batches."""
    return DataLoader(dataset=found, batch_sampler=batches)
