"""Calculators with the habits of published ones: none is taken for what it is not."""

import subprocess
import sys
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, molecule

sys.path.insert(0, str(Path(__file__).parent))  # odd_calculators

import odd_calculators as odd
from bsct_zoo_ase.files import file_card

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import BadInputError, ModelError
from bsct_zoo.models.calculators.load import load
from bsct_zoo.models.identity import identity
from bsct_zoo.models.naming import named_model

WATER = molecule("H2O")


def loaded(name, device="cpu", dtype="float64", **arguments):
    return load(file_card(f"odd_calculators.{name}"), device, dtype, **arguments)


def compute(potential, *frames):
    return potential.compute(AtomsBatch.from_atoms(list(frames)))


def expected(atoms):
    pairs = [atoms.get_distance(i, j) for i in range(len(atoms)) for j in range(i)]
    return sum((d - 1) ** 2 for d in pairs) / 2


@pytest.mark.parametrize("shape", ["float", "one", "nothing", "float32", "tensor"])
def test_energies_of_any_shape_and_kind(shape):
    energy = compute(loaded("Spring", shape=shape), WATER).energy
    assert energy.shape == (1,) and energy.dtype == torch.float64
    assert float(energy) == pytest.approx(expected(WATER), rel=1e-6 if shape == "float32" else 1e-12)


def test_two_energies_of_one_frame_are_none():
    prediction = compute(loaded("Spring", shape="two"), WATER)
    assert prediction.energy.isnan().all()
    assert prediction.failures == {0: "the calculator's energy has shape [2], expected []"}


def test_the_energy_is_the_one_that_forces_are_the_gradient_of():
    potential, step = loaded("Entropic"), 1e-4
    moved = [WATER.copy(), WATER.copy()]
    moved[0].positions[1, 2] += step
    moved[1].positions[1, 2] -= step
    up, down = compute(potential, *moved).energy
    assert float(-(up - down) / (2 * step)) == pytest.approx(float(compute(potential, WATER).forces[1, 2]), abs=1e-6)
    assert float(compute(potential, WATER).energy) == pytest.approx(expected(WATER), abs=1e-12)


def test_whatever_it_raises_costs_its_own_frame_and_keeps_its_words():
    prediction = compute(loaded("Choosy"), WATER, molecule("HF"), WATER)
    assert prediction.energy.isnan().tolist() == [False, True, False]
    assert prediction.failures == {1: "ValueError: fluorine is not to my taste"}
    assert prediction.forces[3:5].isnan().all() and prediction.forces[:3].isfinite().all()


def test_stress_that_fails_leaves_energy_and_forces():
    crystal = bulk("Cu").repeat(2)
    potential = loaded("Choosy")
    potential.refuses_images, potential.info = "", replace(potential.info, has_stress=True)
    prediction = compute(potential, crystal)
    assert prediction.energy.isfinite().all() and prediction.forces.isfinite().all()
    assert prediction.stress.isnan().all() and not prediction.failures


def test_one_that_ignores_images_takes_molecules_alone():
    potential = loaded("Spring")
    with pytest.raises(ModelError, match="the model ignores periodic images"):
        compute(potential, WATER, molecule("H2O", cell=[5, 5, 5], pbc=True))
    assert compute(potential, WATER).energy.isfinite().all() and not potential.info.has_stress
    emt = load(file_card("ase.calculators.emt.EMT"), "cpu", "float64")
    assert not emt.refuses_images and compute(emt, bulk("Cu")).energy.isfinite().all()


def test_a_slab_without_a_third_vector_keeps_what_emt_has():
    slab = Atoms("Cu2", [[0, 0, 0], [0, 0, 2.5]], cell=[3, 3, 0], pbc=[True, True, False])
    potential = load(file_card("ase.calculators.emt.EMT"), "cpu", "float64")
    prediction = compute(potential, slab)
    assert prediction.energy.isfinite().all() and prediction.forces.isfinite().all()


@pytest.mark.parametrize("name", ["ByArgument", "ByMethod", "ByParameters", "ByInfo"])
def test_charge_and_multiplicity_reach_it(name):
    potential = loaded(name)
    assert potential.info.supports_charge_spin
    ion, triplet = WATER.copy(), WATER.copy()
    ion.info.update(charge=1, spin=2)
    triplet.info.update(charge=0, spin=3)
    neutral, charged, excited, again = compute(potential, WATER, ion, triplet, WATER).energy.tolist()
    assert charged - neutral == pytest.approx(0.75, abs=1e-12)
    assert excited - neutral == pytest.approx(0.5, abs=1e-12)
    assert again == neutral


@pytest.mark.parametrize("name", ["Spring", "Deaf"])
def test_charge_support_is_measured(name):
    assert not loaded(name).info.supports_charge_spin


def test_a_charge_that_the_user_gave_stays():
    ion = WATER.copy()
    ion.info.update(charge=1, spin=2)
    energy = compute(loaded("ByArgument", charge=3), WATER, ion).energy
    assert float(energy[0]) == pytest.approx(expected(WATER) + 1.5)
    assert float(energy[1]) == pytest.approx(expected(WATER) + 1.75)


def test_the_device_is_passed_on_the_cpu_too_and_may_be_given():
    odd.DEVICES.clear()
    assert loaded("Spring").info.device == "cpu" and odd.DEVICES == ["cpu"]
    assert loaded("Spring", device="cuda").info.device == "cuda"
    spec = named_model("ase:odd_calculators.Spring@device=cpu")
    assert spec.adapter.load(spec.card, "cuda", "float64", **spec.options).info.device == "cpu"


def test_precision_is_passed_and_measured():
    assert loaded("Spring").info.dtype == "float64"
    single = loaded("Spring", dtype="float32")
    assert single.info.dtype == "float32"
    np.testing.assert_array_equal(compute(single, WATER).forces.float().double(), compute(single, WATER).forces)


def test_versions_of_what_it_computes_with_enter_key_and_result():
    spec = named_model("ase:torch.nn.Linear")  # any package that is installed
    known = identity(spec, None, "cpu", "float64", {})
    assert known["versions"]["torch"] == version("torch")
    assert {"torch", "numpy", "ase"} <= known["versions"].keys()
    loaded_versions = dict(load(file_card("ase.calculators.emt.EMT"), "cpu", "float64").info.versions)
    assert {"torch", "numpy", "ase"} <= loaded_versions.keys()


@pytest.mark.parametrize("path", ["mine.Calc", ".mine.Calc", "mine:Calc"])
def test_a_module_of_the_current_folder(path, tmp_path):
    (tmp_path / "mine.py").write_text("from ase.calculators.emt import EMT as Calc\n")
    code = f"from bsct_zoo import load; print(load('ase:{path}').info.device)"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "cpu", done.stderr


@pytest.mark.parametrize(
    ("path", "what"),
    [
        ("odd_calculators.Absent", "cannot import"),
        ("no_such_package.Calc", "there is no package 'no_such_package' in this interpreter or in"),
        ("odd_calculators.np.pi", "cannot import|refuses"),
        ("..mine.Calc", "is not an import path"),
    ],
)
def test_bad_paths_are_one_line(path, what):
    with pytest.raises(BadInputError, match=what) as caught:
        load(file_card(path), "cpu", "float64")
    assert "\n" not in str(caught.value)
