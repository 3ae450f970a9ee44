"""What a call leaves behind: old answers, graphs, memory, switches."""

import ctypes
import os
import random
from dataclasses import replace

import numpy as np
import torch

from bsct_zoo_faulty.faults.registry import fault


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
