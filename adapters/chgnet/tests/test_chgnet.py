"""CHGNet behind the batched interface: its package's own calculator, finite differences, symmetries, bad files."""

import hashlib
import shutil
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, molecule

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import BadInputError, UnknownElementError, UntrustedFileError
from bsct_zoo.potentials.boxes import boxed
from bsct_zoo.runtime.guard import GuardedPotential

if find_spec("chgnet") is None:
    pytest.skip("needs chgnet", allow_module_level=True)

import chgnet
from ase.units import GPa
from bsct_zoo_chgnet import calculator
from bsct_zoo_chgnet.files import SHIPPED, file_card
from bsct_zoo_chgnet.graph import sharing
from bsct_zoo_chgnet.loader import load, model_of
from bsct_zoo_chgnet.potential import own_energies
from chgnet.graph import converter
from chgnet.model import model as chgnet_model
from made_systems import rattled, sheared
from pymatgen.io.ase import AseAtomsAdaptor

pytestmark = pytest.mark.filterwarnings("ignore")
CARDS = {card.name: card for card in SHIPPED}


def molecules():
    """One without an angle among them."""
    return rattled("CH3CH2OH", "H2O", "N2", "HCN", by=0.08)


def crystals():
    """One with an atom that is its own neighbour, and nothing else, among them."""
    return sheared(bulk("Si", cubic=True), bulk("NaCl", "rocksalt", a=5.6), bulk("Cu"))


def guarded(card, dtype, loader=load):
    return GuardedPotential(loader(card, "cpu", dtype))


def compute(potential, atoms):
    return potential.compute(AtomsBatch.from_atoms(atoms))


def in_boxes(frames, cutoff=6.0):
    return boxed(AtomsBatch.from_atoms(frames), cutoff)[0].to_atoms()


@pytest.fixture(scope="module")
def exact():
    """CHGNet 0.3.0 in float64."""
    return guarded(CARDS["0.3.0"], "float64")


# -- against the package ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CARDS)
def test_float32_is_that_of_the_packages_own_calculator(name):
    frames = [*molecules(), *crystals()]
    found = compute(guarded(CARDS[name], "float32"), frames)
    own = compute(guarded(CARDS[name], "float32", calculator.load), frames)
    assert float(((found.energy - own.energy) / own.energy).abs().max()) < 1e-5
    assert float((found.forces - own.forces).abs().max() / own.forces.abs().max()) < 1e-5
    assert (found.stress.isnan() == own.stress.isnan()).all()
    there = ~own.stress.isnan()
    assert float((found.stress - own.stress)[there].abs().max() / own.stress[there].abs().max()) < 1e-4


@pytest.fixture
def package_in_float64(monkeypatch):
    """Let the package make its graphs in float64, which it has no setting for."""
    for module in (converter, chgnet_model):
        monkeypatch.setattr(module, "TORCH_DTYPE", torch.float64)


@pytest.mark.parametrize("name", CARDS)
def test_float64_is_that_of_the_packages_own_graphs_frame_by_frame(name, package_in_float64):
    """Reference energies of atoms, which the package always adds up in float32, are added here by hand."""
    own, potential = model_of(CARDS[name]), guarded(CARDS[name], "float64")
    reference, own.composition_model = own_energies(own).numpy(), None
    own.double().graph_converter.set_isolated_atom_response("ignore")
    frames = [*in_boxes(molecules()), *crystals()]
    together = compute(potential, frames)
    ends = np.cumsum([len(atoms) for atoms in frames])
    for k, atoms in enumerate(frames):
        graph = own.graph_converter(AseAtomsAdaptor.get_structure(atoms))
        expected = own.predict_graph(graph, task="efs")
        energy = float(expected["e"]) * len(atoms) + reference[atoms.numbers - 1].sum()
        assert float(together.energy[k]) == pytest.approx(energy, rel=1e-8)
        forces = together.forces[ends[k] - len(atoms) : ends[k]].numpy()
        np.testing.assert_allclose(forces, expected["f"], rtol=0, atol=1e-7)
        stress = 0.5 * (expected["s"] + expected["s"].T) * GPa
        np.testing.assert_allclose(together.stress[k].numpy(), stress, rtol=0, atol=1e-9)


@pytest.mark.parametrize("card", SHIPPED, ids=lambda card: card.name)
def test_cards_say_what_the_checkpoints_hold(card):
    model = model_of(card)
    assert card.parameters == model.n_params
    assert not card.executes_code and card.checkpoint is None
    assert load(card, "cpu", "float32").info.periodic_only
    if card.name == "r2scan":  # an element without data has no energy of its own
        empty = (own_energies(model).abs() < 1e-6).nonzero().flatten() + 1
        assert set(empty.tolist()) & {*range(1, 84), *range(89, 95)} == {70}


def test_another_file_in_the_package_is_not_read():
    card = replace(CARDS["0.3.0"], notes={**CARDS["0.3.0"].notes, "sha256": "0" * 64})
    with pytest.raises(BadInputError, match="sha256 differs"):
        load(card, "cpu", "float32")


# -- as physics demands -------------------------------------------------------------------------------------


@pytest.mark.parametrize("atoms", [molecules()[0], crystals()[1]], ids=["molecule", "crystal"])
def test_forces_are_the_gradient(exact, atoms):
    step = 1e-4
    forces = compute(exact, atoms).forces
    for i, k in [(0, 0), (1, 2), (len(atoms) - 1, 1)]:
        moved = [atoms.copy(), atoms.copy()]
        moved[0].positions[i, k] += step
        moved[1].positions[i, k] -= step
        up, down = compute(exact, moved).energy
        assert float(-(up - down) / (2 * step)) == pytest.approx(float(forces[i, k]), abs=1e-5)


def test_stress_is_the_derivative_by_strain(exact):
    atoms, step = crystals()[0], 1e-4
    stress = compute(exact, atoms).stress[0]
    for i, k in [(0, 0), (1, 1), (0, 1), (1, 2)]:
        energies = []
        for sign in (1, -1):
            strain = np.eye(3)
            strain[i, k] += sign * step / 2
            strain[k, i] += sign * step / 2
            strained = atoms.copy()
            strained.set_cell(atoms.cell @ strain, scale_atoms=True)
            energies.append(float(compute(exact, strained).energy))
        slope = (energies[0] - energies[1]) / (2 * step) / atoms.get_volume()
        assert slope == pytest.approx(float(stress[i, k]), abs=1e-6)


@pytest.mark.parametrize("name", ["0.3.0", "0.2.0"])
def test_result_does_not_depend_on_the_batch(name):
    """In 0.2.0 the package itself breaks this: a molecule without an angle differs beside one with an angle."""
    potential = guarded(CARDS[name], "float64")
    frames = [*molecules(), *crystals()]
    together = compute(potential, frames)
    ends = np.cumsum([len(atoms) for atoms in frames])
    for k, atoms in enumerate(frames):
        alone = compute(potential, atoms)
        torch.testing.assert_close(alone.energy, together.energy[k : k + 1], rtol=0, atol=1e-10)
        torch.testing.assert_close(alone.forces, together.forces[ends[k] - len(atoms) : ends[k]], rtol=0, atol=1e-10)
        if alone.stress is not None:
            torch.testing.assert_close(alone.stress[0], together.stress[k], rtol=0, atol=1e-12)


def test_without_a_box_a_molecule_is_the_same(exact):
    """No image is within the cut-off, so the box adds nothing."""
    bare, inside = compute(exact.potential, molecules()), compute(exact, molecules())
    torch.testing.assert_close(bare.energy, inside.energy, rtol=0, atol=1e-10)
    torch.testing.assert_close(bare.forces, inside.forces, rtol=0, atol=1e-10)
    assert inside.stress is None


def test_symmetric_to_float64(exact):
    atoms = molecules()[0]
    reference = compute(exact, atoms)
    q, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
    q *= np.sign(np.linalg.det(q))
    order = np.random.default_rng(1).permutation(len(atoms))
    found = compute(exact, Atoms(atoms.numbers[order], atoms.positions[order] @ q.T + [3.0, -20.0, 7.0]))
    torch.testing.assert_close(found.energy, reference.energy, rtol=0, atol=1e-9)
    turned = reference.forces[torch.as_tensor(order)] @ torch.as_tensor(q.T)
    torch.testing.assert_close(found.forces, turned, rtol=0, atol=1e-9)


def test_atoms_without_neighbours_and_batches_without_atoms(exact):
    """Where all neighbours are gone, the energy is the limit of pulling them away, and no force is left."""
    near = compute(exact, [Atoms("HF", positions=[[0, 0, 0], [0, 0, d]]) for d in (5.999, 6.001)])
    apart = compute(exact, [Atoms("H"), Atoms("F")])
    assert float(near.energy[0]) == pytest.approx(float(near.energy[1]), abs=1e-6)
    assert float(near.energy[1]) == pytest.approx(float(apart.energy.sum()), abs=1e-10)
    assert apart.forces.abs().max() == 0 and not apart.forces.isnan().any()
    assert compute(exact, []).energy.shape == (0,)
    holes = compute(exact, [Atoms(), molecule("H2O"), Atoms()])
    assert holes.energy[0] == holes.energy[2] == 0 and holes.forces.shape == (3, 3)


def test_unknown_elements():
    with pytest.raises(UnknownElementError, match="does not know Po"):
        compute(guarded(CARDS["0.3.0"], "float32"), Atoms("Po"))
    with pytest.raises(UnknownElementError, match="does not know Yb"):
        compute(guarded(CARDS["r2scan"], "float32"), Atoms("Yb"))


def test_pairs_of_what_is_shared():
    atom = torch.tensor([0, 0, 2, 3, 3, 3])
    first, second = sharing(atom, 5)
    found = set(zip(first.tolist(), second.tolist(), strict=True))
    assert found == {(i, j) for i in range(6) for j in range(6) if i != j and atom[i] == atom[j]}
    assert sharing(torch.zeros(0, dtype=torch.long), 3)[0].shape == (0,)


# -- a user's own checkpoint --------------------------------------------------------------------------------


def trusted_card(path):
    """The card of a file that the user trusts, as ``--trust`` makes it."""
    return replace(file_card(str(path)), sha256=hashlib.sha256(path.read_bytes()).hexdigest())


def test_own_checkpoint(exact, tmp_path):
    path = tmp_path / "mine.pth.tar"
    shutil.copy(Path(chgnet.__file__).parent / "pretrained" / CARDS["0.3.0"].notes["file"], path)
    assert file_card(str(path)).executes_code
    with pytest.raises(UntrustedFileError, match="--trust"):
        load(file_card(str(path)), "cpu", "float64")
    found = load(trusted_card(path), "cpu", "float64", level_of_theory="PBE")
    assert found.info.level_of_theory == "PBE" and len(found.info.elements) == 94
    torch.testing.assert_close(compute(found, crystals()).energy, compute(exact, crystals()).energy, rtol=1e-12, atol=0)


def test_biases_that_a_file_does_not_tell_of_are_found(tmp_path):
    """The file of version 0.2.0 has them without saying so; what the trainer writes of it says so."""
    expected = compute(load(CARDS["0.2.0"], "cpu", "float64"), crystals())
    assert load(CARDS["0.2.0"], "cpu", "float64").angles_leak
    silent, told = tmp_path / "silent.pth.tar", tmp_path / "told.pth.tar"
    shutil.copy(Path(chgnet.__file__).parent / "pretrained" / CARDS["0.2.0"].notes["file"], silent)
    torch.save({"model": model_of(CARDS["0.2.0"]).as_dict()}, told)
    for path in (silent, told):
        found = compute(load(trusted_card(path), "cpu", "float64"), crystals())
        torch.testing.assert_close(found.energy, expected.energy, rtol=1e-12, atol=0)


@pytest.mark.parametrize("content", [b"", b"no model", b"PK\x03\x04 cut off"], ids=["empty", "text", "cut"])
def test_damaged_checkpoints(content, tmp_path):
    path = tmp_path / "bad.pth.tar"
    path.write_bytes(content)
    with pytest.raises(BadInputError, match=r"bad\.pth\.tar is not a checkpoint of CHGNet") as caught:
        load(trusted_card(path), "cpu", "float32")
    assert "\n" not in str(caught.value)


def test_foreign_objects(tmp_path):
    path = tmp_path / "other.pth"
    for thing in ({"weights": 1}, [1, 2], {"model": {"model_args": {}, "state_dict": {}}}):
        torch.save(thing, path)
        with pytest.raises(BadInputError, match=r"other\.pth is not a checkpoint of CHGNet"):
            load(trusted_card(path), "cpu", "float32")
