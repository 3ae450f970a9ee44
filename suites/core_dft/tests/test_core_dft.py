"""The suite at a level of density functional theory as it is shipped."""

import csv
from pathlib import Path

import numpy as np
import pytest

from bsct_zoo.suites.building.validate import validate
from bsct_zoo.suites.frames import frames_of
from bsct_zoo.suites.suite_file import read_suite

HERE = Path(__file__).parents[1]
TYPES = ["C-Br", "C-C", "C-Cl", "C-F", "C-I", "C-N", "C-O", "C-P", "C-S", "N-N", "N-O", "N-P", "O-P", "S-S"]
# Å, by microwave spectroscopy.
LENGTHS = {
    "C-F/cyanogen-fluoride-1-2": 1.262,
    "C-F/formyl-fluoride-1-2": 1.338,
    "C-Cl/cyanogen-chloride-1-2": 1.631,
    "C-Cl/formyl-chloride-1-2": 1.760,
    "C-Br/cyanogen-bromide-1-2": 1.790,
    "C-I/cyanogen-iodide-1-2": 1.995,
    "C-C/acetonitrile-0-1": 1.458,
    "C-C/ethylidynephosphine-0-1": 1.465,
    "C-N/methanimine-0-1": 1.273,
    "C-N/thioformamide-1-0": 1.358,
    "N-O/nitrous-acid-1-2": 1.39,  # cis
    "S-S/disulfane-0-1": 2.055,
}


@pytest.fixture(scope="module")
def suite():
    return read_suite(HERE / "bsct_zoo_core_dft" / "core-dft.npz")


def test_two_scans_of_each_type_small_and_whole(suite):
    assert suite.level_of_theory == "ωB97M-D3(BJ)/def2-tzvp"
    assert [scan.group for scan in suite.scans] == [kind for kind in TYPES for _ in range(2)]
    assert all(scan.n_frames == 40 and scan.n_atoms <= 7 and scan.referenced.all() for scan in suite.scans)


def test_its_one_fault_is_flagged(suite):
    """Where N-N of nitrosamide is torn, at 1.9 times its length, its closed-shell state is another one."""
    assert [(found.scan, found.kind) for found in validate(suite)] == [("N-N/nitrosamide-0-1", "jump")]
    assert [scan.id for scan in suite.scans if scan.notes.get("flags")] == ["N-N/nitrosamide-0-1"]


def test_stability_of_every_frame_is_known(suite):
    """Near each minimum the reference's state is stable; where another closed shell is lower is said in the README."""
    rows = list(csv.DictReader((HERE / "stability.csv").read_text(encoding="utf-8").splitlines()))
    places = {(row["scan"], int(row["frame"])): row for row in rows}
    assert list(places) == [(scan.id, frame) for scan in suite.scans for frame in range(scan.n_frames)]
    for scan in suite.scans:
        lowest = int(np.argmin(scan.energy))
        for frame in range(lowest - 3, lowest + 4):
            assert places[scan.id, frame]["externally_stable"] == "1"
    other = [place for place, row in places.items() if row["internally_stable"] == "0"]
    assert other == [
        ("C-N/thioformamide-1-0", 39),
        *(("N-N/nitrosamide-0-1", frame) for frame in range(36, 40)),
        ("N-P/methylideneaminophosphine-1-2", 0),
    ]


@pytest.mark.parametrize("name", LENGTHS)
def test_bonds_have_the_lengths_that_are_measured(suite, name):
    """At the minimum of each scan, to a frame."""
    scan = suite[name]
    at_minimum = scan.coordinate[int(np.argmin(scan.energy))]
    assert at_minimum == pytest.approx(LENGTHS[name], abs=scan.coordinate[1] - scan.coordinate[0])


def test_no_molecule_was_trained_on(suite):
    chem = pytest.importorskip("rdkit.Chem")
    lines = [line for path in HERE.parents[1].glob("training/*.smi") for line in path.read_text().splitlines()]
    trained = {chem.CanonSmiles(line.split()[0]) for line in lines if line.strip() and not line.startswith("#")}
    assert not trained & {scan.notes["smiles"] for scan in suite.scans}


@pytest.mark.slow
def test_its_reference_is_made_again(suite):
    from bsct_zoo.models.naming import parse_model
    from bsct_zoo.runtime.load import load_potential

    spec = parse_model(suite.made_by["reference"])
    scan = suite["C-F/cyanogen-fluoride-1-2"]
    with load_potential(
        spec.adapter, spec.card, device="cpu", dtype="float64", options=dict(spec.options)
    ) as reference:
        found = reference.compute(frames_of(scan)[16])
    assert found.energy.item() == pytest.approx(scan.energy[16], abs=1e-6)
    assert np.abs(found.forces.numpy() - scan.forces[16]).max() < 1e-4
