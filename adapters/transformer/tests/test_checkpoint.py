import json

import numpy as np
import pytest
import torch
from ase.build import molecule
from bsct_zoo_transformer import register_adapters
from bsct_zoo_transformer.checkpoint import load, save
from bsct_zoo_transformer.config import PAPER, TransformerConfig
from bsct_zoo_transformer.files import file_card
from bsct_zoo_transformer.loader import load as load_card
from bsct_zoo_transformer.model import EdgeTransformer

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import BadInputError, UnknownElementError
from bsct_zoo.kept import read_json
from bsct_zoo.plugins.checks import NVE, CheckSettings
from bsct_zoo.training.making.displacements import random_rotation

CONFIG = TransformerConfig(elements=(1, 6, 8), reference_energies=(-1.0, -2.0, -3.0), width=16, blocks=2)
CARD = {"name": "mine", "title": "mine", "level_of_theory": "none", "licence": "MIT", "source": "me", "elements": ["H"]}


@pytest.fixture
def path(tmp_path):
    torch.manual_seed(0)
    file = tmp_path / "mine.safetensors"
    save(file, EdgeTransformer(CONFIG), CARD)
    return file


def test_round_trip(path):
    torch.manual_seed(0)
    batch = AtomsBatch.from_atoms(molecule("CH3CH2OH"), dtype=torch.float32)
    expected = EdgeTransformer(CONFIG)(batch)
    assert torch.equal(load(path)(batch), expected)
    card = file_card(str(path))
    assert card.name == "mine" and not card.executes_code
    assert load_card(card, "cpu", "float64").info.elements == {1, 6, 8}
    assert path.stat().st_mode & 0o777 == 0o644  # others may use what was trained


def test_damage_is_one_line(path):
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(BadInputError, match="damaged"):
        load(path)


def test_another_files_weights(path):
    with pytest.raises(BadInputError, match="sha256 differs"):
        load(path, "0" * 64)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 9}, "version 9"),
        ({"version": 1}, "version 1"),
        ({"format": "other"}, "does not describe"),
        ({"config": {"nonsense": 1}}, "not fit"),
    ],
)
def test_foreign_json(path, change, message):
    beside = path.with_suffix(".json")
    beside.write_text(json.dumps(read_json(beside) | change))
    with pytest.raises(BadInputError, match=message):
        load(path)


def test_weights_that_do_not_fit(path):
    beside = path.with_suffix(".json")
    facts = read_json(beside)
    facts["config"]["width"] = 32
    beside.write_text(json.dumps(facts))
    with pytest.raises(BadInputError, match=r"does not fit mine\.json"):
        load(path)


@pytest.mark.parametrize("name", ["nothing.safetensors", "model.pt"])
def test_missing_or_foreign_file(tmp_path, name):
    with pytest.raises(BadInputError):
        file_card(str(tmp_path / name))


@pytest.fixture(scope="module")
def shipped():
    (adapter,) = register_adapters()
    return adapter, adapter.cards[0]


def test_card_of_the_shipped_checkpoint(shipped):
    _, card = shipped
    assert card.notes["test"]["all"]["forces_mae_mev_A"] > 0
    assert len(card.elements) == 10


@pytest.mark.parametrize("name", ["small", "paper"])
def test_shipped_checkpoint_does_not_explode(shipped, name):
    """1 ps of ethanol at 300 K in the microcanonical ensemble, three seeds."""
    adapter, _ = shipped
    (card,) = (card for card in adapter.cards if card.name == name)
    surface = adapter.load(card, "cpu", "float64")
    runs = NVE.run(surface, [molecule("CH3CH2OH")] * 3, CheckSettings(temperature=300, time_ps=1.0, dt_fs=0.5))
    for run in runs:
        assert run.status == "ok"
        assert abs(run.values["drift"]) < 2.0  # meV/atom/ps; the fluctuation of velocity Verlet alone allows 0.5
        assert 50 < run.values["temperature"] < 900


def test_shipped_checkpoint_refuses_what_it_does_not_know(shipped):
    adapter, card = shipped
    with pytest.raises(UnknownElementError, match="Si"):
        adapter.load(card, "cpu", "float32").compute(AtomsBatch.from_atoms(molecule("SiH4")))


def test_shipped_checkpoint_keeps_the_energy_of_a_turned_molecule(shipped):
    adapter, card = shipped
    surface = adapter.load(card, "cpu", "float64")
    atoms = molecule("CH3CH2OH")
    turned = atoms.copy()
    turned.rotate(67, (1, 2, 3))
    energies = surface.compute(AtomsBatch.from_atoms([atoms, turned])).energy.numpy()
    assert np.ptp(energies) < 1e-8


@pytest.fixture(scope="module")
def paper(shipped):
    adapter, _ = shipped
    (card,) = (card for card in adapter.cards if card.name == "paper")
    return card, adapter.load(card, "cpu", "float64")


def test_the_papers_card_has_the_papers_design(paper):
    card, surface = paper
    config = surface.model.config
    assert {name: getattr(config, name) for name in PAPER} == PAPER
    assert (config.graph, config.attention, config.forces) == ("soft_knn", "cosine", "gradient")
    assert surface.info.conservative and not surface.info.equivariant
    assert card.notes["settings"]["rotate"] is True


def test_the_papers_card_says_how_well_it_learned_rotation(paper):
    """Eight molecules, four times turned: as far off as the card says of the test frames, within a factor of three."""
    card, surface = paper
    random, errors = np.random.default_rng(0), []
    for name in ("CH3CH2OH", "C6H6", "CH3CHO", "CH3SH", "CH3NO2", "CH3CONH2", "C4H4O", "CH3CH2Cl"):
        atoms = molecule(name)
        atoms.rattle(0.05, seed=0)
        forces = surface.compute(AtomsBatch.from_atoms(atoms)).forces.numpy()
        for _ in range(4):
            turn, turned = random_rotation(random), atoms.copy()
            turned.positions = atoms.positions @ turn.T
            errors.append(
                np.abs(surface.compute(AtomsBatch.from_atoms(turned)).forces.numpy() - forces @ turn.T).mean()
            )
    stated = card.notes["rotation"]["forces_mae_mev_A"]
    assert stated / 3 < 1e3 * np.mean(errors) < 3 * stated
