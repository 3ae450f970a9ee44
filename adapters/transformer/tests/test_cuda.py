"""The Transformer on a GPU: what it says there is what it says on the CPU. Skipped where there is none."""

import json

import pytest
import torch
from ase.build import bulk, molecule
from bsct_zoo_transformer import graph
from bsct_zoo_transformer.config import TransformerConfig
from bsct_zoo_transformer.model import EdgeTransformer
from bsct_zoo_transformer.potential import TransformerPotential
from torch.autograd import gradgradcheck
from typer.testing import CliRunner

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.cli.main import app

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")

ELEMENTS = (1, 6, 8, 11, 17)
DESIGNS = [
    {},
    {"graph": "hard_knn", "attention": "dot"},
    {"graph": "radius"},
    {"directions": True, "n_angular": 0},
    {"forces": "direct"},
]


def on(device, dtype="float64", **changes):
    torch.manual_seed(0)
    config = TransformerConfig(ELEMENTS, tuple(-10.0 * n for n in range(5)), k=6, r_cut=5.0, **changes)
    return TransformerPotential(EdgeTransformer(config), device, dtype, "random", "MIT")


def frames(dtype=torch.float64):
    molecules = [molecule(name) for name in ("CH3CH2OH", "H2O", "C6H6")]
    systems = [*molecules, bulk("NaCl", "rocksalt", a=5.6, cubic=True)]
    for seed, atoms in enumerate(systems):
        atoms.rattle(0.1, seed=seed)
    return AtomsBatch.from_atoms(systems, dtype=dtype)


@pytest.mark.parametrize(("dtype", "digits"), [("float64", 1e-10), ("float32", 2e-4)])
@pytest.mark.parametrize("design", DESIGNS, ids=str)
def test_it_says_the_same_as_on_the_cpu(design, dtype, digits):
    batch = frames()
    there, here = on("cuda", dtype, **design).compute(batch), on("cpu", dtype, **design).compute(batch)
    for name in ("energy", "forces", "stress"):
        if getattr(here, name) is None:
            assert getattr(there, name) is None
            continue
        assert getattr(there, name).device.type == "cuda"
        torch.testing.assert_close(
            getattr(there, name).cpu(), getattr(here, name), rtol=digits, atol=digits, equal_nan=True
        )


def test_a_large_crystal_goes_part_by_part_there_too(monkeypatch):
    monkeypatch.setattr(graph, "ON_A_GPU", 1)
    crystal = bulk("NaCl", "rocksalt", a=5.6, cubic=True).repeat(8)  # 4,096 atoms
    crystal.rattle(0.1, seed=0)
    batch = AtomsBatch.from_atoms([crystal])
    there, here = (on(device, width=16, hidden=24, heads=2, blocks=2).compute(batch) for device in ("cuda", "cpu"))
    torch.testing.assert_close(there.energy.cpu(), here.energy, rtol=1e-12, atol=0)
    torch.testing.assert_close(there.forces.cpu(), here.forces, rtol=1e-9, atol=1e-9)


def test_second_derivatives_are_right():
    model = on("cuda", width=8, hidden=8, heads=2, blocks=2).model
    batch = AtomsBatch.from_atoms([molecule("H2O")]).to("cuda", torch.float64)
    assert gradgradcheck(lambda x: model(batch.with_positions(x)), batch.positions.clone().requires_grad_())


def test_the_shipped_model_scores_the_same(tmp_path):
    """FSD of a few scans of ``core`` in float64, on the GPU and on the CPU."""
    found = {}
    for device in ("cpu", "cuda"):
        out = tmp_path / f"{device}.json"
        words = ["compare", "transformer", "--suite", "core", "--limit", "3", "--dtype", "float64", "--device", device]
        done = CliRunner().invoke(app, [*words, "--json", str(out)])
        assert done.exit_code == 0, done.output
        (row,) = json.loads(out.read_text())["rows"]
        evaluation = row["evaluations"]["core"]
        found[evaluation["device"].partition(":")[0]] = evaluation["values"]
    assert found["cuda"]["fsd_full"] == pytest.approx(found["cpu"]["fsd_full"], rel=1e-6)
    assert found["cuda"]["forces_mae_full"] == pytest.approx(found["cpu"]["forces_mae_full"], rel=1e-6)
