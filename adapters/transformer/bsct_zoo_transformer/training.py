"""Train the Transformer, with Lightning."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import lightning as L
import torch
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger
from torch import Tensor
from torch.utils.data import DataLoader

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import BadInputError
from bsct_zoo.kept import check_zip
from bsct_zoo.metrics.soft_fsd import soft_fsd
from bsct_zoo.training.card import first_card
from bsct_zoo.training.data import SizedBatches, TrainingData, batch_stream, read_training_data
from bsct_zoo.training.job import Tell, Trained, TrainingJob
from bsct_zoo.training.lightning import SmoothnessCallback
from bsct_zoo.training.loss import STATED, atoms_energy, stress_loss, training_loss
from bsct_zoo.training.schedule import Budget, learning_rate_factor
from bsct_zoo.training.settings import Optimiser, settings_for
from bsct_zoo.training.state import is_kept
from bsct_zoo.training.windows import Window, Windows, training_scans
from bsct_zoo_transformer.checkpoint import save
from bsct_zoo_transformer.config import TransformerConfig
from bsct_zoo_transformer.forces import energy_and_forces, energy_forces_and_strain, rotated, turns
from bsct_zoo_transformer.loop import BEST, STATE, Loop, Watch
from bsct_zoo_transformer.model import EdgeTransformer
from bsct_zoo_transformer.optimiser import optimiser_for
from bsct_zoo_transformer.potential import TransformerPotential

_DTYPES = {"float32": torch.float32, "float64": torch.float64}
# Systems, energies [n_systems] in eV, forces [n_atoms, 3] in eV/Å, derivative by strain [n_systems, 3, 3] in eV.
Frames = tuple[AtomsBatch, Tensor, Tensor, Tensor | None]


def train(job: TrainingJob, tell: Tell) -> Trained:
    """See ``TrainingJob``.

    Raises:
        BadInputError: a setting or the data cannot be used.
    """
    data = read_training_data(job.data, job.one_state)
    chosen, chosen_loop, architecture = settings_for(
        job.options, Optimiser, Loop, TransformerConfig, fixed=("elements", "reference_energies")
    )
    if architecture.get("directions"):
        architecture.setdefault("n_angular", 0)  # either one or the other
    architecture.setdefault("charges", len(data.train.states) > 1)
    optimiser, loop = Optimiser(**{"lr": 4e-3, **chosen}), Loop(**chosen_loop)
    config = TransformerConfig(
        elements=data.elements, reference_energies=tuple(data.reference_energies.values()), **architecture
    )
    L.seed_everything(job.seed)
    model = EdgeTransformer(config)
    if job.dtype == "float64":
        model = model.double()
    if model.force_head is not None and data.train.has_stress.any():
        tell("the stress of the frames is not learned: forces are direct")
    fit = Fit(model, job, optimiser, loop, data)
    watch = Watch(fit.budget, loop, optimiser, data, job, tell)
    scoring = _scoring(watch, loop, job, data)
    state = job.out / STATE
    trainer = L.Trainer(
        max_epochs=-1,
        max_steps=loop.steps or -1,
        accelerator="cpu" if job.device == "cpu" else "gpu",
        devices=[int(job.device.partition(":")[2] or 0)] if job.device.startswith("cuda") else 1,
        gradient_clip_val=optimiser.clip,
        logger=_loggers(job.out, loop),
        log_every_n_steps=100,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[watch, *scoring],
    )
    loader: Any = DataLoader(
        range(len(data.train)),  # type: ignore[arg-type]
        batch_sampler=_Order(fit, SizedBatches(data.train.n_atoms, optimiser.batch_atoms, job.seed)),  # type: ignore[arg-type]
        collate_fn=lambda indices: (
            *data.train.batch(indices, _DTYPES[job.dtype]),
            data.train.strain_gradients(indices, _DTYPES[job.dtype]) if model.force_head is None else None,
        ),
    )
    trainer.fit(fit, loader, ckpt_path=str(state) if is_kept(state, tell) else None, weights_only=True)
    if loop.patience and (job.out / BEST).exists():
        check_zip(job.out / BEST)
        model.load_state_dict(torch.load(job.out / BEST, weights_only=True))
    path = job.out / f"{job.name}.safetensors"
    save(path, model, first_card(job, data, "edge Transformer", "arXiv:2602.04861"))
    settings: dict[str, Any] = {
        "optimiser": "Muon for the matrices of the blocks, AdamW (amsgrad) for the rest",
        **asdict(optimiser),
        **asdict(loop),
        **STATED,
        "force_scale_eV_A": loop.force_scale,
        "rotate": config.directions,
    }
    if scoring:
        settings["bsct_share_taken"] = round(scoring[0].spent_s / scoring[0].elapsed_s, 4)
    count = sum(parameter.numel() for parameter in model.parameters())
    return Trained(path, count, trainer.global_step, fit.budget.spent_s, settings)


class Fit(L.LightningModule):
    """A Transformer under training.

    What is drawn for a step depends on the seed and the step alone, so that a run that was cut off goes on as if it
    had not been.
    """

    def __init__(
        self, model: EdgeTransformer, job: TrainingJob, optimiser: Optimiser, loop: Loop, data: TrainingData
    ) -> None:
        super().__init__()
        self.model, self.optimiser, self.loop, self.seed = model, optimiser, loop, job.seed
        self.budget = Budget(job.budget_s, steps=loop.steps)
        self.windows: Windows | None = None
        if loop.fsd_weight:
            shipped = {name: job.suites[name] for name in job.shipped if name in job.suites}
            scans = training_scans(job.suite(loop.fsd_scans), frozenset(data.elements), shipped)
            self.windows = Windows(scans, loop.fsd_frames, job.seed, _DTYPES[job.dtype])
        self.register_buffer("reference_table", data.reference_table(), persistent=False)

    def training_step(self, found: Frames, _: int) -> Tensor:
        """Loss of one batch."""
        batch, true_energy, true_forces, true_strain = found
        random = torch.Generator().manual_seed(self.seed * 1_000_003 + self.trainer.global_step)
        if self.model.config.directions:
            turn = turns(batch.n_systems, batch, random)
            batch, true_forces = rotated(batch, true_forces, turn)
            true_strain = None if true_strain is None else turn @ true_strain @ turn.transpose(1, 2)
        if true_strain is None:
            energy, forces = energy_and_forces(self.model, batch, train=True)
        else:
            energy, forces, strain = energy_forces_and_strain(self.model, batch)
        alone = atoms_energy(self.reference_table, batch.atomic_numbers, batch.system_idx, batch.n_systems)
        loss, of_energy, of_forces = training_loss(
            energy, forces, true_energy, true_forces, batch.atoms_per_system, alone, self.loop.force_scale
        )
        self.log_dict({"energy_loss": of_energy, "force_loss": of_forces})
        if true_strain is not None:
            of_stress = stress_loss(strain, true_strain, batch.atoms_per_system)
            self.log("stress_loss", of_stress)
            loss = loss + of_stress
        if self.windows is None:
            return loss
        smoothness = self.smoothness(self.windows.at(self.trainer.global_step, self.device), random)
        self.log("fsd_loss", smoothness)
        return loss + self.loop.fsd_weight * smoothness

    def smoothness(self, window: Window, random: torch.Generator) -> Tensor:
        """Soft FSD in 1/Å of a few consecutive frames of a scan, all turned alike."""
        batch, forces, at_minimum = window.batch, window.forces, window.at_minimum
        n_frames, n_atoms = forces.shape[:2]
        if self.model.config.directions:
            turn = turns(1, batch, random)
            batch, flat = rotated(batch, forces.flatten(0, 1), turn.expand(n_frames, 3, 3))
            forces, at_minimum = flat.unflatten(0, (n_frames, n_atoms)), at_minimum @ turn[0].T
        _, found = energy_and_forces(self.model, batch, train=True)
        return soft_fsd(
            window.coordinate, found.unflatten(0, (n_frames, n_atoms)), forces, at_minimum, width=self.loop.fsd_width
        )

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Its rates are set before every step, from how far the run is."""
        return optimiser_for(self.model, self.optimiser)

    def on_before_optimizer_step(self, optimizer: torch.optim.Optimizer) -> None:
        """Follow the schedule."""
        self.budget.step = self.trainer.global_step
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"] * learning_rate_factor(self.budget.fraction, self.loop.warm_up)

    def on_train_batch_end(self, *_: Any) -> None:
        """Stop when the budget is spent."""
        self.budget.step = self.trainer.global_step
        if self.budget.over:
            self.trainer.should_stop = True

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Keep what was spent."""
        checkpoint["spent_s"] = self.budget.spent_s

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Go on from there."""
        self.budget.spent_before_s = checkpoint["spent_s"]


class _Order:
    """The batches that are still to come, by Lightning's count of the steps done."""

    def __init__(self, fit: Fit, batches: SizedBatches) -> None:
        self.fit, self.batches = fit, batches

    def __iter__(self) -> Any:
        return batch_stream(self.batches, self.fit.trainer.global_step)


def _loggers(out: Path, loop: Loop) -> list[Logger]:
    """Loggers of this part of the run, in a folder of its own: ``log``, then ``log-2`` and so on where it goes on."""
    parts = len([path for path in out.glob("log*") if path.is_dir()])
    version = "log" if not parts else f"log-{parts + 1}"
    loggers: list[Logger] = [CSVLogger(out, name="", version=version)]
    if loop.tensorboard:
        if find_spec("tensorboard") is None:
            raise BadInputError("tensorboard=true needs TensorBoard; run: pip install 'bsct-zoo[tensorboard]'")
        loggers.append(TensorBoardLogger(out, name="", version=version))
    return loggers


def _scoring(watch: Watch, loop: Loop, job: TrainingJob, data: TrainingData) -> list[SmoothnessCallback]:
    """BSCT of the averaged weights along the way: one callback if it is asked for."""
    if not loop.bsct:
        return []

    def potential_of(_: Any) -> TransformerPotential:
        return TransformerPotential(
            deepcopy(watch.averaged), job.device, job.dtype, data.level_of_theory, licence="not stated"
        )

    return [
        SmoothnessCallback(
            potential_of,
            job.suite(loop.bsct),
            every_n_steps=loop.bsct_every,
            scans=loop.bsct_scans or None,
            share=loop.bsct_share,
            on_score=watch.scored,
        )
    ]
