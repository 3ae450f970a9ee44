"""SevenNet behind the batched interface: its package's own calculator, finite differences, symmetries, bad files."""

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

if find_spec("sevenn") is None:
    pytest.skip("needs sevenn", allow_module_level=True)

import sevenn
import sevenn._keys as KEY
from bsct_zoo_sevennet import calculator
from bsct_zoo_sevennet.files import SHIPPED, file_card
from bsct_zoo_sevennet.loader import checkpoint_file, chosen_modal, load, read_model
from bsct_zoo_sevennet.potential import in_dtype
from made_systems import rattled, sheared
from sevenn.atom_graph_data import AtomGraphData
from sevenn.train.dataload import unlabeled_atoms_to_graph
from sevenn.util import dtype_correct

pytestmark = pytest.mark.filterwarnings("ignore")  # sevenn warns of accelerators that are not there
CARDS = {card.name: card for card in SHIPPED}


def molecules():
    return rattled("CH3CH2OH", "H2O", "HCN", "H", by=0.08)


def crystals():
    return sheared(bulk("Si", cubic=True), bulk("NaCl", "rocksalt", a=5.6))


def compute(potential, atoms):
    return potential.compute(AtomsBatch.from_atoms(atoms))


def agree(found, expected, rel):
    """Energies each relative to itself; forces and stress relative to the largest of their kind."""
    assert float(((found.energy - expected.energy) / expected.energy).abs().max()) < rel
    assert float((found.forces - expected.forces).abs().max() / expected.forces.abs().max()) < rel
    if expected.stress is not None:
        there = ~expected.stress.isnan()
        assert (found.stress.isnan() == ~there).all()
        found, expected = found.stress[there], expected.stress[there]
        assert float((found - expected).abs().max() / expected.abs().max()) < rel


@pytest.fixture(scope="module")
def exact():
    """SevenNet-0 in float64."""
    return load(CARDS["0"], "cpu", "float64")


# -- against the package ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CARDS)
def test_float32_is_that_of_the_packages_own_calculator(name):
    frames = [*molecules(), *crystals()]
    own = calculator.load(CARDS[name], "cpu", "float32")
    agree(compute(load(CARDS[name], "cpu", "float32"), frames), compute(own, frames), 1e-5)


@pytest.mark.parametrize("name", ["0", "l3i5", "mf-0"])
def test_float64_is_that_of_the_packages_own_network_frame_by_frame(name):
    """The package has no calculator in float64; its network, sums and derivatives are there."""
    card = CARDS[name]
    potential = load(card, "cpu", "float64")
    with checkpoint_file(card) as path:
        network = in_dtype(read_model(path), torch.float64)
    network.set_is_batch_data(False)
    for atoms in [*molecules()[:-1], *crystals()]:
        arrays = unlabeled_atoms_to_graph(atoms, network.cutoff)
        graph = AtomGraphData(**{k: dtype_correct(v, torch.float64) for k, v in arrays.items()})
        if card.notes.get("modal"):
            graph[KEY.DATA_MODALITY] = card.notes["modal"]
        own, found = network(graph), compute(potential, atoms)
        assert float(found.energy) == pytest.approx(float(own[KEY.PRED_TOTAL_ENERGY]), rel=1e-8)
        torch.testing.assert_close(found.forces, own[KEY.PRED_FORCE], rtol=0, atol=1e-8)
        if atoms.pbc.all():
            xx, yy, zz, xy, yz, zx = -own[KEY.PRED_STRESS].detach()
            expected = torch.stack([xx, xy, zx, xy, yy, yz, zx, yz, zz]).reshape(3, 3)
            torch.testing.assert_close(found.stress[0], expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("card", SHIPPED, ids=lambda card: card.name)
def test_cards_say_what_the_checkpoints_hold(card):
    with checkpoint_file(card) as path:
        model = read_model(path)
    assert card.parameters == sum(p.numel() for p in model.parameters() if p.requires_grad)
    potential = load(card, "cpu", "float32")
    assert len(card.elements) == len(potential.info.elements)
    assert not card.executes_code and card.checkpoint is None
    missing = set(model.type_map) - potential.info.elements
    if card.notes.get("modal") == "R2SCAN":  # an element without data has no energy of its own
        own = model._modules["rescale_atomic_energy"].shift[model.modal_map["R2SCAN"]]
        assert missing == {z for z, index in model.type_map.items() if float(own[index]) == 0.0} == {70}
    else:
        assert missing == set()


def test_another_file_in_the_package_is_not_read():
    card = replace(CARDS["0"], notes={**CARDS["0"].notes, "sha256": "0" * 64})
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


@pytest.mark.parametrize("name", ["0", "mf-0"])
def test_result_does_not_depend_on_the_batch(name):
    potential = load(CARDS[name], "cpu", "float64")
    frames = [*molecules(), *crystals()]
    together = compute(potential, frames)
    ends = np.cumsum([len(atoms) for atoms in frames])
    for k, atoms in enumerate(frames):
        alone = compute(potential, atoms)
        torch.testing.assert_close(alone.energy, together.energy[k : k + 1], rtol=0, atol=1e-10)
        torch.testing.assert_close(alone.forces, together.forces[ends[k] - len(atoms) : ends[k]], rtol=0, atol=1e-10)


def test_symmetric_to_float64(exact):
    """Holds only since the coupling coefficients of the checkpoint, float32, are made anew."""
    atoms = molecules()[0]
    reference = compute(exact, atoms)
    q, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
    q *= np.sign(np.linalg.det(q))
    order = np.random.default_rng(1).permutation(len(atoms))
    found = compute(exact, Atoms(atoms.numbers[order], atoms.positions[order] @ q.T + [3.0, -20.0, 7.0]))
    torch.testing.assert_close(found.energy, reference.energy, rtol=0, atol=1e-11)
    turned = reference.forces[torch.as_tensor(order)] @ torch.as_tensor(q.T)
    torch.testing.assert_close(found.forces, turned, rtol=0, atol=1e-11)


def test_atoms_without_neighbours_and_batches_without_atoms(exact):
    lone = compute(exact, [Atoms("H"), Atoms("H", positions=[[5.0, 5.0, 5.0]]), molecule("H2O")])
    assert lone.energy[0] == lone.energy[1] != 0
    assert lone.forces[:2].abs().max() == 0 and not lone.forces.isnan().any()
    assert compute(exact, []).energy.shape == (0,)
    holes = compute(exact, [Atoms(), molecule("H2O"), Atoms()])
    assert holes.energy[0] == holes.energy[2] == 0 and holes.forces.shape == (3, 3)


def test_unknown_elements():
    with pytest.raises(UnknownElementError, match="does not know Po"):
        compute(load(CARDS["0"], "cpu", "float32"), Atoms("Po"))
    with pytest.raises(UnknownElementError, match="does not know Yb"):
        compute(load(CARDS["mf-0"], "cpu", "float32"), Atoms("Yb"))


# -- a user's own checkpoint --------------------------------------------------------------------------------


def package_file(card):
    return Path(sevenn.__file__).parent / "pretrained_potentials" / card.notes["file"]


def trusted_card(path):
    """The card of a file that the user trusts, as ``--trust`` makes it."""
    import hashlib

    return replace(file_card(str(path)), sha256=hashlib.sha256(path.read_bytes()).hexdigest())


def test_own_checkpoint(exact, tmp_path):
    path = tmp_path / "mine.pth"
    shutil.copy(package_file(CARDS["0"]), path)
    assert file_card(str(path)).executes_code
    with pytest.raises(UntrustedFileError, match="--trust"):
        load(file_card(str(path)), "cpu", "float64")
    found = load(trusted_card(path), "cpu", "float64", level_of_theory="PBE")
    assert found.info.level_of_theory == "PBE"
    agree(compute(found, molecules()), compute(exact, molecules()), 1e-12)


def test_own_checkpoint_of_several_fidelities(tmp_path):
    path = tmp_path / "mine.pth"
    shutil.copy(package_file(CARDS["mf-0"]), path)
    with pytest.raises(BadInputError, match="@modal=R2SCAN"):
        load(trusted_card(path), "cpu", "float32")
    found = load(trusted_card(path), "cpu", "float32", modal="PBE")
    agree(compute(found, molecules()), compute(load(CARDS["mf-0-pbe"], "cpu", "float32"), molecules()), 1e-6)


def test_fidelities():
    mine = replace(CARDS["mf-0"], checkpoint="mine.pth", notes={})
    assert chosen_modal(CARDS["mf-0"], ["R2SCAN", "PBE"], "") == "R2SCAN"
    assert chosen_modal(mine, ["R2SCAN", "PBE"], "PBE") == "PBE"
    assert chosen_modal(CARDS["0"], [], "") is None
    for card, fidelities, wanted in [
        (CARDS["mf-0"], ["R2SCAN", "PBE"], "PBE"),
        (CARDS["0"], [], "PBE"),
        (mine, ["R2SCAN", "PBE"], "HSE"),
        (mine, ["R2SCAN", "PBE"], ""),
    ]:
        with pytest.raises(BadInputError):
            chosen_modal(card, fidelities, wanted)


@pytest.mark.parametrize("content", [b"", b"no model", b"PK\x03\x04 cut off"], ids=["empty", "text", "cut"])
def test_damaged_checkpoints(content, tmp_path):
    path = tmp_path / "bad.pth"
    path.write_bytes(content)
    with pytest.raises(BadInputError, match=r"bad\.pth is not a checkpoint of SevenNet") as caught:
        load(trusted_card(path), "cpu", "float32")
    assert "\n" not in str(caught.value)


def test_foreign_objects(tmp_path):
    path = tmp_path / "other.pth"
    for thing in ({"weights": 1}, [1, 2], torch.nn.Linear(1, 1)):
        torch.save(thing, path)
        with pytest.raises(BadInputError, match=r"other\.pth is not a checkpoint of SevenNet"):
            load(trusted_card(path), "cpu", "float32")
