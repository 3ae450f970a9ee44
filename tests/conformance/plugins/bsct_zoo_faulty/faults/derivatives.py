"""Forces and stress that are not the derivative of the energy."""

from dataclasses import replace

import torch

from bsct_zoo_faulty.faults.registry import fault, scaled


@fault("forces")
def forces_of_the_wrong_sign(model, batch):
    return scaled(model.predict(batch), forces=-1)


@fault("forces")
def forces_a_thousandth_off(model, batch):
    return scaled(model.predict(batch), forces=1.001)


@fault("forces")
def direct_forces_declared_a_gradient(model, batch):
    said = model.predict(batch)
    return replace(said, forces=said.forces + 0.02 * torch.sin(said.forces))


@fault("net-force")
def forces_that_do_not_add_up(model, batch):
    said = model.predict(batch)
    return replace(said, forces=said.forces + 1e-3)


@fault("stress")
def stress_of_the_wrong_sign(model, batch):
    return scaled(model.predict(batch), stress=-1)


@fault("stress")
def stress_without_volume(model, batch):
    said = model.predict(batch)
    if said.stress is None:
        return said
    return replace(said, stress=said.stress * torch.linalg.det(batch.cell).abs()[:, None, None])


@fault("stress")
def stress_with_voigt_mixed_up(model, batch):
    said = model.predict(batch)
    if said.stress is None:
        return said
    mixed = said.stress.clone()
    mixed[:, 1, 2] = mixed[:, 2, 1] = said.stress[:, 0, 1]
    mixed[:, 0, 1] = mixed[:, 1, 0] = said.stress[:, 1, 2]
    return replace(said, stress=mixed)


@fault("stress-given")
def stress_declared_but_absent(model, batch):
    return replace(model.predict(batch), stress=None)


@fault("stress-given")
def stress_of_molecules(model, batch):
    said = model.predict(batch)
    return said if said.stress is None else replace(said, stress=said.stress.nan_to_num())
