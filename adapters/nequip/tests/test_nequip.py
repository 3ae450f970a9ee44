"""NequIP behind the batched interface, against finite differences, symmetries and nequip's own calculator."""

import json
import random
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import molecule

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import BadInputError, UnknownElementError
from bsct_zoo.kept import read_json
from bsct_zoo.plugins.cards import ModelCard

if find_spec("nequip") is None:
    pytest.skip("needs nequip", allow_module_level=True)

from bsct_zoo_nequip.checkpoint import NequipConfig, build, save
from bsct_zoo_nequip.files import file_card, shipped
from bsct_zoo_nequip.loader import load
from bsct_zoo_nequip.model import from_graph_model
from bsct_zoo_nequip.potential import NequipPotential
from made_systems import rattled, silicon

ELEMENTS = (1, 6, 7, 8, 14)
CONFIG = NequipConfig(
    elements=ELEMENTS,
    reference_energies=(-13.6, -1029.1, -1485.3, -2042.6, -7875.2),
    r_max=4.0,
    num_layers=2,
    l_max=2,
    num_features=(8, 6, 4),
    type_embed_num_features=6,
    radial_mlp_width=16,
)


@contextmanager
def float64_by_default():
    """What nequip makes of a whole process, and its calculator relies on."""
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.fixture(scope="module", params=["float64", "float32"])
def either(request):
    return build(CONFIG, request.param, seed=3).eval()


@pytest.fixture(scope="module")
def model():
    return build(CONFIG, "float64", seed=3)


@pytest.fixture(scope="module")
def potential(model):
    return wrapped(model)


def wrapped(model):
    return NequipPotential(from_graph_model(model), "cpu", "none", "MIT")


def molecules():
    return rattled("CH3CH2OH", "H2O", "C6H6", "HCN", "H", by=0.05)


def compute(potential, atoms):
    return potential.compute(AtomsBatch.from_atoms(atoms))


def turn():
    q, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
    return q * np.sign(np.linalg.det(q))


def calculator_of(model):
    """nequip's ASE calculator around a model in memory, as ``NequIPCalculator._from_saved_model`` makes it."""
    from nequip.integrations.ase import NequIPCalculator
    from nequip.integrations.utils import basic_transforms

    names = model.metadata["type_names"].split()
    transforms = basic_transforms(model.metadata, float(model.metadata["r_max"]), names, {name: name for name in names})
    return NequIPCalculator(model.eval(), "cpu", transforms=transforms)


def test_nequip_leaves_no_mark_on_the_process():
    torch.manual_seed(11)
    random.seed(11)
    expected = torch.rand(1), random.random()
    torch.manual_seed(11)
    random.seed(11)
    build(CONFIG, "float64")
    assert torch.get_default_dtype() == torch.float32
    assert (torch.rand(1), random.random()) == expected


@pytest.mark.parametrize("atoms", [molecules()[0], silicon()], ids=["molecule", "crystal"])
def test_forces_are_the_gradient(potential, atoms):
    step = 1e-4
    forces = compute(potential, atoms).forces
    for i, k in [(0, 0), (1, 2), (len(atoms) - 1, 1)]:
        moved = [atoms.copy(), atoms.copy()]
        moved[0].positions[i, k] += step
        moved[1].positions[i, k] -= step
        up, down = compute(potential, moved).energy
        assert float(-(up - down) / (2 * step)) == pytest.approx(float(forces[i, k]), abs=1e-6)
    assert forces.abs().max() > 1e-3


def test_stress_is_the_derivative_by_strain(potential):
    atoms, step = silicon(), 1e-4
    stress = compute(potential, atoms).stress[0]
    assert stress.abs().max() > 1e-4
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
        assert slope == pytest.approx(float(stress[i, k]), abs=1e-8)


def test_result_does_not_depend_on_the_batch(potential):
    frames = [*molecules(), silicon()]
    together = compute(potential, frames)
    ends = np.cumsum([len(atoms) for atoms in frames])
    for k, atoms in enumerate(frames):
        alone = compute(potential, atoms)
        torch.testing.assert_close(alone.energy, together.energy[k : k + 1], rtol=0, atol=1e-10)
        torch.testing.assert_close(alone.forces, together.forces[ends[k] - len(atoms) : ends[k]], rtol=0, atol=1e-10)
    torch.testing.assert_close(alone.stress[0], together.stress[-1], rtol=0, atol=1e-10)
    assert together.stress[:-1].isnan().all()
    assert compute(potential, frames[:2]).stress is None


def test_a_batch_is_left_as_it_was(potential):
    batch = AtomsBatch.from_atoms([molecules()[0], silicon()])
    before = batch.positions.clone()
    with torch.no_grad():
        potential.compute(batch)
    assert not batch.positions.requires_grad
    assert torch.equal(batch.positions, before)
    empty = potential.compute(AtomsBatch.from_atoms([]))
    assert empty.energy.shape == (0,) and empty.forces.shape == (0, 3)


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
    atoms = silicon()
    one, two = compute(potential, atoms), compute(potential, atoms * (2, 1, 1))
    assert float(two.energy) == pytest.approx(2 * float(one.energy), abs=1e-8)
    torch.testing.assert_close(two.stress, one.stress, rtol=0, atol=1e-10)


def test_parity_with_the_calculator_of_nequip(either):
    """One by one, each with nequip's neighbours and code path, against all in one batch."""
    relative, absolute = (0, 1e-8) if either.metadata["model_dtype"] == "float64" else (1e-5, 1e-7)
    frames = [*molecules(), silicon()]
    found = compute(wrapped(either), frames)
    forces = found.forces.split([len(atoms) for atoms in frames])
    with float64_by_default():
        for k, atoms in enumerate(frames):
            atoms.calc = calculator_of(either)
            energy = atoms.get_potential_energy()
            assert float(found.energy[k]) == pytest.approx(energy, rel=relative / 1e3, abs=1e-8)
            expected = atoms.get_forces()
            largest = np.abs(expected).max()
            np.testing.assert_allclose(forces[k].numpy(), expected, rtol=0, atol=relative * largest + absolute)
        stress = atoms.get_stress(voigt=False)
    np.testing.assert_allclose(found.stress[-1].numpy(), stress, rtol=0, atol=relative * np.abs(stress).max() + 1e-8)


def test_cut_offs_of_their_own_for_pairs_of_elements():
    from bsct_zoo_nequip.checkpoint import builder_arguments
    from nequip.model import NequIPGNNModel

    cutoffs = {"H": 2.0, "C": {"H": 3.0, "O": 2.5}}
    own = NequIPGNNModel(**builder_arguments(CONFIG, "float64", seed=1), per_edge_type_cutoff=cutoffs)
    plain = NequIPGNNModel(**builder_arguments(CONFIG, "float64", seed=1))
    atoms = molecules()[0]
    found = compute(wrapped(own), atoms)
    assert abs(float(found.energy - compute(wrapped(plain), atoms).energy)) > 1e-4
    with float64_by_default():
        atoms.calc = calculator_of(own)
        assert float(found.energy) == pytest.approx(atoms.get_potential_energy(), abs=1e-8)
        np.testing.assert_allclose(found.forces.numpy(), atoms.get_forces(), rtol=0, atol=1e-8)


def test_models_that_want_to_know_the_charge_are_refused():
    from bsct_zoo_nequip.checkpoint import builder_arguments
    from nequip.model import NequIPGNNModel

    charge = [{"field": "charge", "num_features": 2, "min": -1, "max": 1}]
    charged = NequIPGNNModel(**builder_arguments(CONFIG, "float64"), categorical_graph_field_embed=charge)
    with pytest.raises(BadInputError, match="wants to be told charge of every system"):
        from_graph_model(charged)


def test_atom_types_that_are_no_elements_are_refused():
    from bsct_zoo_nequip.checkpoint import builder_arguments
    from nequip.model import NequIPGNNModel

    types = {"type_names": ["Hw", "C", "Ow"], "per_type_energy_shifts": {"Hw": 0.0, "C": 0.0, "Ow": 0.0}}
    with pytest.raises(BadInputError, match=r"atom types \(Hw, C, Ow\) are not all chemical symbols"):
        from_graph_model(NequIPGNNModel(**(builder_arguments(CONFIG, "float64") | types)))


def test_float32_is_near_and_totals_keep_their_digits(model, tmp_path):
    save(tmp_path / "own.safetensors", model, CONFIG, CARD)
    card = file_card(str(tmp_path / "own.safetensors"))
    exact, near = (compute(load(card, "cpu", dtype), molecules()) for dtype in ("float64", "float32"))
    assert near.energy.dtype == torch.float64
    torch.testing.assert_close(near.energy, exact.energy, rtol=0, atol=1e-5)  # of 6000 eV
    torch.testing.assert_close(near.forces, exact.forces, rtol=1e-4, atol=1e-5)


def test_declares_itself(potential):
    assert potential.info.elements == frozenset(ELEMENTS)
    assert (potential.info.cutoff, potential.info.dtype) == (4.0, "float64")
    assert {"nequip", "e3nn", "torch"} == set(dict(potential.info.versions))
    assert not potential.info.supports_charge_spin and potential.info.equivariant
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


def test_damaged_checkpoints(model, tmp_path):
    path = tmp_path / "own.safetensors"
    save(path, model, CONFIG, CARD)
    card = file_card(str(path))
    whole, facts = path.read_bytes(), json.dumps(read_json(path.with_suffix(".json")))  # without its seal
    path.write_bytes(whole[:-8])
    with pytest.raises(BadInputError, match="sha256 differs"):
        load(card, "cpu", "float64")
    unchecked = ModelCard.from_json(card.to_json().replace(str(card.sha256), ""))
    with pytest.raises(BadInputError):
        load(unchecked, "cpu", "float64")
    path.write_bytes(whole)
    for sound, broken in [
        ('"num_layers": 2', '"num_layers": 0'),
        ('"num_layers": 2', '"num_layers": 3'),
        ('"num_layers": 2', '"num_layers": "two"'),
        ('"num_layers": 2', '"depth": 2'),
        ('"l_max": 2', '"l_max": 1'),
        ('"r_max": 4.0', '"r_max": null'),
    ]:
        assert sound in facts
        path.with_suffix(".json").write_text(facts.replace(sound, broken))
        with pytest.raises(BadInputError, match=r"does not fit own\.json") as caught:
            load(file_card(str(path)), "cpu", "float64")
        assert "\n" not in str(caught.value)
    path.with_suffix(".json").write_text(facts[:-20])
    with pytest.raises(BadInputError, match="not valid JSON"):
        file_card(str(path))
    path.with_suffix(".json").unlink()
    with pytest.raises(BadInputError, match=r"own\.json is missing"):
        file_card(str(path))


def test_missing_weights(model, tmp_path):
    path = tmp_path / "own.safetensors"
    save(path, model.model.func, CONFIG, CARD)
    with pytest.raises(BadInputError, match="are missing or too many"):
        load(file_card(str(path)), "cpu", "float64")


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


@pytest.mark.parametrize("frames", ["one", "several"])
def test_models_that_take_but_one_frame_or_no_less_than_two(model, potential, frames):
    """As those do that were compiled for ASE, or for batches."""
    few = NequipPotential(replace(from_graph_model(model), frames=frames), "cpu", "none", "MIT")
    for atoms in ([*molecules(), silicon()], silicon(), molecules()[0]):
        found, expected = compute(few, atoms), compute(potential, atoms)
        torch.testing.assert_close(found.energy, expected.energy, rtol=0, atol=1e-10)
        torch.testing.assert_close(found.forces, expected.forces, rtol=0, atol=1e-10)
        assert (found.stress is None) == (expected.stress is None)
        if expected.stress is not None:
            torch.testing.assert_close(found.stress, expected.stress, rtol=0, atol=1e-10, equal_nan=True)
