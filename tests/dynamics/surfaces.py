"""Potentials whose dynamics is known, and molecules made of their atoms."""

import numpy as np
import torch
from ase import Atoms

from bsct_zoo.atoms.neighbours import pairs_within
from bsct_zoo.potentials.gradients import predict_by_gradient
from bsct_zoo.potentials.potential import Potential, PotentialInfo, Prediction

INFO = PotentialInfo(None, None, "float64", "cpu", True, "a test", "MIT")


class Trap(Potential):
    """Every atom on a spring of stiffness k to the origin; ``vortex`` adds a force about z that has no energy."""

    info = INFO

    def __init__(self, k=2.0, vortex=0.0):
        self.k, self.vortex = k, vortex

    def compute(self, batch):
        x, y, z = batch.positions.unbind(1)
        energy = torch.zeros(batch.n_systems, dtype=torch.float64)
        energy = energy.index_add(0, batch.system_idx, 0.5 * self.k * (batch.positions**2).sum(1))
        turning = self.vortex * torch.stack([-y, x, torch.zeros_like(z)], dim=1)
        return Prediction(energy, turning - self.k * batch.positions)


class Wind(Potential):
    """No energy, and a force of ``strength`` (eV/Å) along x on every atom: total energy grows by force times speed."""

    info = INFO

    def __init__(self, strength):
        self.strength = strength

    def compute(self, batch):
        forces = torch.zeros_like(batch.positions)
        forces[:, 0] = self.strength
        return Prediction(torch.zeros(batch.n_systems, dtype=torch.float64), forces)


class Morse(Potential):
    """A Morse well of 3 eV at 1.5 Å between all atoms of a system; with a pair beyond ``cliff`` Å it has no answer."""

    info = INFO

    def __init__(self, depth=3.0, alpha=1.6, r0=1.5, cliff=None):
        self.depth, self.alpha, self.r0 = depth, alpha, r0
        self.cliff = cliff
        self.computed = 0

    def energy_of(self, batch):
        pairs = pairs_within(batch, 1e6)
        r = pairs.vectors.norm(dim=1)
        half = 0.5 * self.depth * ((1 - torch.exp(-self.alpha * (r - self.r0))) ** 2 - 1)
        zeros = torch.zeros(batch.n_systems, dtype=torch.float64)
        return zeros.index_add(0, batch.system_idx[pairs.source], half)

    def compute(self, batch):
        self.computed += batch.n_systems
        found = predict_by_gradient(self.energy_of, batch)
        if self.cliff is not None:
            pairs = pairs_within(batch, 1e6)
            far = batch.system_idx[pairs.source[pairs.vectors.norm(dim=1) > self.cliff]]
            found.energy[far] = torch.nan
        return found


def cluster(n, seed=0, spread=0.05):
    """``n`` carbon atoms (up to four), all about 1.5 Å apart."""
    corners = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) * 1.5 / 8**0.5
    positions = corners[:n] + np.random.default_rng(seed).normal(size=(n, 3)) * spread
    return Atoms(f"C{n}", positions, info={"name": f"C{n}"})


def dimer(length, symbols="C2"):
    return Atoms(symbols, [[0, 0, 0], [0, 0, length]])
