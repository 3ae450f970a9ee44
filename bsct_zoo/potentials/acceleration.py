"""The option ``accelerate``: a faster implementation of the same model, compared with the plain one on loading."""

from __future__ import annotations

import os
import shutil
import sys
from importlib.util import find_spec

import numpy as np
import torch
from ase import Atoms

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import BadInputError
from bsct_zoo.potentials.potential import Potential

# eV an atom and eV/Å, for forces of up to 1 eV/Å, else relative to them. A file in float32 holds rounded constants.
_LIMIT = {"float64": 1e-6, "float32": 1e-3}


def require_equal(plain: Potential, fast: Potential, choice: str) -> Potential:
    """``fast``, if it answers as ``plain`` does on three small systems, one of them periodic.

    Raises:
        BadInputError: they differ by more than rounding.
    """
    batch = AtomsBatch.from_atoms(_probes(plain))
    one, other = plain.compute(batch), fast.compute(batch)
    largest = max(1.0, float(one.forces.abs().max()))
    differences = [
        ((other.energy - one.energy).abs() / batch.atoms_per_system.to(one.energy.device)).max(),
        (other.forces - one.forces).abs().max(),
    ]
    if one.stress is not None and other.stress is not None:
        differences.append((other.stress[-1] - one.stress[-1]).abs().max())
    worst = max(float(torch.nan_to_num(value, nan=torch.inf)) for value in differences)
    if not worst <= _LIMIT[plain.info.dtype] * largest:
        raise BadInputError(
            f"accelerate={choice} changes the numbers of this model by {worst:.2g} eV/Å (forces of {largest:.2g}); "
            "leave it away"
        )
    return fast


def require_package(module: str, package: str, choice: str) -> None:
    """Raise if ``module`` cannot be imported.

    Raises:
        BadInputError: says which ``package`` to install where.
    """
    if find_spec(module) is None:
        raise BadInputError(
            f"accelerate={choice} needs {package}; uv pip install --python {sys.executable} {package}, "
            "or leave accelerate away"
        )


def require_compiler(device: str) -> None:
    """Raise if torch cannot compile for the CPU here: that takes a C++ compiler.

    Raises:
        BadInputError: there is none.
    """
    if device == "cpu" and not any(map(shutil.which, filter(None, (os.environ.get("CXX"), "g++", "clang++")))):
        raise BadInputError(
            "accelerate=compile needs a C++ compiler; install g++ (apt install g++, conda install gxx), "
            "or leave accelerate away"
        )


def _probes(potential: Potential) -> list[Atoms]:
    """Atoms of up to four elements about 1.3 Å apart: five, two, and four in a cell."""
    info = potential.info
    known = sorted(info.elements or {1, 6, 8})
    numbers = [known[i * (len(known) - 1) // 3] for i in range(4)] if len(known) > 4 else known
    rng = np.random.default_rng(0)

    def cluster(n: int) -> Atoms:
        grid = 1.3 * np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0]], dtype=float)[:n]
        return Atoms([numbers[i % len(numbers)] for i in range(n)], grid + rng.normal(scale=0.1, size=(n, 3)))

    crystal = cluster(4)
    crystal.set_cell([4.0, 4.2, 4.4])
    crystal.pbc = True
    return [cluster(5), cluster(2), *([crystal] if info.has_stress else [])]
