"""Where no energy comes out, the calculator's own words stand in the record, whichever way they come."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.calculator import CalculationFailed
from ase.calculators.emt import EMT

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.atoms.sources import read_structures
from bsct_zoo.errors import ModelError, shortened
from bsct_zoo.evaluation.engine import evaluate
from bsct_zoo.evaluation.events import Faults
from bsct_zoo.evaluation.md_task import check_task
from bsct_zoo.evaluation.property_task import PropertyTask
from bsct_zoo.evaluation.scan_task import ScanTask
from bsct_zoo.evaluation.settings import Settings
from bsct_zoo.models.naming import ModelSpec, parse_model
from bsct_zoo.plugins.cards import Adapter, ModelCard
from bsct_zoo.plugins.checks import NVE
from bsct_zoo.plugins.tasks import Answer
from bsct_zoo.potentials.batching import Batcher
from bsct_zoo.potentials.bridges import CalculatorPotential
from bsct_zoo.potentials.isolation import IsolatedPotential
from bsct_zoo.potentials.potential import Potential, PotentialInfo, Prediction
from bsct_zoo.properties.crystals import measure_crystals
from bsct_zoo.properties.measured import PropertySettings
from bsct_zoo.properties.molecules import measure_molecules
from bsct_zoo.properties.systems import System
from bsct_zoo.report.tables import models_table
from bsct_zoo.runtime.guard import GuardedPotential, wrap_error
from bsct_zoo.runtime.load import load_potential
from bsct_zoo.suites.library import open_suite
from bsct_zoo.training.making.minimum import find_minimum

WORDS = "SCF not converged in 1 cycles"  # tblite's own
INFO = PotentialInfo(None, None, "float64", "cpu", True, "EMT", "MIT")


class Moody(EMT):
    """EMT that fails once two atoms are nearer or further from each other than some limit, in many words."""

    def __init__(self, limit: float, words: str, below: bool = True) -> None:
        super().__init__()
        self.limit, self.words, self.below = limit, words, below

    def calculate(self, atoms=None, *args, **kwargs):
        apart = atoms.get_all_distances(mic=bool(atoms.pbc.any()))[np.triu_indices(len(atoms), 1)]
        if len(apart) and (apart.min() < self.limit) == self.below:
            raise CalculationFailed(self.words)
        super().calculate(atoms, *args, **kwargs)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BSCT_ZOO_CACHE", str(tmp_path / "cache"))


def _record(task, model="xtb@max_iterations=1", **settings):
    results = evaluate([parse_model(model)], [task], Settings(**settings))
    return results.rows[0].evaluations[task.name].records[0]


@pytest.mark.parametrize("processes", [0, 1], ids=["here", "in a worker"])
def test_scans(processes):
    record = _record(ScanTask(open_suite("core").select(limit=1)), processes=processes)
    assert record.status == "failed" and record.message.endswith(
        "(frame 0): SCF not converged in 10 cycles"
    )  # of the fallback settings


def test_dynamics():
    values = {"time": 0.01, "dt": 0.5, "temperature": 300.0, "final_temperature": 300.0, "friction": 10.0}
    task = check_task(NVE, values | {"seeds": 1, "seed": 0, "relax": True, "dtype": "float64"}, ["H2O"])
    assert _record(task).message == f"failed at the start: {WORDS}"


def test_properties():
    task = PropertyTask([System("H2O", "molecule", molecule("H2O"), True)], PropertySettings(what=("relax",)))
    assert _record(task).message == f"relax: {WORDS}"


def test_answers_kept_without_reasons_are_asked_again():
    task = ScanTask(open_suite("core").select(limit=1))
    n = task.items[0].subject.n_frames
    nan, number = np.full(n, np.nan), np.zeros(n)
    assert not task.is_kept(task.items[0], Answer({"energy": nan}))
    assert task.is_kept(task.items[0], Answer({"energy": nan}, {"failures": {}}))
    assert task.is_kept(task.items[0], Answer({"energy": number}))


def test_a_worker_sends_reasons_by_system():
    spec = parse_model("xtb@max_iterations=1")
    batch = AtomsBatch.from_atoms([Atoms("H", info={"spin": 2}), molecule("H2O")])
    with load_potential(
        spec.adapter, spec.card, device="cpu", dtype="float64", options=spec.options, own_process=True
    ) as potential:
        assert potential.compute(batch).failures[1] == WORDS


def test_every_way_of_batching_keeps_reasons_with_their_systems():
    pairs = [Atoms("Cu2", [[0, 0, 0], [0, 0, d]]) for d in (2.5, 0.4, 2.6, 0.3)]
    systems = [AtomsBatch.from_atoms(atoms) for atoms in pairs]
    potential = GuardedPotential(CalculatorPotential(Moody(0.5, "too near"), INFO))
    wanted = {1: "too near", 3: "too near"}
    assert dict(potential.compute(AtomsBatch.join(systems)).failures) == wanted
    assert dict(Batcher(potential, limit=2).compute(systems).failures) == wanted
    for limit in (None, 2):
        alone = IsolatedPotential(potential, limit)
        assert dict(alone.compute(AtomsBatch.join(systems)).failures) == wanted == alone.failures


def test_numbers_that_are_none_are_a_reason_too():
    class Broken(Potential):
        info = INFO

        def compute(self, batch):
            forces = torch.zeros_like(batch.positions)
            forces[2] = torch.inf
            return Prediction(torch.tensor([torch.nan, 1.0, 2.0], dtype=torch.float64), forces)

    systems = [Atoms("Cu"), Atoms("Cu2", [[0, 0, 0], [0, 0, 2]]), Atoms("Cu")]
    found = GuardedPotential(Broken()).compute(AtomsBatch.from_atoms(systems))
    assert found.failures == {0: "the model's energy is nan", 1: "the model's forces are not finite"}


def test_reasons_of_systems_that_are_not_there_are_refused():
    class Broken(Potential):
        info = INFO

        def compute(self, batch):
            return Prediction(torch.zeros(1, dtype=torch.float64), torch.zeros(1, 3), failures={7: "what?"})

    with pytest.raises(ModelError, match="system 7 failed, of 1"):
        GuardedPotential(Broken()).compute(AtomsBatch.from_atoms([Atoms("Cu")]))


def test_a_relaxation_says_why_it_ended_on_its_way():
    far = System("Cu2", "molecule", Atoms("Cu2", [[0, 0, 0], [0, 0, 2.8]]), True)  # EMT's minimum is at 2.2 Å
    potential = CalculatorPotential(Moody(2.6, "the table of radii ends"), INFO)
    found = measure_molecules(potential, [far], PropertySettings(what=("relax",)), Batcher(potential))[0]
    assert found.problems["relax"].endswith("that the model has no answer for: the table of radii ends")


def test_displaced_structures_of_the_right_molecule_say_why():
    pair = Atoms("Cu2", [[0, 0, 0], [0, 0, 2.8]])
    good = CalculatorPotential(EMT(), INFO)
    systems = [System("Cu2", "molecule", pair, True), System("CuAg", "molecule", Atoms("CuAg", pair.positions), True)]
    wanted = PropertySettings(what=("relax", "frequencies"))
    rest = measure_molecules(good, systems, wanted, Batcher(good))
    length = [np.linalg.norm(one.arrays["positions"][1] - one.arrays["positions"][0]) for one in rest]
    assert length[0] < length[1]
    start = [
        replace(one, atoms=Atoms(one.atoms.numbers, x.arrays["positions"]))
        for one, x in zip(systems, rest, strict=True)
    ]
    picky = CalculatorPotential(Moody(length[0] - 0.005, "beyond the table"), INFO)
    found = measure_molecules(picky, start, wanted, Batcher(picky))
    assert found[0].problems == {"frequencies": "the model has no answer for a displaced structure: beyond the table"}
    assert not found[1].problems


def test_crystals_say_why():
    potential = CalculatorPotential(Moody(10.0, "no crystals today"), replace(INFO, cutoff=6.0))
    crystal = System("Cu", "crystal", bulk("Cu", cubic=True), True)
    found = measure_crystals(potential, [crystal], PropertySettings(what=("eos",)), Batcher(potential))[0]
    assert found.problems["eos"] == "no crystals today"


def test_a_minimum_says_why(tmp_path):
    potential = CalculatorPotential(Moody(2.6, "the table of radii ends"), INFO)
    Atoms("Cu2", [[0, 0, 0], [0, 0, 2.8]]).write(tmp_path / "pair.xyz")
    (pair,) = read_structures(tmp_path / "pair.xyz", 0).structures
    assert find_minimum(pair, potential).problem == "it does not relax with the reference: the table of radii ends"


def test_the_message_of_torchscript_ends_with_what_happened():
    text = "The following operation failed in the TorchScript interpreter.\nTraceback\n\nRuntimeError: no such element"
    assert str(wrap_error(RuntimeError(text))).endswith("RuntimeError: no such element")


def test_tables_shorten_and_debug_shows_the_whole():
    words = "in the field of the molecule the solver met " + "a very small number " * 40 + "and stopped"
    card = ModelCard("moody", "moody", "EMT", "MIT", "a test")
    adapter = Adapter("moody", "for tests", f"{__name__}:load_moody", (card,))
    spec = ModelSpec("moody", adapter, replace(card, notes={"words": words}), {})
    task = ScanTask(open_suite("core").select(limit=1))
    faults = Faults()
    results = evaluate([spec], [task], Settings(use_store=False), listen=faults)
    assert results.rows[0].evaluations["core"].records[0].message.endswith(words)
    notes = models_table(results, results.tasks[0], ["fsd_full"]).footnotes
    assert any("the solver met a very" in note for note in notes) and all(len(note) < 300 for note in notes)
    assert any(words in text for _, text in faults.logs)
    assert shortened(words).endswith("…") and len(shortened(words)) <= 160


def load_moody(card, device, dtype):
    return CalculatorPotential(Moody(10.0, card.notes["words"]), INFO)
