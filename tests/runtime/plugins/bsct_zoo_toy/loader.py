import os
import signal
import sys
import time

import torch

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import BadInputError
from bsct_zoo.potentials.potential import Potential, PotentialInfo, Prediction, check_elements

EVERYTHING_BUT_HELIUM = frozenset({1, *range(3, 119)})


class LennardJones(Potential):
    def __init__(self, card, device, dtype, mode):
        self.epsilon, self.sigma, self.mode, self.calls = card.notes["epsilon"], card.notes["sigma"], mode, 0
        self.info = PotentialInfo(
            elements=EVERYTHING_BUT_HELIUM,
            cutoff=None,
            dtype=dtype,
            device=device,
            conservative=True,
            level_of_theory=card.level_of_theory,
            licence=card.licence,
            has_stress=True,
            versions=(("torch", torch.__version__),),
        )

    def compute(self, batch):
        self.calls += 1
        check_elements(batch, self.info.elements)
        misbehave(self.mode)
        system = batch.system_idx
        positions = batch.positions.to(getattr(torch, self.info.dtype)).requires_grad_()
        if self.mode == "cheap":  # a harmonic trap
            energy = torch.zeros(batch.n_systems, dtype=positions.dtype)
            return Prediction(energy.index_add(0, system, positions.square().sum(-1)), -2 * positions)
        i, j = torch.nonzero(torch.triu(system[:, None] == system[None, :], diagonal=1), as_tuple=True)
        x = (self.sigma**2 / (positions[i] - positions[j]).square().sum(-1)) ** 3
        energy = torch.zeros(batch.n_systems, dtype=positions.dtype)
        energy = energy.index_add(0, system[i], 4 * self.epsilon * (x**2 - x))
        (gradient,) = torch.autograd.grad(energy.sum(), positions)
        if self.mode == "badshape":
            return Prediction(energy, -gradient[:1])
        return Prediction(energy, -gradient)


def misbehave(mode):
    if mode == "chatty":
        print("a model says hello")
        os.write(1, b"so does its library\n")
        sys.stdin.read()
    elif mode == "hang":
        print("hanging", flush=True)
        time.sleep(3600)
    elif mode == "spin":
        end = time.monotonic() + 3600
        while time.monotonic() < end:
            pass
    elif mode == "die":
        os.write(2, b"last words\n")
        os.kill(os.getpid(), signal.SIGKILL)
    elif mode == "exit":
        os._exit(3)
    elif mode == "garbage":
        for descriptor in range(3, 32):  # wherever the pipe for answers is
            try:
                os.write(descriptor, b"garbage " * 100)
            except OSError:
                continue
        time.sleep(1)
    elif mode == "memory":
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
    elif mode == "cpu_memory":
        torch.empty(2**60)
    elif mode == "raise":
        raise KeyError("a bug of\nthe model")


def load(card, device, dtype, mode="good"):
    if mode == "refuse":
        raise BadInputError("toy takes no such mode; use good")
    if mode == "sees":
        raise RuntimeError(",".join(sorted(name for name in ("typer", "pytest", "six") if importable(name))))
    if mode == "threads":
        raise RuntimeError(f"{torch.get_num_threads()} {os.environ.get('OMP_NUM_THREADS')}")
    return LennardJones(card, device, dtype, mode)


def importable(name):
    from importlib.util import find_spec

    return find_spec(name) is not None


__all__ = ["AtomsBatch", "LennardJones", "load"]
