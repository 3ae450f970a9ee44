"""Potential energy surfaces that can be known exactly, on the interface of models."""

from dataclasses import replace

import numpy as np
import torch

from bsct_zoo.atoms.neighbours import pairs_within
from bsct_zoo.potentials.gradients import predict_by_gradient
from bsct_zoo.potentials.potential import Potential, PotentialInfo
from bsct_zoo.properties.torsion import dihedrals

INFO = PotentialInfo(
    elements=None,
    cutoff=8.0,
    dtype="float64",
    device="cpu",
    conservative=True,
    level_of_theory="none",
    licence="MIT",
    has_stress=True,
)


class Surface(Potential):
    """Energy of each system by a function of a batch; counts what it is asked."""

    def __init__(self, energy_of, stress=True, elements=None):
        self.energy_of, self.calls, self.systems = energy_of, 0, 0
        self.info = replace(INFO, has_stress=stress, elements=elements)

    def compute(self, batch):
        self.calls, self.systems = self.calls + 1, self.systems + batch.n_systems
        found = predict_by_gradient(self.energy_of, batch)
        return found if self.info.has_stress else replace(found, stress=None)


def pairwise(function, cutoff):
    """Energy of all pairs within ``cutoff`` by ``function`` of distances [E] and the batch's pairs."""

    def energy(batch):
        pairs = pairs_within(batch, cutoff)
        halves = 0.5 * function(pairs.vectors.norm(dim=1), pairs, batch)
        total = torch.zeros(batch.n_systems, dtype=torch.float64)
        return total.index_add(0, batch.system_idx[pairs.source], halves)

    return energy


def lennard_jones(epsilon=0.01, sigma=2.5, cutoff=12.0):
    """4 ε ((σ/r)^12 - (σ/r)^6), brought to zero smoothly over the last quarter of the cut-off."""

    def function(r, pairs, batch):
        x = ((r / cutoff - 0.75) / 0.25).clamp(0, 1)
        return 4 * epsilon * ((sigma / r) ** 12 - (sigma / r) ** 6) * (1 - x**3 * (10 - 15 * x + 6 * x**2))

    return pairwise(function, cutoff)


def morse(depth=4.0, width=2.0, length=1.1):
    """depth ((1 - exp(-width (r - length)))² - 1); force constant 2 depth width²."""

    def function(r, pairs, batch):
        return depth * ((1 - torch.exp(-width * (r - length))) ** 2 - 1)

    return pairwise(function, 20.0)


def springs(pairs, lengths, stiffness, bends=()):
    """Springs k/2 (r - r0)² between ``pairs``, k/2 (cosine - cosine0)² for ``bends`` (i, j, k, cosine0, k)."""
    i, j = np.array(pairs).T

    def energy(batch):
        x = batch.positions.reshape(batch.n_systems, -1, 3)
        r = (x[:, i] - x[:, j]).norm(dim=2)
        total = (0.5 * torch.as_tensor(stiffness) * (r - torch.as_tensor(lengths)) ** 2).sum(1)
        for a, b, c, cosine, k in bends:
            u, v = x[:, a] - x[:, b], x[:, c] - x[:, b]
            found = (u * v).sum(1) / u.norm(dim=1) / v.norm(dim=1)
            total = total + 0.5 * k * (found - cosine) ** 2
        return total

    return energy


def frame(atoms, stiffness=30.0):
    """Springs of bonds and of pairs two bonds apart, at the lengths of ``atoms``: torsions alone are free."""
    from bsct_zoo.properties.topology import angles, bonds

    near = bonds(atoms.numbers, atoms.positions)
    pairs = [*map(tuple, near.tolist()), *((i, k) for i, _, k in angles(near).tolist())]
    lengths = [atoms.get_distance(i, j) for i, j in pairs]
    return springs(pairs, lengths, [stiffness] * len(pairs))


def torsional(atoms, quadruples, height, fold):
    """``frame`` and height/2 (1 - cos(fold (φ - φ0))), the mean over ``quadruples``, φ0 those of ``atoms``."""
    rigid = frame(atoms)
    start = torch.as_tensor([np.radians(atoms.get_dihedral(*q)) for q in quadruples])

    def energy(batch):
        n = len(atoms)
        places = torch.as_tensor(quadruples)[None] + n * torch.arange(batch.n_systems)[:, None, None]
        phi = dihedrals(batch.positions, places.reshape(-1, 4)).reshape(batch.n_systems, -1)
        return rigid(batch) + 0.5 * height * (1 - torch.cos(fold * (phi - start))).mean(1)

    return energy
