"""The option ``accelerate``: what it needs, where it is refused, and that it may not change a number."""

import os
import subprocess
import sys

import pytest
import torch

from bsct_zoo.errors import BadInputError
from bsct_zoo.models.naming import named_model
from bsct_zoo.plugins.options import require_device
from bsct_zoo.potentials.acceleration import require_equal, require_package
from bsct_zoo.potentials.potential import Potential, PotentialInfo, Prediction
from bsct_zoo.runtime.environment import folder_of


class Springs(Potential):
    """Every atom on a spring of ``k`` eV/Å² to the origin."""

    def __init__(self, k=1.0, dtype="float64"):
        self.k = k
        self.info = PotentialInfo(
            elements=frozenset({1, 8}),
            cutoff=3.0,
            dtype=dtype,
            device="cpu",
            conservative=True,
            level_of_theory="springs",
            licence="MIT",
        )

    def compute(self, batch):
        each = 0.5 * self.k * (batch.positions**2).sum(1)
        energy = torch.zeros(batch.n_systems, dtype=torch.float64).index_add(0, batch.system_idx, each.double())
        return Prediction(energy, -self.k * batch.positions)


def test_equal_numbers_pass():
    fast = Springs(1.0 + 1e-9)
    assert require_equal(Springs(), fast, "cueq") is fast


@pytest.mark.parametrize("dtype, k", [("float64", 1.0 + 1e-4), ("float32", 1.01), ("float64", float("nan"))])
def test_other_numbers_are_refused(dtype, k):
    with pytest.raises(BadInputError, match=r"accelerate=cueq changes the numbers of this model by .* leave it away"):
        require_equal(Springs(dtype=dtype), Springs(k, dtype), "cueq")


def test_a_missing_package_is_named():
    require_package("torch", "torch", "oeq")
    with pytest.raises(BadInputError, match=r"accelerate=oeq needs no-such; uv pip install --python .* no-such"):
        require_package("no_such_module", "no-such", "oeq")


def test_what_an_option_needs_is_in_an_environment_of_its_own():
    plain, fast = named_model("mace"), named_model("mace@accelerate=cueq")
    assert set(fast.adapter.environment.requirements) - set(plain.adapter.environment.requirements) == {
        "cuequivariance-torch>=0.2"
    }
    assert folder_of(fast.adapter) != folder_of(plain.adapter)
    assert folder_of(named_model("mace@accelerate=compile").adapter) == folder_of(plain.adapter)
    assert fast.options["accelerate"] == "cueq"  # part of the identity, see models/identity.py


@pytest.mark.parametrize("name", ["mace@accelerate=oeq", "sevennet@accelerate=cueq", "nequip@accelerate=oeq"])
def test_kernels_of_a_gpu_are_refused_without_one(name):
    spec = named_model(name)
    require_device(spec.adapter, spec.options, "cuda:0")
    with pytest.raises(BadInputError, match="computes on a GPU of NVIDIA only, not on cpu; leave it away"):
        require_device(spec.adapter, spec.options, "cpu")


def test_a_refusal_builds_no_environment(tmp_path):
    command = [
        sys.executable,
        "-m",
        "bsct_zoo",
        "compare",
        "sevennet@accelerate=oeq",
        "--limit",
        "1",
        "--device",
        "cpu",
    ]
    environment = os.environ | {"BSCT_ZOO_CACHE": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "accelerate=oeq computes on a GPU of NVIDIA only, not on cpu" in done.stderr
    assert not (tmp_path / "environments").exists()
