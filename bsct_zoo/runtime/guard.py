"""Turn whatever a model does into one of our errors or a valid prediction, here and in a worker."""

from __future__ import annotations

import gc
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import BsctZooError, ModelError, OutOfMemoryError
from bsct_zoo.potentials.boxes import boxed, without_stress
from bsct_zoo.potentials.potential import Potential, Prediction

_TORCHSCRIPT = "operation failed in the TorchScript interpreter"
_MEMORY = re.compile(r"out of memory|can't allocate memory|not enough memory|CUBLAS_STATUS_ALLOC_FAILED", re.IGNORECASE)


def wrap_error(error: BaseException) -> BsctZooError:
    """One of our errors with the message of ``error`` in one line, and its traceback in ``log_tail``.

    It does not refer to ``error``, whose frames would keep the tensors that filled the memory.
    """
    trace = "".join(traceback.format_exception(error))
    if isinstance(error, BsctZooError) and not isinstance(error, OutOfMemoryError):
        return error
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or ["no message"]
    if _TORCHSCRIPT in lines[0]:  # says where it was; what happened comes last
        lines = lines[::-1]
    text = lines[0] if isinstance(error, BsctZooError) else f"{type(error).__name__}: {lines[0]}"
    full = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    full = full or (isinstance(error, RuntimeError) and bool(_MEMORY.search(str(error))))
    return (OutOfMemoryError if full else ModelError)(text, log_tail=trace)


class GuardedPotential(Potential):
    """A potential of this interpreter, whose failures fail its own row only.

    One that takes periodic systems only gets every other system in a box; a box has no stress.
    """

    def __init__(self, potential: Potential) -> None:
        self.potential = potential
        self.info = potential.info

    def compute(self, batch: AtomsBatch) -> Prediction:
        """See ``Potential.compute``."""
        try:
            with _repeatable(self.info.device):
                if not self.info.periodic_only:
                    return checked(self.potential.compute(batch), batch)
                inside, molecules = boxed(batch, self.info.cutoff)
                return without_stress(checked(self.potential.compute(inside), batch), molecules)
        except (Exception, SystemExit) as error:
            failure = wrap_error(error)
        if isinstance(failure, OutOfMemoryError):
            gc.collect()
            if "torch.cuda" in sys.modules and torch.cuda.is_initialized():
                torch.cuda.empty_cache()
        raise failure

    def close(self) -> None:
        """See ``Potential.close``."""
        self.potential.close()


@contextmanager
def _repeatable(device: str) -> Iterator[None]:
    """Let a CPU give the same digits for the same question; a GPU is left as it is.

    TorchScript fuses from the second batch on, which changes the last digits; MACE is a tenth faster without it. The
    gradient of ``x[index]`` is summed by several threads in the order in which they come, unless torch is told not to.
    """
    if not device.startswith("cpu"):
        yield
        return
    fused = torch._C._jit_set_fusion_strategy([])
    try:
        with _deterministic() if torch.get_num_threads() > 1 else nullcontext():
            yield
    finally:
        torch._C._jit_set_fusion_strategy(fused)


@contextmanager
def _deterministic() -> Iterator[None]:
    """Torch's deterministic algorithms where there are such, without the memory that it fills to find faults."""
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    settings: Any = torch.utils.deterministic
    filled = settings.fill_uninitialized_memory
    torch.use_deterministic_algorithms(True, warn_only=True)
    settings.fill_uninitialized_memory = False
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before[0], warn_only=before[1])
        settings.fill_uninitialized_memory = filled


def expected_shapes(batch: AtomsBatch) -> dict[str, tuple[int, ...]]:
    """Shape of each part of a prediction."""
    return {"energy": (batch.n_systems,), "forces": (batch.n_atoms, 3), "stress": (batch.n_systems, 3, 3)}


def checked(prediction: Prediction, batch: AtomsBatch) -> Prediction:
    """``prediction``, detached, with energies in float64, and with a reason wherever it is not finite.

    Raises:
        ModelError: its shapes do not match ``batch``, or it gives reasons for systems that are not there.
    """
    for name, shape in expected_shapes(batch).items():
        tensor = getattr(prediction, name)
        if tensor is not None and tuple(tensor.shape) != shape:
            raise ModelError(f"the model's {name} has shape {list(tensor.shape)}, expected {list(shape)}")
    stress = None if prediction.stress is None else prediction.stress.detach()
    energy, forces = prediction.energy.detach().double(), prediction.forces.detach()
    strange = [place for place in prediction.failures if place not in range(batch.n_systems)]
    if strange:
        raise ModelError(f"the model says why system {strange[0]} failed, of {batch.n_systems} counted from 0")
    return Prediction(energy, forces, stress, {**_unfinite(energy, forces, batch), **prediction.failures})


def _unfinite(energy: torch.Tensor, forces: torch.Tensor, batch: AtomsBatch) -> dict[int, str]:
    """What is wrong with the numbers of each system that has such as are none."""
    bad_energy, bad_atoms = ~energy.isfinite(), ~forces.isfinite().all(1)
    if not bool(bad_energy.any() | bad_atoms.any()):
        return {}
    owners = batch.system_idx.to(bad_atoms.device)[bad_atoms].tolist()
    reasons = dict.fromkeys(owners, "the model's forces are not finite")
    places = bad_energy.nonzero().flatten().tolist()
    return reasons | {place: f"the model's energy is {energy[place].item()}" for place in places}
