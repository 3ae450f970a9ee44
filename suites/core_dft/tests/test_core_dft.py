"""The suite at a level of density functional theory as it is shipped."""

from pathlib import Path

import numpy as np
import pytest

from bsct_zoo.suites.building.validate import validate
from bsct_zoo.suites.frames import frames_of
from bsct_zoo.suites.suite_file import read_suite

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def suite():
    return read_suite(ROOT / "suites" / "core_dft" / "bsct_zoo_core_dft" / "core-dft.npz")


def test_it_is_small_whole_and_sound(suite):
    assert suite.level_of_theory == "ωB97M-D3(BJ)/def2-svp"
    assert [scan.group for scan in suite.scans] == ["C-N", "C-O", "N-O"]
    assert all(scan.n_frames == 25 and scan.n_atoms <= 5 and scan.referenced.all() for scan in suite.scans)
    assert validate(suite) == []


def test_bonds_have_the_lengths_that_are_measured(suite):
    """At the minimum of each scan: CH2NH 1.273 Å, HOCN 1.31 Å, trans-HONO 1.43 Å (microwave), to a frame."""
    for scan, length in zip(suite.scans, (1.273, 1.31, 1.43), strict=True):
        at_minimum = scan.coordinate[int(np.argmin(scan.energy))]
        assert at_minimum == pytest.approx(length, abs=scan.coordinate[1] - scan.coordinate[0])


def test_no_molecule_was_trained_on(suite):
    chem = pytest.importorskip("rdkit.Chem")
    lines = (ROOT / "training" / "molecules.smi").read_text().splitlines()
    trained = {chem.CanonSmiles(line.split()[0]) for line in lines if line.strip() and not line.startswith("#")}
    assert not trained & {scan.notes["smiles"] for scan in suite.scans}


@pytest.mark.slow
def test_its_reference_is_made_again(suite):
    from bsct_zoo.models.naming import parse_model
    from bsct_zoo.runtime.load import load_potential

    spec = parse_model(suite.made_by["reference"])
    scan = suite.scans[2]
    with load_potential(
        spec.adapter, spec.card, device="cpu", dtype="float64", options=dict(spec.options)
    ) as reference:
        found = reference.compute(frames_of(scan)[10])
    assert found.energy.item() == pytest.approx(scan.energy[10], abs=1e-6)
    assert np.abs(found.forces.numpy() - scan.forces[10]).max() < 1e-4
