"""Answers that depend on the batch, or come back in another order."""

from dataclasses import replace

import torch

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo_faulty.faults.registry import fault


@fault("batch-independence")
def energies_normalised_over_the_batch(model, batch):
    said = model.predict(batch)
    return replace(said, energy=said.energy + 1e-5 * said.energy.abs().mean())


@fault("batch-independence")
def neighbours_across_systems(model, batch):
    if not batch.n_systems:
        return model.predict(batch)
    leaked = torch.zeros(batch.n_atoms, 3, dtype=torch.float64)
    distance = torch.cdist(batch.positions.double(), batch.positions.double())
    foreign = (batch.system_idx[:, None] != batch.system_idx[None, :]) & (distance < 2.0)
    leaked[foreign.any(1)] = 1e-4
    said = model.predict(batch)
    return replace(said, forces=said.forces + leaked.to(said.forces.dtype))


@fault("system-order")
def systems_sorted_by_size(model, batch):
    systems = batch.split()
    if len(systems) < 2:
        return model.predict(batch)
    order = sorted(range(len(systems)), key=lambda i: systems[i].n_atoms)
    return model.predict(AtomsBatch.join([systems[i] for i in order]))


@fault("atom-order")
def atoms_sorted_by_element(model, batch):
    order = torch.argsort(batch.system_idx * 200 + batch.atomic_numbers, stable=True)
    inside = replace(batch, positions=batch.positions[order], atomic_numbers=batch.atomic_numbers[order])
    return model.predict(inside)


@fault("huge-batch")
def chunks_without_the_last(model, batch):
    said = model.predict(batch)
    said.forces[500:] = 0.0
    return said


@fault("empty-batch")
def fails_on_an_empty_batch(model, batch):
    int(batch.atoms_per_system.max())
    return model.predict(batch)


@fault("one-atom")
def nan_without_neighbours(model, batch):
    said = model.predict(batch)
    alone = (batch.atoms_per_system == 1) & ~batch.pbc.any(1)
    return replace(said, energy=said.energy.masked_fill(alone, torch.nan))
