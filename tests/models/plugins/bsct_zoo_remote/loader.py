"""Loads springs from a pickle with no care of its own: what stands before it must keep strangers out."""

import torch

from bsct_zoo.potentials.potential import Potential, PotentialInfo, Prediction


class Spring(Potential):
    def __init__(self, stiffness, card, device, dtype):
        self.stiffness = float(stiffness)
        self.info = PotentialInfo(
            elements=None,
            cutoff=None,
            dtype=dtype,
            device=device,
            conservative=True,
            level_of_theory=card.level_of_theory,
            licence=card.licence,
        )

    def compute(self, batch):
        positions = batch.positions.double()
        squares = 0.5 * self.stiffness * positions.square().sum(1)
        energy = torch.zeros(batch.n_systems, dtype=torch.float64).index_add(0, batch.system_idx, squares)
        return Prediction(energy, -self.stiffness * positions)


def load(card, device, dtype):
    return Spring(torch.load(card.checkpoint, weights_only=False), card, device, dtype)
