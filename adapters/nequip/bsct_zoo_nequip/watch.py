"""What goes on beside nequip's training: learning rate, end of the budget, states to go on from, validation log."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import lightning
import torch

from bsct_zoo.training.job import Tell
from bsct_zoo.training.schedule import Budget, learning_rate_factor
from bsct_zoo.training.watch import record, state_every_s

TELL_EVERY_S = 30.0


class Watch(lightning.Callback):
    """Keeps a run to its budget of CPU seconds, counted across the parts of a run that was cut off."""

    def __init__(self, budget: Budget, lr: float, state: Path, tell: Tell) -> None:
        self.budget, self.lr, self.state, self.tell = budget, lr, state, tell
        self.saved_s, self.told = 0.0, time.monotonic()

    def state_dict(self) -> dict[str, Any]:
        """What was spent."""
        return {"spent_s": self.budget.spent_s}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what was spent."""
        self.budget.spent_before_s = state_dict["spent_s"]
        self.saved_s = self.budget.spent_s

    def on_load_checkpoint(self, trainer: Any, pl_module: Any, checkpoint: dict[str, Any]) -> None:
        """Do not show the frames of the epoch that was cut off in the same order again."""
        trainer.datamodule.train_dataloader_config["first_epoch"] = checkpoint["epoch"] + 1

    def on_before_optimizer_step(self, trainer: Any, pl_module: Any, optimizer: torch.optim.Optimizer) -> None:
        """Learning rate of this step."""
        for group in optimizer.param_groups:
            group["lr"] = self.lr * learning_rate_factor(self.budget.fraction)

    def on_train_batch_end(self, trainer: Any, *_: Any) -> None:
        """Stop, save, tell."""
        trainer.should_stop = self.budget.over
        if self.budget.over or self.budget.spent_s - self.saved_s > state_every_s(self.budget.total_s):
            self.saved_s = self.budget.spent_s
            part = self.state.with_suffix(".part")
            trainer.save_checkpoint(part, weights_only=False)
            part.replace(self.state)
        if time.monotonic() - self.told > TELL_EVERY_S:
            self.told = time.monotonic()
            loss = float(trainer.callback_metrics["train_loss_step/weighted_sum"])
            self.tell(f"step {trainer.global_step}: loss {loss:.3f}", self.budget.spent_s)

    def on_validation_end(self, trainer: Any, *_: Any) -> None:
        """Write down the errors of the averaged weights, which nequip has put into the model for this."""
        found = {
            name: 1e3 * float(trainer.callback_metrics[f"val0_epoch/{metric}"])
            for name, metric in (("energy_mae_mev_atom", "energy_mae"), ("forces_mae_mev_A", "forces_mae"))
        }
        record(self.state.parent, self.budget, trainer.global_step, found, self.tell)
