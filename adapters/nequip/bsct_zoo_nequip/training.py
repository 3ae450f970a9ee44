"""Train a NequIP model through nequip's own trainer: its data module, Lightning module, averaging and metrics."""

from __future__ import annotations

import warnings
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import lightning
import torch
from nequip.data.datamodule import NequIPDataModule
from nequip.train import EMALightningModule
from nequip.utils import get_current_code_versions
from nequip.utils.global_state import get_latest_global_state

from bsct_zoo.training.card import first_card
from bsct_zoo.training.data import read_training_data
from bsct_zoo.training.job import Tell, Trained, TrainingJob
from bsct_zoo.training.loss import STATED
from bsct_zoo.training.schedule import Budget
from bsct_zoo.training.settings import Optimiser, settings_for
from bsct_zoo.training.state import is_kept
from bsct_zoo_nequip.checkpoint import NequipConfig, builder_arguments, save
from bsct_zoo_nequip.frames import mean_neighbours
from bsct_zoo_nequip.packages import ready
from bsct_zoo_nequip.watch import Watch

CITATION = "S. Batzner et al., Nat. Commun. 13, 2453 (2022); C. W. Tan et al., arXiv:2504.16068; trained for bsct-zoo"
_FROM_DATA = ("elements", "reference_energies", "avg_num_neighbors")


def train(job: TrainingJob, tell: Tell) -> Trained:
    """Carry out ``job``; goes on from ``job.out/last.ckpt`` if that is there.

    That file is a checkpoint as ``nequip-train`` writes it: ``nequip-package`` and ``nequip-compile`` take it.

    Raises:
        BadInputError: the data or an option is not usable.
    """
    budget = Budget(job.budget_s)
    torch.set_num_threads(job.threads)
    ready()
    of_optimiser, of_model = settings_for(job.options, Optimiser, NequipConfig, fixed=_FROM_DATA)
    optimiser = Optimiser(**{"lr": 1e-2, **of_optimiser})
    data = read_training_data(job.data, job.one_state)
    config = NequipConfig(data.elements, tuple(data.reference_energies.values()), **of_model)
    config = replace(config, avg_num_neighbors=round(mean_neighbours(data.train, config.r_max), 2))
    job.out.mkdir(parents=True, exist_ok=True)
    state = job.out / "last.ckpt"
    module, steps = _fit(job, config, optimiser, Watch(budget, optimiser.lr, len(data.valid), state, tell), state)

    model = module.evaluation_model["sole_model"]  # which holds the averaged weights from here on
    checkpoint = job.out / f"{job.name}.safetensors"
    save(checkpoint, model, config, first_card(job, data, "NequIP", CITATION))
    return Trained(
        checkpoint=checkpoint,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        steps=steps,
        spent_s=budget.spent_s,
        settings={"optimiser": "AdamW with amsgrad", **asdict(optimiser), **STATED, "model": _shape(config)},
    )


def _fit(
    job: TrainingJob, config: NequipConfig, optimiser: Optimiser, watch: Watch, state: Path
) -> tuple[EMALightningModule, int]:
    """The module of nequip after its training, and the steps that it took."""
    cuda = job.device.startswith("cuda")
    data = data_config(job, config, optimiser.batch_atoms)
    training_module = module_config(job, config, optimiser)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of loaders without workers, of loggers, of what nequip itself says of torch
        datamodule = NequIPDataModule(**{key: value for key, value in data.items() if key != "_target_"})
        module = EMALightningModule(
            **{key: value for key, value in training_module.items() if key != "_target_"},
            num_datasets=datamodule.num_datasets,
            info_dict={
                "versions": get_current_code_versions(verbose=False),
                "data": data,
                "training_module": training_module,
                "global_options": get_latest_global_state(),
                "runs": ["train"],
            },
        )
        trainer = lightning.Trainer(
            max_epochs=-1,
            accelerator="gpu" if cuda else "cpu",
            devices=[int(job.device.partition(":")[2] or 0)] if cuda else 1,
            gradient_clip_val=optimiser.clip,
            limit_val_batches=0,  # see ``watch.validated``
            inference_mode=False,  # forces are gradients
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[watch],
        )
        trainer.fit(
            module,
            datamodule=datamodule,
            ckpt_path=str(state) if is_kept(state, watch.tell) else None,
            weights_only=False,  # our own file, written above
        )
    return module, trainer.global_step


def data_config(job: TrainingJob, config: NequipConfig, batch_atoms: int) -> dict[str, Any]:
    """Configuration of nequip's data module."""
    names = builder_arguments(config, job.dtype)["type_names"]

    def frames(split: str) -> dict[str, Any]:
        return {
            "_target_": "bsct_zoo_nequip.frames.LabelledFrames",
            "folder": str(job.data.resolve()),
            "one_state": job.one_state,
            "split": split,
            "r_max": config.r_max,
            "type_names": names,
        }

    batches = {"_target_": "bsct_zoo_nequip.frames.loader", "batch_atoms": batch_atoms}
    return {
        "_target_": "nequip.data.datamodule.NequIPDataModule",
        "seed": job.seed,
        "train_dataset": frames("train"),
        "val_dataset": frames("valid"),
        "train_dataloader": {**batches, "seed": job.seed},
        "val_dataloader": batches,
    }


def module_config(job: TrainingJob, config: NequipConfig, optimiser: Optimiser) -> dict[str, Any]:
    """Configuration of nequip's Lightning module: model, optimiser, averaging, loss and metrics."""
    loss = {
        "_target_": "bsct_zoo_nequip.loss.SharedLoss",
        "reference_energies": list(config.reference_energies),
    }
    error = {"_target_": "nequip.train.MeanAbsoluteError"}
    per_atom = {"_target_": "nequip.data.PerAtomModifier", "field": "total_energy"}
    manager = "nequip.train.MetricsManager"
    return {
        "_target_": "nequip.train.EMALightningModule",
        "model": {
            "_target_": "nequip.model.NequIPGNNModel",
            **builder_arguments(config, job.dtype, job.seed),
        },
        "ema_decay": optimiser.ema_decay,
        "optimizer": {
            "_target_": "torch.optim.AdamW",
            "lr": optimiser.lr,
            "weight_decay": optimiser.weight_decay,
            "amsgrad": True,
            "fused": True,  # some hundred small tensors: one by one they cost more than their numbers
        },
        "loss": {"_target_": manager, "metrics": [{"name": "shared_loss", "metric": loss, "coeff": 1.0}]},
        "val_metrics": {
            "_target_": manager,
            "metrics": [
                {"name": "energy_mae", "field": per_atom, "metric": error},
                {"name": "forces_mae", "field": "forces", "metric": error},
            ],
        },
    }


def _shape(config: NequipConfig) -> dict[str, Any]:
    """What was chosen of the architecture."""
    return {key: value for key, value in asdict(config).items() if key not in ("elements", "reference_energies")}
