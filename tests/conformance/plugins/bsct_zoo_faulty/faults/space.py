"""Positions, directions and lattices that matter where they must not, or do not where they must."""

from dataclasses import replace

import torch

from bsct_zoo.atoms.neighbours import pairs_within
from bsct_zoo.potentials.gradients import predict_by_gradient
from bsct_zoo_faulty.faults.registry import fault


@fault("translation")
def tied_to_the_origin(model, batch):
    def energy(inside):
        tied = 1e-3 * inside.positions.double().square().sum(1)
        return model.energy(inside).index_add(0, inside.system_idx, tied)

    return predict_by_gradient(energy, batch.to(dtype=model.dtype))


@fault("rotation")
def x_is_not_y(model, batch):
    stretch = torch.diag(torch.tensor([1.001, 1.0, 1.0], dtype=model.dtype))

    def energy(inside):
        return model.energy(replace(inside, positions=inside.positions @ stretch, cell=inside.cell @ stretch))

    return predict_by_gradient(energy, batch.to(dtype=model.dtype))


@fault("periodic-images")
def ignores_the_cell(model, batch):
    said = model.predict(replace(batch, pbc=torch.zeros_like(batch.pbc)))
    periodic = batch.pbc.any(1)[:, None, None]
    return replace(said, stress=torch.where(periodic, 0.0, torch.nan * batch.cell)) if bool(batch.pbc.any()) else said


@fault("periodic-images")
def ignores_one_lattice_vector(model, batch):
    return model.predict(replace(batch, pbc=batch.pbc & torch.tensor([True, True, False])))


@fault("supercell")
def nearest_image_alone(model, batch):
    def nearest(inside, cutoff):
        pairs = pairs_within(inside, cutoff)
        if pairs.shift is None:
            return pairs
        distance = pairs.vectors.detach().norm(dim=1)
        other = pairs.source != pairs.target
        pair = pairs.source * inside.n_atoms + pairs.target
        closest = torch.full((inside.n_atoms**2,), torch.inf, dtype=distance.dtype)
        closest = closest.scatter_reduce(0, pair, distance, "amin")
        kept = (other & (distance <= closest[pair])).nonzero().squeeze(1)
        return replace(pairs, source=pairs.source[kept], target=pairs.target[kept], vectors=pairs.vectors[kept])

    model.pairs = nearest
    return model.predict(batch)


@fault("cell-without-pbc")
def periodic_wherever_there_is_a_cell(model, batch):
    there = batch.cell.abs().sum((1, 2)) > 0
    said = model.predict(replace(batch, pbc=there[:, None].expand(-1, 3)))
    keep = batch.pbc.any(1)[:, None, None]
    if said.stress is None or not bool(keep.any()):
        return replace(said, stress=None)
    return replace(said, stress=said.stress.masked_fill(~keep, torch.nan))


@fault("cutoff")
def hard_cutoff(model, batch):
    model.envelope = torch.ones_like
    return model.predict(batch)


@fault("cutoff", cutoff=2.5)
def sees_beyond_its_cutoff(model, batch):
    return model.predict(batch)
