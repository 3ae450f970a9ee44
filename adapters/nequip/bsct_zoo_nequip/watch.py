"""What goes on beside nequip's training: learning rate, end of the budget, states to go on from, validation."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import lightning
import torch
from nequip.train import EMALightningModule

from bsct_zoo.training.job import Tell
from bsct_zoo.training.schedule import Budget, learning_rate_factor
from bsct_zoo.training.state import keep_state
from bsct_zoo.training.watch import record, state_every_s, validate_every_s

TELL_EVERY_S = 30.0


class Watch(lightning.Callback):
    """Keeps a run to its budget of CPU seconds, counted across the parts of a run that was cut off."""

    def __init__(self, budget: Budget, lr: float, n_valid: int, state: Path, tell: Tell) -> None:
        self.budget, self.lr, self.n_valid, self.state, self.tell = budget, lr, n_valid, state, tell
        self.saved_s, self.validated_s, self.told = 0.0, 0.0, time.monotonic()

    def state_dict(self) -> dict[str, Any]:
        """What was spent."""
        return {"spent_s": self.budget.spent_s}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what was spent."""
        self.budget.spent_before_s = state_dict["spent_s"]
        self.saved_s = self.validated_s = self.budget.spent_s

    def on_load_checkpoint(self, trainer: Any, pl_module: Any, checkpoint: dict[str, Any]) -> None:
        """Do not show the frames of the epoch that was cut off in the same order again."""
        trainer.datamodule.train_dataloader_config["first_epoch"] = checkpoint["epoch"] + 1

    def on_before_optimizer_step(self, trainer: Any, pl_module: Any, optimizer: torch.optim.Optimizer) -> None:
        """Learning rate of this step."""
        for group in optimizer.param_groups:
            group["lr"] = self.lr * learning_rate_factor(self.budget.fraction)

    def on_train_batch_end(self, trainer: Any, pl_module: Any, *_: Any) -> None:
        """Stop, save, validate, tell."""
        spent_s = self.budget.spent_s
        trainer.should_stop = self.budget.over
        if self.budget.over or spent_s - self.saved_s > state_every_s(self.budget.total_s):
            self.saved_s = spent_s
            keep_state(self.state, lambda path: trainer.save_checkpoint(path, weights_only=False))
        if self.budget.over or spent_s - self.validated_s > validate_every_s(self.budget.total_s, self.n_valid):
            self.validated_s = spent_s
            record(self.state.parent, self.budget, trainer.global_step, validated(trainer, pl_module), self.tell)
            self.told = time.monotonic()
        if time.monotonic() - self.told > TELL_EVERY_S:
            self.told = time.monotonic()
            loss = float(trainer.callback_metrics["train_loss_step/weighted_sum"])
            self.tell(f"step {trainer.global_step}: loss {loss:.3f}", spent_s)


def validated(trainer: Any, module: EMALightningModule) -> dict[str, float]:
    """Errors of the averaged weights on the validation frames, by nequip's own validation step and metrics.

    Not by Lightning's loop, which counts steps or time of the clock, where the budget counts time of the processor.
    """
    metrics = module.val_metrics[0]
    module.on_validation_start()  # the averaged weights come into the model
    module.eval()
    for index, batch in enumerate(trainer.datamodule.val_dataloader()[0]):
        module.validation_step(trainer.strategy.batch_to_device(batch), index)
    module.train()
    module.on_validation_end()  # and out again
    found = metrics.compute()
    metrics.reset()
    return {
        "energy_mae_mev_atom": 1e3 * float(found["energy_mae"]),
        "forces_mae_mev_A": 1e3 * float(found["forces_mae"]),
    }
