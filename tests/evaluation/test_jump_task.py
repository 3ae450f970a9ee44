"""Steps between the frames of a suite, through the engine, with calculators whose steps are known."""

import numpy as np
import pytest
from ase.build import molecule

import bsct_zoo as bz
from bsct_zoo.evaluation.jump_task import JumpTask
from bsct_zoo.suites.crossings import crossing
from bsct_zoo.suites.frames import path_of
from bsct_zoo.suites.geometry import bond_scan
from bsct_zoo.suites.scan import Scan
from bsct_zoo.suites.suite import Suite

SIGMA, EPSILON, CUTOFF = 1.3, 0.02, 2.9
LENNARD_JONES = f"ase:ase.calculators.lj.LennardJones@sigma={SIGMA},epsilon={EPSILON},rc={CUTOFF}"


def scan(name, strained=False):
    atoms = molecule(name)
    first = atoms.positions[:2]
    labels = np.linalg.norm(atoms.positions[:, None] - first, axis=-1).argmin(axis=1)
    coordinate, positions = bond_scan(atoms.positions, atoms.numbers, 0, 1, labels, 40)
    cell = np.broadcast_to(np.eye(3) * 20, (40, 3, 3)) if strained else np.zeros((3, 3))
    return Scan(f"{name}{strained}", "bond", "C-C", atoms.numbers, coordinate, positions, indices=(0, 1), cell=cell)


@pytest.fixture(scope="module")
def suite():
    return Suite("few", "a pair and ethane", None, None, "", (scan("C2H2"), scan("C2H6"), scan("C2H6", True)))


def test_a_cut_off_is_found_named_and_as_high_as_it_is(suite):
    report = bz.compare([LENNARD_JONES], suite, tasks=[JumpTask(suite)], use_store=False)
    (row,) = report.results.rows
    found = row.evaluations["jumps"]
    assert [record.status for record in found.records] == ["ok", "ok"]  # the strained scan is left out
    acetylene = next(record for record in found.records if record.id == "C2H2False")
    # ASE shifts the energy so that it ends at zero: the force alone steps, by the slope of the pair potential there.
    x = (SIGMA / CUTOFF) ** 6
    slope = abs(24 * EPSILON * (2 * x**2 - x) / CUTOFF)
    steps = {float(quantity.name.removesuffix(" Å")): quantity for quantity in acetylene.quantities}
    assert {quantity.kind for quantity in acetylene.quantities} == {"force step"}
    # Carbon to carbon, each carbon to the other's hydrogen at one place, both hydrogens; all on one line.
    frames = suite.scans[0]
    first = frames.positions[0]
    places = [frames.coordinate[0] + CUTOFF - np.linalg.norm(first[i] - first[j]) for i, j in ((0, 1), (0, 2), (2, 3))]
    expected = sorted(place for place in places if frames.coordinate[0] < place < frames.coordinate[-1])
    assert sorted(steps) == pytest.approx(expected, abs=2e-5)
    for place, step in steps.items():
        # two pairs step at once where a carbon meets the other's hydrogen, but on different atoms
        assert step.value == pytest.approx(slope, rel=0.02), place
        x = path_of(frames)(place)
        apart = np.linalg.norm(x[:, None] - x[None, :], axis=-1)
        of_a_pair = {int(atom) for atom in np.argwhere(np.abs(apart - CUTOFF) < 1e-4).ravel()}
        (on,) = [n for n, atom in enumerate(("C1", "C2", "H3", "H4")) if step.message.endswith(f"largest on {atom}")]
        assert on in of_a_pair and len(of_a_pair) in (2, 4)  # 4 where both carbons meet the other's hydrogen
    assert row.evaluations["jumps"].values["number"] == sum(len(record.quantities) for record in found.records)


def test_a_smooth_calculator_has_none(suite):
    report = bz.compare([f"{LENNARD_JONES},smooth=true,ro=1.9"], suite, tasks=[JumpTask(suite)], use_store=False)
    values = report.results.rows[0].evaluations["jumps"].values
    assert values == {"number": 0.0, "energy": 0.0, "force": 0.0}


def test_what_happens_at_a_place_is_said():
    numbers = np.array([6, 6, 1])
    x = np.array([[0.0, 0, 0], [2.0, 0, 0], [0, 2.0, 0]])
    pulled = np.array([[0.0, 0, 0], [1.0, 0, 0], [0, 0, 0]])
    assert crossing(numbers, x, pulled, 2.0) == "C1-C2 crosses the cut-off of 2 Å"
    assert crossing(numbers, x, pulled, None) == "C2 and H3 change places as neighbours of C1 (2.0000 Å)"
    assert crossing(numbers, x, np.zeros((3, 3)), 2.0) == ""
