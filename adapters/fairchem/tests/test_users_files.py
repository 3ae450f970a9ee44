"""A user's own inference checkpoint, here a small UMA: against fairchem-core's own calculator, one by one."""

import hashlib
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, molecule

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import BadInputError, UnknownElementError, UntrustedFileError

if find_spec("fairchem") is None:
    pytest.skip("needs fairchem-core 2", allow_module_level=True)

from bsct_zoo_fairchem.files import file_card
from bsct_zoo_fairchem.hub import REFERENCES as BESIDE
from bsct_zoo_fairchem.loader import load
from bsct_zoo_fairchem.potential import FairchemPotential


def trusted(path):
    """The card of a file that somebody vouches for."""
    return replace(file_card(str(path)), sha256=hashlib.sha256(path.read_bytes()).hexdigest())


@pytest.fixture(scope="module")
def omol(uma_file):
    return load(trusted(uma_file), "cpu", "float64", task="omol")


@pytest.fixture(scope="module")
def omat(uma_file):
    return load(trusted(uma_file), "cpu", "float64", task="omat")


def molecules():
    frames = [molecule(name) for name in ("CH3CH2OH", "H2O", "OH", "HCN")]
    for seed, atoms in enumerate(frames):
        atoms.rattle(0.05, seed=seed)
        atoms.info.update(charge=0, spin=1)
    frames[1].info.update(charge=1, spin=2)
    frames[2].info.update(charge=-1)
    return frames


def crystal(symbol="Si"):
    atoms = bulk(symbol, "diamond", a=5.43, cubic=True)
    atoms.set_cell(np.add(atoms.cell, [[0.1, 0.2, 0.0], [0.0, -0.1, 0.1], [0.05, 0.0, 0.0]]), scale_atoms=True)
    atoms.rattle(0.1, seed=1)
    return atoms


def slab():
    atoms = crystal("C")
    atoms.pbc = [True, True, False]
    return atoms


def compute(potential, atoms):
    return potential.compute(AtomsBatch.from_atoms(atoms))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("task", ["omol", "omat"])
def test_parity_with_the_calculator_of_fairchem(uma_file, task, dtype):
    from fairchem.core import FAIRChemCalculator
    from fairchem.core.units.mlip_unit import load_predict_unit
    from fairchem.core.units.mlip_unit.api.inference import InferenceSettings

    unit = load_predict_unit(str(uma_file), InferenceSettings(base_precision_dtype=dtype), device="cpu")
    calculator = FAIRChemCalculator(unit, task)
    potential = load(trusted(uma_file), "cpu", dtype, task=task)
    frames = [*molecules(), crystal("C"), slab()] if task == "omol" else [molecule("CO2"), crystal(), slab()]
    together = compute(potential, frames)
    ends = np.cumsum([len(atoms) for atoms in frames])
    near = 1e-10 if dtype == "float64" else 1e-6
    for k, atoms in enumerate(frames):
        atoms.info.setdefault("spin", 1 if task == "omol" else 0)
        alone = atoms.copy()
        alone.calc = calculator
        # In float32 fairchem-core rounds the total, a thousand eV, and bsct-zoo does not.
        assert float(together.energy[k]) == pytest.approx(alone.get_potential_energy(), rel=max(near / 10, 1e-12))
        forces = together.forces[ends[k] - len(atoms) : ends[k]].numpy()
        np.testing.assert_allclose(forces, alone.get_forces(), rtol=0, atol=near)
        if atoms.pbc.any():
            np.testing.assert_allclose(together.stress[k].numpy(), alone.get_stress(voigt=False), rtol=0, atol=near)
        else:
            assert together.stress[k].isnan().all()


def test_charge_and_spin_are_passed_on(omol):
    frames = [molecule("H2O") for _ in range(3)]
    frames[1].info["charge"] = 1
    frames[2].info["spin"] = 3
    energy = compute(omol, frames).energy
    assert omol.info.supports_charge_spin
    assert abs(float(energy[0] - energy[1])) > 1e-6 and abs(float(energy[0] - energy[2])) > 1e-6


def test_they_mean_nothing_to_the_other_tasks(omat):
    frames = [crystal() for _ in range(3)]
    frames[1].info["charge"] = 1
    frames[2].info["spin"] = 3
    energy = compute(omat, frames).energy
    assert not omat.info.supports_charge_spin and len(set(energy.tolist())) == 1


def test_result_does_not_depend_on_the_batch(omol):
    frames = [slab(), *molecules(), crystal("C")]
    together = compute(omol, frames)
    ends = np.cumsum([len(atoms) for atoms in frames])
    for k, atoms in enumerate(frames):
        alone = compute(omol, atoms)
        torch.testing.assert_close(alone.energy, together.energy[k : k + 1], rtol=0, atol=1e-9)
        torch.testing.assert_close(alone.forces, together.forces[ends[k] - len(atoms) : ends[k]], rtol=0, atol=1e-10)
    assert compute(omol, []).energy.shape == (0,)


def test_nothing_outside_is_changed(omol):
    batch = AtomsBatch.from_atoms(molecules())
    before = batch.positions.clone()
    state = torch.get_rng_state()
    first, second = omol.compute(batch), omol.compute(batch)
    assert torch.equal(torch.get_rng_state(), state) and torch.equal(batch.positions, before)
    assert not batch.positions.requires_grad and not batch.cell.requires_grad
    assert torch.equal(first.energy, second.energy) and torch.equal(first.forces, second.forces)


@pytest.mark.parametrize("atoms", [molecules()[0], crystal("C")], ids=["molecule", "crystal"])
def test_forces_are_the_gradient(omol, atoms):
    step, forces = 1e-4, compute(omol, atoms).forces
    assert omol.info.conservative and float(forces.abs().max()) > 1e-3
    for i, k in [(0, 0), (1, 2), (len(atoms) - 1, 1)]:
        moved = [atoms.copy(), atoms.copy()]
        moved[0].positions[i, k] += step
        moved[1].positions[i, k] -= step
        up, down = compute(omol, moved).energy
        assert float(down - up) / (2 * step) == pytest.approx(float(forces[i, k]), abs=1e-6)


def test_stress_is_the_derivative_by_strain(omat):
    atoms, step = crystal(), 1e-4
    stress = compute(omat, atoms).stress[0]
    assert float(stress.abs().max()) > 1e-5
    for i, k in [(0, 0), (1, 2)]:
        frames = []
        for sign in (1, -1):
            strain = np.eye(3)
            strain[i, k] += sign * step / 2
            strain[k, i] += sign * step / 2
            frames.append(atoms.copy())
            frames[-1].set_cell(atoms.cell @ strain, scale_atoms=True)
        up, down = compute(omat, frames).energy
        assert float(up - down) / (2 * step) / atoms.get_volume() == pytest.approx(float(stress[i, k]), abs=1e-7)


def test_atoms_outside_their_cell(omat):
    atoms = crystal()
    moved = atoms.copy()
    moved.positions += moved.cell[0] - 2 * moved.cell[2]
    torch.testing.assert_close(compute(omat, moved).energy, compute(omat, atoms).energy, rtol=0, atol=1e-9)
    torch.testing.assert_close(compute(omat, moved).forces, compute(omat, atoms).forces, rtol=0, atol=1e-10)


def test_rotation_is_exact(omol):
    q, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
    q = q * np.sign(np.linalg.det(q))
    atoms = molecules()[0]
    turned = Atoms(atoms.numbers, atoms.positions @ q.T)
    found, reference = compute(omol, turned), compute(omol, atoms)
    assert omol.info.equivariant
    torch.testing.assert_close(found.energy, reference.energy, rtol=0, atol=1e-9)
    torch.testing.assert_close(found.forces, reference.forces @ torch.as_tensor(q.T), rtol=0, atol=1e-10)


def test_an_isolated_atom_costs_itself_unless_its_energy_is_beside_the_file(uma_file, tmp_path, omol):
    frames = [molecule("H2O"), Atoms("H"), Atoms("C", info={"charge": 1})]
    alone = compute(omol, frames)
    assert alone.energy.isnan().tolist() == [False, True, True] and alone.forces[3:].isnan().all()
    assert not alone.forces[:3].isnan().any()
    path = tmp_path / "model.pt"
    path.write_bytes(uma_file.read_bytes())
    (tmp_path / BESIDE).write_text("omol_elem_refs:\n  1:\n    0: -13.5\n  6:\n    0: -1030.0\n    1: -1018.5\n")
    known = compute(load(trusted(path), "cpu", "float64", task="omol"), frames)
    assert known.energy[1:].tolist() == [-13.5, -1018.5] and float(known.forces[3:].abs().max()) == 0.0
    assert float(known.energy[0]) == float(alone.energy[0])


def test_declares_itself(omol, omat, references):
    assert omol.info.elements == set(references["omol"]) and omat.info.elements == set(references["omat"])
    assert omol.info.cutoff == 4.5 and omol.info.has_stress and omol.info.level_of_theory == "unknown"
    with pytest.raises(UnknownElementError, match="Si"):
        compute(omol, crystal())


def test_direct_forces_are_declared(uma, references, tmp_path):
    checkpoint = uma(direct_forces=True, regress_stress=False)
    for quantity, head in {"energy": "MLP_Energy_Head", "forces": "Linear_Force_Head"}.items():
        checkpoint.model_config["heads"][quantity] = {
            "module": "fairchem.core.models.uma.escn_moe.DatasetSpecificSingleHeadWrapper",
            "dataset_names": list(references),
            "head_cls": f"fairchem.core.models.uma.escn_md.{head}",
            "wrap_property": True,
        }
    del checkpoint.model_config["heads"]["efs"]
    import hydra

    model = hydra.utils.instantiate(checkpoint.model_config)
    checkpoint.ema_state_dict = {
        "n_averaged": torch.tensor(0),
        **{f"module.{name}": value for name, value in model.state_dict().items()},
    }
    path = tmp_path / "direct.pt"
    torch.save(checkpoint, path)
    potential = load(trusted(path), "cpu", "float64", task="omol")
    assert not potential.info.conservative and not potential.info.has_stress
    found = compute(potential, [*molecules(), crystal("C")])
    assert found.stress is None and found.forces.isfinite().all() and not found.forces.requires_grad


def test_tasks_must_be_named(uma_file):
    with pytest.raises(BadInputError, match=r"several tasks; say which, as in @task=omat \(of omat, omol\)"):
        load(trusted(uma_file), "cpu", "float32")
    with pytest.raises(BadInputError, match="no task 'oc20'; it has omat, omol"):
        load(trusted(uma_file), "cpu", "float32", task="oc20")


def test_level_of_theory_of_the_hubs_models_follows_the_task(uma_file):
    card = replace(trusted(uma_file), level_of_theory="by task")
    assert load(card, "cpu", "float32", task="omat").info.level_of_theory == "PBE/PBE+U"
    assert load(card, "cpu", "float32", task="omol", level_of_theory="mine").info.level_of_theory == "mine"


def test_nothing_is_read_before_somebody_vouches(uma_file, tmp_path):
    ran = tmp_path / "ran"

    class Evil:
        def __reduce__(self):
            return (ran.touch, ())

    path = tmp_path / "evil.pt"
    torch.save(Evil(), path)
    card = file_card(str(path))
    assert card.executes_code and card.sha256 is None
    for unsafe in (card, replace(trusted(uma_file), checkpoint=str(path))):
        with pytest.raises((UntrustedFileError, BadInputError)):
            load(unsafe, "cpu", "float32")
    assert not ran.exists()


@pytest.mark.parametrize("content", [b"", b"no model", b"PK\x03\x04 cut off"], ids=["empty", "text", "cut"])
def test_damaged_files(content, tmp_path):
    path = tmp_path / "bad.pt"
    path.write_bytes(content)
    with pytest.raises(BadInputError, match=r"bad\.pt is not a checkpoint of fairchem-core 2") as caught:
        load(trusted(path), "cpu", "float32")
    assert "\n" not in str(caught.value)


def test_other_files(uma, tmp_path):
    torch.save({"config": {}, "state_dict": {}}, tmp_path / "old.pt")
    with pytest.raises(BadInputError, match="a checkpoint of fairchem-core 1"):
        load(trusted(tmp_path / "old.pt"), "cpu", "float32")
    torch.save([1], tmp_path / "list.pt")
    with pytest.raises(BadInputError, match="holds a list"):
        load(trusted(tmp_path / "list.pt"), "cpu", "float32")
    wrong = uma()
    wrong.model_config["backbone"]["sphere_channels"] = 8
    torch.save(wrong, tmp_path / "wrong.pt")
    with pytest.raises(BadInputError, match="cannot be built") as caught:
        load(trusted(tmp_path / "wrong.pt"), "cpu", "float32")
    assert "\n" not in str(caught.value)


def test_energy_alone_is_refused(uma, tmp_path):
    checkpoint = uma()
    checkpoint.tasks_config = [task for task in checkpoint.tasks_config if task["property"] == "energy"]
    torch.save(checkpoint, tmp_path / "energy.pt")
    with pytest.raises(BadInputError, match="no forces for the task 'omol'"):
        load(trusted(tmp_path / "energy.pt"), "cpu", "float32", task="omol")


def test_totals_keep_their_digits_in_float32(uma_file, omol):
    single = load(trusted(uma_file), "cpu", "float32", task="omol")
    assert isinstance(single, FairchemPotential)
    exact, near = compute(omol, molecules()), compute(single, molecules())
    assert float(exact.energy.min()) < -4000
    torch.testing.assert_close(near.energy, exact.energy, rtol=0, atol=2e-6)
