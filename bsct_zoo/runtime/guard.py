"""Turn whatever a model does into one of our errors or a valid prediction, here and in a worker."""

from __future__ import annotations

import gc
import re
import sys
import traceback

import torch

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import BsctZooError, ModelError, OutOfMemoryError
from bsct_zoo.potentials.boxes import boxed, without_stress
from bsct_zoo.potentials.potential import Potential, Prediction

_MEMORY = re.compile(r"out of memory|can't allocate memory|not enough memory|CUBLAS_STATUS_ALLOC_FAILED", re.IGNORECASE)


def wrap_error(error: BaseException) -> BsctZooError:
    """One of our errors with the message of ``error`` in one line, and its traceback in ``log_tail``.

    It does not refer to ``error``, whose frames would keep the tensors that filled the memory.
    """
    trace = "".join(traceback.format_exception(error))
    if isinstance(error, BsctZooError) and not isinstance(error, OutOfMemoryError):
        return error
    text = str(error)
    if isinstance(error, MemoryError | OutOfMemoryError) or (
        type(error).__name__ == "OutOfMemoryError" or (isinstance(error, RuntimeError) and _MEMORY.search(text))
    ):
        return OutOfMemoryError(_one_line(error), log_tail=trace)
    return ModelError(_one_line(error), log_tail=trace)


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
            if not self.info.periodic_only:
                return checked(self.potential.compute(batch), batch)
            inside, molecules = boxed(batch, self.info.cutoff)
            return without_stress(checked(self.potential.compute(inside), batch), molecules)
        except (Exception, SystemExit) as error:
            failure = wrap_error(error)
        if isinstance(failure, OutOfMemoryError):
            _free_memory()
        raise failure

    def close(self) -> None:
        """See ``Potential.close``."""
        self.potential.close()


def checked(prediction: Prediction, batch: AtomsBatch) -> Prediction:
    """``prediction``, detached and with energies in float64, if its shapes match ``batch``.

    Raises:
        ModelError: they are not.
    """
    expected = {"energy": (batch.n_systems,), "forces": (batch.n_atoms, 3), "stress": (batch.n_systems, 3, 3)}
    for name, shape in expected.items():
        tensor = getattr(prediction, name)
        if tensor is not None and tuple(tensor.shape) != shape:
            raise ModelError(f"the model's {name} has shape {list(tensor.shape)}, expected {list(shape)}")
    stress = None if prediction.stress is None else prediction.stress.detach()
    return Prediction(prediction.energy.detach().double(), prediction.forces.detach(), stress)


def _one_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = lines[0] if lines else "no message"
    if isinstance(error, BsctZooError):
        return text
    return f"{type(error).__name__}: {text}"


def _free_memory() -> None:
    gc.collect()
    if "torch.cuda" in sys.modules and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
