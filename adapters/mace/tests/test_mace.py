"""MACE behind the batched interface, against finite differences, symmetries and mace-torch's own calculator."""

import copy
import os
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, molecule

from bsct_zoo.batch import AtomsBatch
from bsct_zoo.cards import ModelCard
from bsct_zoo.errors import BadInputError, UnknownElementError

if find_spec("mace") is None:
    pytest.skip("needs mace-torch", allow_module_level=True)

from bsct_zoo_mace.checkpoint import MaceConfig, build, float64_by_default, save
from bsct_zoo_mace.files import file_card, shipped
from bsct_zoo_mace.loader import load
from bsct_zoo_mace.packages import modules, o3
from bsct_zoo_mace.potential import MacePotential, chosen_head

ELEMENTS = (1, 6, 7, 8, 14)
CONFIG = MaceConfig(
    elements=ELEMENTS,
    reference_energies=(-13.6, -1029.1, -1485.3, -2042.6, -7875.2),
    hidden_irreps="8x0e + 8x1o",
    mlp_irreps="8x0e",
    radial_mlp=(16, 16),
    r_max=4.0,
)


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(3)
    with float64_by_default():
        return build(CONFIG)


@pytest.fixture(scope="module")
def potential(model):
    return MacePotential(copy.deepcopy(model), "cpu", "float64", "none", "MIT")


def molecules():
    frames = [molecule(name) for name in ("CH3CH2OH", "H2O", "C6H6", "HCN", "H")]
    for seed, atoms in enumerate(frames):
        atoms.rattle(0.05, seed=seed)
    return frames


def crystal():
    atoms = bulk("Si", cubic=True)
    shear = np.array([[0.1, 0.2, 0.0], [0.0, -0.1, 0.1], [0.05, 0.0, 0.0]])
    atoms.set_cell(np.add(atoms.cell, shear), scale_atoms=True)
    atoms.rattle(0.1, seed=1)
    return atoms


def compute(potential, atoms):
    return potential.compute(AtomsBatch.from_atoms(atoms))


def turn():
    q, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
    return q * np.sign(np.linalg.det(q))


def test_importing_leaves_no_switch_behind():
    assert "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD" not in os.environ


@pytest.mark.parametrize("atoms", [molecules()[0], crystal()], ids=["molecule", "crystal"])
def test_forces_are_the_gradient(potential, atoms):
    step = 1e-4
    forces = compute(potential, atoms).forces
    for i, k in [(0, 0), (1, 2), (len(atoms) - 1, 1)]:
        moved = [atoms.copy(), atoms.copy()]
        moved[0].positions[i, k] += step
        moved[1].positions[i, k] -= step
        up, down = compute(potential, moved).energy
        assert float(-(up - down) / (2 * step)) == pytest.approx(float(forces[i, k]), abs=1e-6)


def test_stress_is_the_derivative_by_strain(potential):
    atoms, step = crystal(), 1e-5
    stress = compute(potential, atoms).stress[0]
    for i, k in [(0, 0), (1, 1), (0, 1), (1, 2)]:
        energies = []
        for sign in (1, -1):
            strain = np.eye(3)
            strain[i, k] += sign * step / 2
            strain[k, i] += sign * step / 2
            strained = atoms.copy()
            strained.set_cell(atoms.cell @ strain, scale_atoms=True)
            energies.append(float(compute(potential, strained).energy))
        slope = (energies[0] - energies[1]) / (2 * step) / atoms.get_volume()
        assert slope == pytest.approx(float(stress[i, k]), abs=1e-7)


def test_result_does_not_depend_on_the_batch(potential):
    frames = [*molecules(), crystal()]
    together = compute(potential, frames)
    ends = np.cumsum([len(atoms) for atoms in frames])
    for k, atoms in enumerate(frames):
        alone = compute(potential, atoms)
        torch.testing.assert_close(alone.energy, together.energy[k : k + 1], rtol=0, atol=1e-10)
        torch.testing.assert_close(alone.forces, together.forces[ends[k] - len(atoms) : ends[k]], rtol=0, atol=1e-10)
    torch.testing.assert_close(alone.stress[0], together.stress[-1], rtol=0, atol=1e-10)
    assert together.stress[:-1].isnan().all()


def test_symmetries(potential):
    for atoms in molecules():
        reference = compute(potential, atoms)
        q, order = turn(), np.random.default_rng(1).permutation(len(atoms))
        moved = Atoms(atoms.numbers[order], atoms.positions[order] @ q.T + [3.0, -20.0, 7.0])
        found = compute(potential, moved)
        torch.testing.assert_close(found.energy, reference.energy, rtol=0, atol=1e-10)
        turned = reference.forces[torch.as_tensor(order)] @ torch.as_tensor(q.T)
        torch.testing.assert_close(found.forces, turned, rtol=0, atol=1e-10)


def test_supercell_has_twice_the_energy(potential):
    atoms = crystal()
    one, two = compute(potential, atoms), compute(potential, atoms * (2, 1, 1))
    assert float(two.energy) == pytest.approx(2 * float(one.energy), abs=1e-8)
    torch.testing.assert_close(two.stress, one.stress, rtol=0, atol=1e-10)


def test_parity_with_the_calculator_of_mace(model, potential):
    from mace.calculators import MACECalculator

    calculator = MACECalculator(models=[copy.deepcopy(model)], device="cpu", default_dtype="float64")
    for atoms in [*molecules()[:-1], crystal()]:
        found = compute(potential, atoms)
        atoms.calc = calculator
        assert float(found.energy) == pytest.approx(atoms.get_potential_energy(), abs=1e-8)
        np.testing.assert_allclose(found.forces.numpy(), atoms.get_forces(), rtol=0, atol=1e-8)
        if atoms.pbc.all():
            np.testing.assert_allclose(found.stress[0].numpy(), atoms.get_stress(voigt=False), rtol=0, atol=1e-8)


def test_plain_mace_is_read_as_well(model):
    from mace.calculators import MACECalculator

    torch.manual_seed(5)
    with float64_by_default():
        plain = modules.MACE(
            r_max=4.0,
            num_bessel=4,
            num_polynomial_cutoff=5,
            max_ell=1,
            interaction_cls=modules.interaction_classes["RealAgnosticResidualInteractionBlock"],
            interaction_cls_first=modules.interaction_classes["RealAgnosticResidualInteractionBlock"],
            num_interactions=2,
            num_elements=len(ELEMENTS),
            hidden_irreps=o3.Irreps("4x0e"),
            MLP_irreps=o3.Irreps("4x0e"),
            atomic_energies=np.array([CONFIG.reference_energies, [-1.0] * len(ELEMENTS)]),
            avg_num_neighbors=8.0,
            atomic_numbers=list(ELEMENTS),
            correlation=2,
            gate=torch.nn.functional.silu,
            heads=["one", "two"],
        )
    atoms = molecules()[0]
    for head in ("one", "two"):
        found = compute(MacePotential(copy.deepcopy(plain), "cpu", "float64", "none", "MIT", head), atoms)
        calculator = MACECalculator(models=[copy.deepcopy(plain)], device="cpu", default_dtype="float64", head=head)
        atoms.calc = calculator
        assert float(found.energy) == pytest.approx(atoms.get_potential_energy(), abs=1e-8)
    with pytest.raises(BadInputError, match="@head=one"):
        MacePotential(copy.deepcopy(plain), "cpu", "float64", "none", "MIT")


def test_heads():
    assert chosen_head(["only"], None) == 0
    assert chosen_head(["pt_head", "Default"], None) == 1
    assert chosen_head(["a", "b"], "b") == 1
    with pytest.raises(BadInputError, match="no head 'c'; it has a, b"):
        chosen_head(["a", "b"], "c")


def test_float32_is_near_and_totals_keep_their_digits(model, potential):
    single = MacePotential(copy.deepcopy(model), "cpu", "float32", "none", "MIT")
    frames = molecules()
    exact, near = compute(potential, frames), compute(single, frames)
    assert near.energy.dtype == torch.float64
    torch.testing.assert_close(near.energy, exact.energy, rtol=0, atol=1e-4)
    torch.testing.assert_close(near.forces.double(), exact.forces, rtol=1e-3, atol=1e-3)


def test_declares_itself(potential):
    assert potential.info.elements == frozenset(ELEMENTS)
    assert potential.info.cutoff == 4.0
    assert {"mace-torch", "e3nn", "torch"} == set(dict(potential.info.versions))
    with pytest.raises(UnknownElementError, match="Cl"):
        compute(potential, molecule("HCl"))


CARD = {"name": "own", "title": "t", "level_of_theory": "none", "licence": "MIT", "source": "here"}


def test_checkpoint_round_trip(model, potential, tmp_path):
    save(tmp_path / "own.safetensors", model, CONFIG, CARD)
    card = file_card(str(tmp_path / "own.safetensors"))
    assert not card.executes_code and card.sha256
    expected, found = compute(potential, molecules()), compute(load(card, "cpu", "float64"), molecules())
    torch.testing.assert_close(found.energy, expected.energy, rtol=0, atol=1e-10)
    torch.testing.assert_close(found.forces, expected.forces, rtol=0, atol=1e-10)
    assert torch.get_default_dtype() == torch.float32


def test_trained_in_float32_is_symmetric_in_float64(tmp_path):
    torch.manual_seed(4)
    save(tmp_path / "own.safetensors", build(CONFIG).float(), CONFIG, CARD)
    test_symmetries(load(file_card(str(tmp_path / "own.safetensors")), "cpu", "float64"))


def test_model_file(model, potential, tmp_path):
    path = tmp_path / "mine.model"
    torch.save(copy.deepcopy(model), path)
    card = file_card(str(path))
    assert card.executes_code
    expected = compute(potential, [*molecules(), crystal()])
    found = compute(load(card, "cpu", "float64"), [*molecules(), crystal()])
    torch.testing.assert_close(found.energy, expected.energy, rtol=0, atol=1e-10)
    torch.testing.assert_close(found.forces, expected.forces, rtol=0, atol=1e-10)


@pytest.mark.parametrize("content", [b"", b"no model", b"PK\x03\x04 cut off"], ids=["empty", "text", "cut"])
def test_damaged_model_files(content, tmp_path):
    path = tmp_path / "bad.model"
    path.write_bytes(content)
    with pytest.raises(BadInputError, match=r"bad\.model is not a model of mace-torch") as caught:
        load(file_card(str(path)), "cpu", "float64")
    assert "\n" not in str(caught.value)


def test_foreign_objects_and_names(tmp_path):
    torch.save({"weights": 1}, tmp_path / "other.model")
    with pytest.raises(BadInputError, match="holds a dict, not a MACE"):
        load(file_card(str(tmp_path / "other.model")), "cpu", "float64")
    with pytest.raises(BadInputError, match="there is no file"):
        file_card(str(tmp_path / "absent.model"))
    with pytest.raises(BadInputError, match=r"neither a \.model file"):
        file_card(str(tmp_path / "some.txt"))


def test_damaged_checkpoints(model, tmp_path):
    path = tmp_path / "own.safetensors"
    save(path, model, CONFIG, CARD)
    card = file_card(str(path))
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(BadInputError, match="sha256 differs"):
        load(card, "cpu", "float64")
    unchecked = ModelCard.from_json(card.to_json().replace(card.sha256, "")) if card.sha256 else card
    with pytest.raises(BadInputError):
        load(unchecked, "cpu", "float64")
    wider = MaceConfig(**{**CONFIG.__dict__, "hidden_irreps": "16x0e + 16x1o"})
    save(path, model, wider, CARD)
    with pytest.raises(BadInputError, match=r"does not fit own\.json") as caught:
        load(file_card(str(path)), "cpu", "float64")
    assert "\n" not in str(caught.value)
    path.with_suffix(".json").unlink()
    with pytest.raises(BadInputError, match=r"own\.json is missing"):
        file_card(str(path))


@pytest.mark.parametrize("card", shipped(), ids=lambda card: card.name)
def test_shipped_checkpoints(card):
    potential = load(card, "cpu", "float64")
    assert len(card.elements) == len(potential.info.elements)
    ethanol = molecule("CH3CH2OH")
    prediction = compute(potential, ethanol)
    assert prediction.forces.abs().max() < 5.0  # near the minimum
    torn = ethanol.copy()
    torn.positions[0] += [30.0, 0.0, 0.0]
    assert float(compute(potential, torn).energy) > float(prediction.energy)
