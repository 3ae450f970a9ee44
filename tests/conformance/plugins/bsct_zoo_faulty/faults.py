"""The faults: each the wrong thing that somebody did once, with the property that must find it."""

import ctypes
import os
import random
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from bsct_zoo.batch import AtomsBatch
from bsct_zoo.gradients import predict_by_gradient
from bsct_zoo.neighbours import pairs_within
from bsct_zoo.potential import Prediction

BOHR, HARTREE, KCAL = 0.529177, 27.2114, 23.0605


@dataclass(frozen=True)
class Fault:
    """A fault: ``compute(model, batch)`` is what the model does for ``Morse.predict``."""

    name: str
    found_by: str
    compute: Callable[..., Prediction]
    declares: Mapping[str, object] = field(default_factory=dict)
    checks_elements: bool = True


FAULTS: dict[str, Fault] = {}


def fault(found_by, checks_elements=True, **declares):
    def register(compute):
        FAULTS[compute.__name__] = Fault(compute.__name__, found_by, compute, declares, checks_elements)
        return compute

    return register


def scaled(prediction, energy=1.0, forces=1.0, stress=1.0):
    total = None if prediction.stress is None else prediction.stress * stress
    return Prediction(prediction.energy * energy, prediction.forces * forces, total)


# -- units ---------------------------------------------------------------------------------------------------


@fault("energy-unit")
def hartree(model, batch):
    return scaled(model.predict(batch), 1 / HARTREE, 1 / HARTREE, 1 / HARTREE)


@fault("energy-unit")
def rydberg(model, batch):
    return scaled(model.predict(batch), 2 / HARTREE, 2 / HARTREE, 2 / HARTREE)


@fault("energy-unit")
def kcal_per_mol(model, batch):
    return scaled(model.predict(batch), KCAL, KCAL, KCAL)


@fault("energy-unit")
def bohr_taken_for_angstrom(model, batch):
    inside = replace(batch, positions=batch.positions / BOHR, cell=batch.cell / BOHR)
    return scaled(model.predict(inside), 1, 1 / BOHR, 1 / BOHR**3)


@fault("forces")
def forces_per_bohr(model, batch):
    return scaled(model.predict(batch), forces=BOHR)


@fault("force-unit", forces="direct")
def direct_forces_in_kcal(model, batch):
    return scaled(model.predict(batch), forces=KCAL)


@fault("force-unit", forces="direct")
def direct_forces_are_the_gradient(model, batch):
    return scaled(model.predict(batch), forces=-1)


# -- gradients -----------------------------------------------------------------------------------------------


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


# -- batches -------------------------------------------------------------------------------------------------


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


# -- what is kept --------------------------------------------------------------------------------------------


@fault("stale-answers")
def cache_by_shape(model, batch):
    key = (tuple(batch.positions.shape), batch.n_systems)
    if not model.memory or model.memory[0] != key:
        model.memory = [key, model.predict(batch)]
    return model.memory[1]


@fault("stale-answers")
def cache_by_object(model, batch):
    if not model.memory or model.memory[0] is not batch.positions:
        model.memory = [batch.positions, model.predict(batch)]
    return model.memory[1]


@fault("stale-answers")
def cache_by_positions_alone(model, batch):
    if not model.memory or not torch.equal(model.memory[0], batch.positions):
        model.memory = [batch.positions.clone(), model.predict(batch)]
    return model.memory[1]


@fault("detached")
def not_detached(model, batch):
    positions = batch.positions.to(model.dtype).clone().requires_grad_()
    return replace(model.predict(batch), energy=model.energy(batch.to(dtype=model.dtype).with_positions(positions)))


@fault("memory")
def keeps_every_answer(model, batch):
    said = model.predict(batch)
    model.memory.append(said)
    return said


@fault("memory")
def keeps_every_array(model, batch):
    model.memory.append(batch.positions.numpy().copy())
    return model.predict(batch)


@fault("heap")
def leaks_in_c(model, batch):
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    ctypes.memset(libc.malloc(ctypes.c_size_t(2**16)), 1, 2**16)
    return model.predict(batch)


@fault("input-kept")
def centres_its_input(model, batch):
    batch.positions.sub_(batch.positions.mean(0))
    return model.predict(batch)


@fault("input-kept")
def wants_gradients_of_its_input(model, batch):
    batch.positions.requires_grad_()
    return model.predict(batch)


@fault("global-state")
def float64_by_default(model, batch):
    torch.set_default_dtype(torch.float64)
    return model.predict(batch)


@fault("global-state")
def seeds_torch(model, batch):
    torch.manual_seed(0)
    return model.predict(batch)


@fault("global-state")
def seeds_numpy_and_python(model, batch):
    np.random.seed(0)
    random.seed(0)
    return model.predict(batch)


@fault("global-state")
def leaves_gradients_on(model, batch):
    torch.set_grad_enabled(True)
    return model.predict(batch)


@fault("global-state")
def takes_one_thread(model, batch):
    torch.set_num_threads(1)
    return model.predict(batch)


@fault("determinism")
def noise(model, batch):
    said = model.predict(batch)
    return replace(said, energy=said.energy + 1e-5 * float.fromhex("0x1p-32") * int.from_bytes(os.urandom(4), "big"))


# -- numbers -------------------------------------------------------------------------------------------------


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


# -- symmetry ------------------------------------------------------------------------------------------------


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


# -- periodicity ---------------------------------------------------------------------------------------------


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


# -- the rest ------------------------------------------------------------------------------------------------


@fault("unknown-elements", checks_elements=False)
def answers_for_any_element(model, batch):
    return model.predict(batch)


@fault("unknown-elements", checks_elements=False)
def another_error_for_foreign_elements(model, batch):
    foreign = set(batch.atomic_numbers.tolist()) - model.info.elements
    if foreign:
        raise KeyError(min(foreign))
    return model.predict(batch)


@fault("unknown-elements", checks_elements=False)
def broken_after_a_foreign_element(model, batch):
    from bsct_zoo.errors import UnknownElementError

    if set(batch.atomic_numbers.tolist()) - model.info.elements:
        model.own += 1.0
        raise UnknownElementError("the model does not know it")
    return model.predict(batch)


@fault("charges", charges=True)
def charge_declared_but_ignored(model, batch):
    return model.predict(batch)


@fault("charges")
def charge_used_but_not_declared(model, batch):
    said = model.predict(batch)
    return replace(said, energy=said.energy + batch.charge)


@fault("declaration", elements=[1, 6, 8, 14])
def elements_as_a_list(model, batch):
    return model.predict(batch)


@fault("declaration", cutoff=None)
def edges_without_a_cutoff(model, batch):
    return model.predict(batch)


@fault("worker")
def depends_on_its_process(model, batch):
    said = model.predict(batch)
    return replace(said, energy=said.energy + 1e-6 * ("pytest" in sys.modules))


@fault("closing")
def closed_once(model, batch):
    return model.predict(batch)


# -- those that take their process with them -----------------------------------------------------------------

FATAL: dict[str, Fault] = {}


def fatal(compute):
    FATAL[compute.__name__] = Fault(compute.__name__, "empty-batch", compute)
    return compute


@fatal
def dies_on_an_empty_batch(model, batch):
    if not batch.n_systems:
        print("last words", flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    return model.predict(batch)


@fatal
def hangs_on_an_empty_batch(model, batch):
    while not batch.n_systems:
        time.sleep(0.1)
    return model.predict(batch)
