"""The loss that every family is trained with, as a metric of nequip's ``MetricsManager``."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torchmetrics import Metric

from bsct_zoo.training.loss import stress_loss, training_loss
from bsct_zoo_nequip.packages import AtomicDataDict


class SharedLoss(Metric):
    """``bsct_zoo.training.loss`` of a batch; over an epoch, the mean of its batches."""

    full_state_update = False  # one evaluation a step

    def __init__(self, reference_energies: Sequence[float]) -> None:
        """``reference_energies`` in eV, by atom type."""
        super().__init__()
        self.register_buffer("reference", torch.tensor(list(reference_energies), dtype=torch.float64), persistent=False)
        self.add_state("total", default=torch.tensor(0.0, dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("batches", default=torch.tensor(0), dist_reduce_fx="sum")

    def update(self, found: dict[str, Tensor], wanted: dict[str, Tensor]) -> None:
        """Add a batch: what the model says of it, and its labels."""
        n_atoms = wanted[AtomicDataDict.NUM_NODES_KEY]
        own = self.reference[wanted[AtomicDataDict.ATOM_TYPE_KEY]]
        atoms = own.new_zeros(len(n_atoms)).index_add(0, wanted[AtomicDataDict.BATCH_KEY], own)
        loss, _, _ = training_loss(
            found[AtomicDataDict.TOTAL_ENERGY_KEY].view(-1),
            found[AtomicDataDict.FORCE_KEY],
            wanted[AtomicDataDict.TOTAL_ENERGY_KEY].view(-1),
            wanted[AtomicDataDict.FORCE_KEY],
            n_atoms,
            atoms,
        )
        if AtomicDataDict.VIRIAL_KEY in wanted:  # a virial is minus what the loss calls W
            loss = loss + stress_loss(-found[AtomicDataDict.VIRIAL_KEY], -wanted[AtomicDataDict.VIRIAL_KEY], n_atoms)
        self.total = self.total + loss
        self.batches = self.batches + 1

    def compute(self) -> Tensor:
        """The mean of the batches so far."""
        return self.total / self.batches
