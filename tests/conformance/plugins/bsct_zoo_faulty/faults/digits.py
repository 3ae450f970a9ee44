"""Types, shapes and digits."""

from dataclasses import replace

import torch

from bsct_zoo.potentials.gradients import predict_by_gradient
from bsct_zoo_faulty.faults.registry import fault


@fault("totals")
def totals_in_float32(model, batch):
    said = model.predict(batch)
    return replace(said, energy=said.energy.float().double())


@fault("shapes")
def energies_of_type_float32(model, batch):
    said = model.predict(batch)
    return replace(said, energy=said.energy.float())


@fault("shapes")
def forces_flattened(model, batch):
    said = model.predict(batch)
    return replace(said, forces=said.forces.reshape(-1))


@fault("finite")
def nan_for_oxygen(model, batch):
    said = model.predict(batch)
    return replace(said, forces=said.forces.masked_fill((batch.atomic_numbers == 8)[:, None], torch.nan))


@fault("translation")
def float32_inside(model, batch):
    said = predict_by_gradient(lambda inside: model.energy(inside.to(dtype=torch.float32)), batch.to(dtype=model.dtype))
    return replace(said, forces=said.forces.to(model.dtype))


@fault("precision")
def half_precision_inside(model, batch):
    if model.dtype == torch.float64:
        return model.predict(batch)
    return model.predict(replace(batch, positions=batch.positions.bfloat16().to(model.dtype)))
