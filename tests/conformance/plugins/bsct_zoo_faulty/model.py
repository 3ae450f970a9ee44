"""Morse pairs and a density embedded at every atom, cut off smoothly: many-body, periodic, and right."""

import torch

from bsct_zoo.atoms.neighbours import pairs_within
from bsct_zoo.potentials.gradients import predict_by_gradient
from bsct_zoo.potentials.potential import Potential, PotentialInfo, check_elements

RADII = {1: 0.37, 6: 0.62, 8: 0.58, 14: 1.11}  # Å; halves of bonds
OWN = {1: -13.6, 6: -1029.1, 8: -2042.6, 14: -7875.2}  # eV, of an atom alone
DEPTH, STEEPNESS, EMBEDDING = 5.0, 2.2, 0.3
CUTOFF = 4.0  # Å, longer than the edges of silicon's primitive cell


def envelope(distance):
    return (1 - (distance / CUTOFF).clamp(max=1.0) ** 2) ** 3


class Morse(Potential):
    def __init__(self, dtype):
        self.dtype = getattr(torch, dtype)
        self.radii, self.own = torch.zeros(119, dtype=self.dtype), torch.zeros(119, dtype=torch.float64)
        for z in RADII:
            self.radii[z], self.own[z] = RADII[z], OWN[z]
        self.pairs, self.envelope = pairs_within, envelope
        self.info = PotentialInfo(
            elements=frozenset(RADII),
            cutoff=CUTOFF,
            dtype=dtype,
            device="cpu",
            conservative=True,
            level_of_theory="a textbook",
            licence="CC0-1.0",
            has_stress=True,
            cost="edges",
            versions=(("torch", torch.__version__),),
        )

    def compute(self, batch):
        check_elements(batch, self.info.elements)
        return self.predict(batch)

    def predict(self, batch):
        return predict_by_gradient(self.energy, batch.to(dtype=self.dtype))

    def energy(self, batch):
        """[n_systems] eV."""
        pairs = self.pairs(batch, CUTOFF)
        distance = pairs.vectors.square().sum(1).sqrt()
        z = batch.atomic_numbers
        rest = self.radii[z[pairs.source]] + self.radii[z[pairs.target]]
        fade = self.envelope(distance)
        stretched = torch.exp(-STEEPNESS * (distance - rest))
        pair = 0.5 * DEPTH * (stretched**2 - 2 * stretched) * fade
        density = torch.zeros(batch.n_atoms, dtype=batch.dtype).index_add(0, pairs.source, stretched * fade)
        atom = EMBEDDING * density**2 / (1 + density)
        atom = atom.index_add(0, pairs.source, pair)
        total = torch.zeros(batch.n_systems, dtype=torch.float64)
        return total.index_add(0, batch.system_idx, atom.double() + self.own[z])
