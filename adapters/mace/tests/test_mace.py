"""MACE behind the batched interface, against finite differences, symmetries and mace-torch's own calculator."""

import copy
import os
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import molecule
from ase.data import chemical_symbols

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import BadInputError, UnknownElementError, UntrustedFileError
from bsct_zoo.models import trust
from bsct_zoo.plugins.cards import ModelCard

if find_spec("mace") is None:
    pytest.skip("needs mace-torch", allow_module_level=True)

import bsct_zoo_mace
from bsct_zoo_mace.checkpoint import MaceConfig, build, float64_by_default, save
from bsct_zoo_mace.files import file_card, shipped
from bsct_zoo_mace.loader import load
from bsct_zoo_mace.packages import modules, o3
from bsct_zoo_mace.potential import MacePotential, chosen_head
from bsct_zoo_mace.published import published
from made_systems import rattled, silicon

ELEMENTS = (1, 6, 7, 8, 14)
ORGANIC = ("H", "C", "N", "O", "F", "P", "S", "Cl", "Br", "I")
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
    return rattled("CH3CH2OH", "H2O", "C6H6", "HCN", "H", by=0.05)


def compute(potential, atoms):
    return potential.compute(AtomsBatch.from_atoms(atoms))


def turn():
    q, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
    return q * np.sign(np.linalg.det(q))


def test_importing_leaves_no_switch_behind():
    assert "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD" not in os.environ


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


def test_stress_is_the_derivative_by_strain(potential):
    atoms, step = silicon(), 1e-5
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
    frames = [*molecules(), silicon()]
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
    atoms = silicon()
    one, two = compute(potential, atoms), compute(potential, atoms * (2, 1, 1))
    assert float(two.energy) == pytest.approx(2 * float(one.energy), abs=1e-8)
    torch.testing.assert_close(two.stress, one.stress, rtol=0, atol=1e-10)


def test_parity_with_the_calculator_of_mace(model, potential):
    from mace.calculators import MACECalculator

    calculator = MACECalculator(models=[copy.deepcopy(model)], device="cpu", default_dtype="float64")
    for atoms in [*molecules()[:-1], silicon()]:
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


def trusted(path):
    """The card of a whole-model file, as ``--trust`` makes it."""
    return trust.trusted(f"mace:{path}", file_card(str(path)), trust=True)


def test_model_file(model, potential, tmp_path):
    path = tmp_path / "mine.model"
    torch.save(copy.deepcopy(model), path)
    assert file_card(str(path)).executes_code
    with pytest.raises(UntrustedFileError, match="it is not trusted"):
        load(file_card(str(path)), "cpu", "float64")
    card = trusted(path)
    expected = compute(potential, [*molecules(), silicon()])
    found = compute(load(card, "cpu", "float64"), [*molecules(), silicon()])
    torch.testing.assert_close(found.energy, expected.energy, rtol=0, atol=1e-10)
    torch.testing.assert_close(found.forces, expected.forces, rtol=0, atol=1e-10)


@pytest.mark.parametrize("content", [b"", b"no model", b"PK\x03\x04 cut off"], ids=["empty", "text", "cut"])
def test_damaged_model_files(content, tmp_path):
    path = tmp_path / "bad.model"
    path.write_bytes(content)
    with pytest.raises(BadInputError, match=r"bad\.model is not a model of mace-torch") as caught:
        load(trusted(path), "cpu", "float64")
    assert "\n" not in str(caught.value)


def test_foreign_objects_and_names(tmp_path):
    torch.save({"weights": 1}, tmp_path / "other.model")
    with pytest.raises(BadInputError, match="holds a dict, not a MACE"):
        load(trusted(tmp_path / "other.model"), "cpu", "float64")
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


# -- published models --------------------------------------------------------------------------------------------


def test_published_models_are_those_of_mace():
    from mace.calculators.foundations_models import mace_mp_urls, mace_off_urls

    cards = {card.name: card for card in published()}
    assert len(cards) == len(published()) and not {card.name for card in shipped()} & cards.keys()
    for prefix, urls in (("mp", mace_mp_urls), ("off", mace_off_urls)):
        for name, url in urls.items():
            card = cards[f"{prefix}-{name.removeprefix('mace-')}"]
            commit = "91a78c5a9c300d1104700d9352c8bfe449227737"
            assert card.url == url.replace("/mace-off/main/", f"/mace-off/{commit}/")
            assert card.executes_code and card.checkpoint is None
            assert card.elements == (
                ORGANIC if prefix == "off" else tuple(chemical_symbols[1:84] + chemical_symbols[89:95])
            )
    assert all(card.licence.startswith("ASL") for name, card in cards.items() if name.startswith("off-"))
    assert {name for name, card in cards.items() if card.sha256 is None} == {"off-medium-23b", "mp-mh-0"}
    known = [card.sha256 for card in cards.values() if card.sha256]
    assert len(set(known)) == len(known) and all(len(sha256) == 64 for sha256 in known)


def test_a_published_model_by_name(model, potential, tmp_path, monkeypatch):
    """A file of the right kind in the place of the published one, which is not at hand here, on its whole way."""
    from dataclasses import replace
    from hashlib import sha256

    from bsct_zoo.models.weights import fetch, with_weights

    monkeypatch.setenv("BSCT_ZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("BSCT_ZOO_OFFLINE", raising=False)
    source = tmp_path / "MACE-OFF23_small.model"
    torch.save(copy.deepcopy(model), source)
    (card,) = (card for card in published() if card.name == "off-small")
    card = replace(card, url=source.as_uri(), sha256=sha256(source.read_bytes()).hexdigest())
    (adapter,) = bsct_zoo_mace.register_adapters()
    fetch(adapter, card)
    loaded = load(with_weights(adapter, card), "cpu", "float64")
    assert loaded.info.level_of_theory == "ωB97M-D3(BJ)/def2-TZVPPD"
    expected, found = compute(potential, molecules()), compute(loaded, molecules())
    torch.testing.assert_close(found.energy, expected.energy, rtol=0, atol=1e-10)


# -- charges -----------------------------------------------------------------------------------------------------


def test_a_model_that_takes_charges_says_so(potential):
    from mace.calculators import MACECalculator

    assert not potential.info.supports_charge_spin
    torch.manual_seed(6)
    specs = {
        "total_charge": {"type": "categorical", "per": "graph", "num_classes": 9, "offset": 4, "emb_dim": 8},
        "total_spin": {"type": "categorical", "per": "graph", "num_classes": 9, "offset": 0, "emb_dim": 8},
    }
    with float64_by_default():
        charged = modules.ScaleShiftMACE(
            r_max=4.0,
            num_bessel=4,
            num_polynomial_cutoff=5,
            max_ell=1,
            interaction_cls=modules.interaction_classes["RealAgnosticResidualInteractionBlock"],
            interaction_cls_first=modules.interaction_classes["RealAgnosticResidualInteractionBlock"],
            num_interactions=2,
            num_elements=len(ELEMENTS),
            hidden_irreps=o3.Irreps("8x0e"),
            MLP_irreps=o3.Irreps("8x0e"),
            atomic_energies=np.array(CONFIG.reference_energies),
            avg_num_neighbors=8.0,
            atomic_numbers=list(ELEMENTS),
            correlation=2,
            gate=torch.nn.functional.silu,
            atomic_inter_scale=1.0,
            atomic_inter_shift=0.0,
            embedding_specs=specs,
        )
    ours = MacePotential(copy.deepcopy(charged), "cpu", "float64", "none", "MIT")
    assert ours.info.supports_charge_spin
    calculator = MACECalculator(models=[charged], device="cpu", default_dtype="float64")
    energies = []
    for charge, spin in ((0, 1), (1, 2), (-1, 2)):
        atoms = molecules()[0]
        atoms.info.update(charge=charge, spin=spin)
        energies.append(float(compute(ours, atoms).energy))
        atoms.calc = calculator
        assert energies[-1] == pytest.approx(atoms.get_potential_energy(), abs=1e-8)
    assert len({round(energy, 6) for energy in energies}) == 3


def saved(folder, config):
    torch.manual_seed(3)
    with float64_by_default():
        model = build(config)
    file = folder / "own.safetensors"
    save(
        file,
        model,
        config,
        {"name": "own", "title": "own", "level_of_theory": "none", "licence": "MIT", "source": "a test"},
    )
    return file_card(str(file))


def differences(card, choice):
    plain = load(card, "cpu", "float64")
    fast = load(card, "cpu", "float64", accelerate=choice)
    for frames in (molecules(), [*molecules()[:2], silicon()] * 3):
        one, other = compute(plain, frames), compute(fast, frames)
        yield (one.energy - other.energy).abs().max()
        yield (one.forces - other.forces).abs().max()
        if one.stress is not None:
            yield (one.stress[-1] - other.stress[-1]).abs().max()


@pytest.mark.skipif(find_spec("cuequivariance_torch") is None, reason="needs cuequivariance-torch")
def test_cuequivariance_gives_the_same_numbers(tmp_path):
    found = list(differences(saved(tmp_path, CONFIG), "cueq"))
    assert len(found) == 5 and max(found) < 1e-8
    assert max(found) > 0  # other sums: it was not the plain model twice


@pytest.mark.slow  # a C++ compiler works for minutes
def test_compiled_it_gives_the_same_numbers(tmp_path):
    small = replace(CONFIG, hidden_irreps="4x0e", max_ell=1, num_interactions=1, mlp_irreps="4x0e", radial_mlp=(4,))
    assert max(differences(saved(tmp_path, small), "compile")) < 1e-8


@pytest.mark.skipif(find_spec("cuequivariance_torch") is not None, reason="it is installed")
def test_what_is_not_installed_is_named(tmp_path):
    with pytest.raises(BadInputError, match="accelerate=cueq needs cuequivariance-torch; uv pip install --python"):
        load(saved(tmp_path, CONFIG), "cpu", "float64", accelerate="cueq")


def test_without_a_compiler_nothing_is_compiled(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(BadInputError, match="accelerate=compile needs a C\\+\\+ compiler; install g\\+\\+"):
        load(saved(tmp_path, CONFIG), "cpu", "float64", accelerate="compile")
