"""Checkpoints of EquiformerV2: ours through the round trip and damaged, fairchem's against its own calculator."""

import json
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import pytest
import torch
from ase.build import molecule

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import BadInputError
from bsct_zoo.kept import read_json
from bsct_zoo.plugins.cards import ModelCard

try:
    found = version("fairchem-core")
except PackageNotFoundError:
    found = "none"
if not found.startswith("1."):
    pytest.skip("needs fairchem-core 1.x", allow_module_level=True)

from bsct_zoo_equiformer.checkpoint import EquiformerConfig, build, save
from bsct_zoo_equiformer.files import file_card, shipped
from bsct_zoo_equiformer.loader import load, scale_of
from bsct_zoo_equiformer.packages import HydraModel
from bsct_zoo_equiformer.potential import EquiformerPotential

from bsct_zoo.potentials.precision import default_dtype

CONFIG = EquiformerConfig(
    elements=(1, 6, 8),
    reference_energies=(-13.6, -1029.1, -2042.6),
    max_radius=4.0,
    num_layers=1,
    sphere_channels=8,
    attn_hidden_channels=8,
    num_heads=2,
    ffn_hidden_channels=16,
    edge_channels=8,
)
CARD = {"name": "own", "title": "t", "level_of_theory": "none", "licence": "MIT", "source": "here"}


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(3)
    with default_dtype(torch.float64):
        return build(CONFIG)


def molecules():
    frames = [molecule(name) for name in ("CH3CH2OH", "H2O", "C6H6", "CO")]
    for seed, atoms in enumerate(frames):
        atoms.rattle(0.05, seed=seed)
    return frames


def compute(potential, atoms):
    return potential.compute(AtomsBatch.from_atoms(atoms))


def test_round_trip(model, tmp_path):
    save(tmp_path / "own.safetensors", model, CONFIG, CARD)
    card = file_card(str(tmp_path / "own.safetensors"))
    assert not card.executes_code and card.sha256
    loaded = compute(load(card, "cpu", "float64"), molecules())
    with default_dtype(torch.float64):
        twin = build(CONFIG)
    twin.load_state_dict(model.state_dict())
    potential = EquiformerPotential(twin, scale_of(CONFIG), frozenset(CONFIG.elements), "cpu", "float64", "none", "MIT")
    expected = compute(potential, molecules())
    torch.testing.assert_close(loaded.energy, expected.energy, rtol=0, atol=1e-10)
    torch.testing.assert_close(loaded.forces, expected.forces, rtol=0, atol=1e-10)
    assert torch.get_default_dtype() == torch.float32


def test_damaged_checkpoints(model, tmp_path):
    path = tmp_path / "own.safetensors"
    save(path, model, CONFIG, CARD)
    card = file_card(str(path))
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(BadInputError, match="sha256 differs"):
        load(card, "cpu", "float64")
    unchecked = ModelCard.from_json(card.to_json().replace(card.sha256, ""))
    with pytest.raises(BadInputError):
        load(unchecked, "cpu", "float64")
    for wrong in ({"sphere_channels": 16}, {"elements": [1, 6]}, {"num_layers": 2}, {"lmax": "two"}, {"depth": 1}):
        save(path, model, CONFIG, CARD)
        facts = read_json(path.with_suffix(".json"))
        facts["config"] |= wrong
        path.with_suffix(".json").write_text(json.dumps(facts))
        with pytest.raises(BadInputError, match=r"does not fit own\.json") as caught:
            load(file_card(str(path)), "cpu", "float64")
        assert "\n" not in str(caught.value)
    path.with_suffix(".json").unlink()
    with pytest.raises(BadInputError, match=r"own\.json is missing"):
        file_card(str(path))


# -- fairchem's own files ----------------------------------------------------------------------------------


def their_model():
    """Model section of a configuration that any fairchem-core 1.10 understands."""
    section = CONFIG.hydra()
    section["backbone"]["model"] = "equiformer_v2_backbone"
    return section


def fairchem_checkpoint(path, heads=("energy", "forces"), section=None, seed=5):
    """A file as fairchem's trainer writes it, with normalisers and element references."""
    torch.manual_seed(seed)
    section = section or their_model()
    model = HydraModel(**{key: value for key, value in section.items() if key != "name"})
    references = torch.zeros(119)
    references[[1, 6, 8]] = torch.tensor([-1.5, -7.25, -4.75])
    state = {
        "state_dict": model.state_dict(),
        "normalizers": {
            "energy": {"mean": torch.tensor(-0.75), "rmsd": torch.tensor(2.5)},
            "forces": {"mean": torch.tensor(0.0), "rmsd": torch.tensor(1.75)},
        },
        "elementrefs": {"energy": {"element_references": references}},
        "config": {
            "model": section,
            "trainer": "ocp",
            "dataset": {"src": "nowhere"},
            "task": {},
            "optim": {},
            "outputs": {name: {"level": "system" if name == "energy" else "atom"} for name in heads},
            "loss_functions": [{"energy": {"fn": "mae", "coefficient": 1.0}}],
            "evaluation_metrics": {},
        },
    }
    torch.save(state, path)
    return path


def shortest(vectors):
    """[E, 3, 3] shortest rotations of vectors to the y axis, by Rodrigues' formula."""
    x, y, z = torch.nn.functional.normalize(vectors.double(), dim=1).unbind(1)
    k = 1 / (1 + y)
    rows = [[1 - k * x * x, -x, -k * x * z], [x, y, z], [-k * x * z, -z, 1 - k * z * z]]
    return torch.stack([torch.stack(row, 1) for row in rows], 1).to(vectors.dtype)


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """The same file behind our interface and in fairchem's own calculator."""
    from fairchem.core import OCPCalculator

    path = fairchem_checkpoint(tmp_path_factory.mktemp("fairchem") / "their.pt")
    return load(file_card(str(path)), "cpu", "float32"), OCPCalculator(checkpoint_path=path, cpu=True, seed=0)


def boxed():
    frames = molecules()
    for atoms in frames:
        atoms.center(vacuum=5.0)  # their graph needs a cell
    return frames


def test_parity_with_the_calculator_of_fairchem(pair, monkeypatch):
    from fairchem.core.models.equiformer_v2 import equiformer_v2

    ours, theirs = pair
    monkeypatch.setattr(equiformer_v2, "init_edge_rot_mat", shortest)
    for atoms in boxed():
        found = compute(ours, atoms)
        atoms.calc = theirs
        assert float(found.energy) == pytest.approx(atoms.get_potential_energy(), rel=1e-5, abs=1e-5)
        np.testing.assert_allclose(found.forces.numpy(), atoms.get_forces(), rtol=1e-5, atol=1e-4)


def test_frames_that_the_package_draws_scatter_around_ours(pair):
    ours, theirs = pair
    for atoms in boxed():
        found = compute(ours, atoms)
        drawn = []
        for _ in range(16):
            theirs.reset()
            atoms.calc = theirs
            drawn.append(atoms.get_potential_energy())
        spread = np.std(drawn)
        assert abs(float(found.energy) - np.mean(drawn)) < 6 * spread + 1e-4


def test_float64_and_elements_of_a_file(tmp_path):
    path = fairchem_checkpoint(tmp_path / "their.pt")
    single, double = (load(file_card(str(path)), "cpu", dtype) for dtype in ("float32", "float64"))
    assert file_card(str(path)).executes_code
    assert double.info.elements == frozenset(range(1, 9)) and double.info.dtype == "float64"
    near, exact = compute(single, molecules()), compute(double, molecules())
    torch.testing.assert_close(near.energy, exact.energy, rtol=0, atol=1e-4)
    torch.testing.assert_close(near.forces.double(), exact.forces, rtol=1e-3, atol=1e-3)


def test_number_of_gaussians(model):
    assert model.backbone.distance_expansion.num_output == 64
    theirs = {key: value for key, value in their_model().items() if key != "name"}
    assert HydraModel(**theirs).backbone.distance_expansion.num_output == 600  # whatever its configuration says


@pytest.mark.parametrize("content", [b"", b"no model", b"PK\x03\x04 cut off"], ids=["empty", "text", "cut"])
def test_damaged_files(content, tmp_path):
    path = tmp_path / "bad.pt"
    path.write_bytes(content)
    with pytest.raises(BadInputError, match=r"bad\.pt is not a checkpoint of fairchem-core 1\.x") as caught:
        load(file_card(str(path)), "cpu", "float64")
    assert "\n" not in str(caught.value)


def test_foreign_objects_and_names(tmp_path):
    torch.save({"weights": 1}, tmp_path / "other.pt")
    with pytest.raises(BadInputError, match="it has no config and state_dict"):
        load(file_card(str(tmp_path / "other.pt")), "cpu", "float64")
    with pytest.raises(BadInputError, match="energy and forces are needed"):
        load(file_card(str(fairchem_checkpoint(tmp_path / "energy.pt", heads=("energy",)))), "cpu", "float64")
    unknown = {**their_model(), "backbone": {"model": "gemnet_oc_backbone"}}
    path = fairchem_checkpoint(tmp_path / "gemnet.pt")
    state = torch.load(path, weights_only=True)
    torch.save({**state, "config": {**state["config"], "model": unknown}}, path)
    with pytest.raises(BadInputError, match=r"gemnet\.pt holds a model 'gemnet_oc_backbone'"):
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
