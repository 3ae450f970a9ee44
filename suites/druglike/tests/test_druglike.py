"""The suite druglike as it is shipped: sizes, types, its reference, and that nobody was trained on its molecules."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from ase import units

from bsct_zoo.suites.geometry import bond_scan
from bsct_zoo.suites.library import open_suite

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def suite():
    return open_suite("druglike")


def test_molecules_are_large_and_all_types_are_there(suite):
    assert {scan.group for scan in suite.scans} == {scan.group for scan in open_suite("core").scans}
    assert set(Counter(scan.group for scan in suite.scans).values()) == {4}
    assert all(20 <= scan.n_atoms <= 50 and scan.n_frames == 100 for scan in suite.scans)
    assert all(scan.referenced.all() for scan in suite.scans)


def test_molecules_are_in_no_other_list_of_ours(suite):
    chem = pytest.importorskip("rdkit.Chem")
    others = [*ROOT.glob("training/*.smi"), *ROOT.glob("suites/*/molecules.smi")]
    others.remove(ROOT / "suites" / "druglike" / "molecules.smi")
    lines = [line for path in others for line in path.read_text().splitlines() if line and line[0] != "#"]
    known = {chem.CanonSmiles(line.split()[0]) for line in lines}
    assert len(known) > 600
    assert not known & {chem.CanonSmiles(scan.notes["smiles"]) for scan in suite.scans}


def test_frames_are_bond_scans(suite):
    for scan in suite.scans:
        coordinate, frames = bond_scan(scan.positions[30], scan.atomic_numbers, *scan.indices, scan.labels, 100)
        np.testing.assert_allclose(scan.coordinate, coordinate, atol=1e-7, err_msg=scan.id)
        np.testing.assert_allclose(scan.positions, frames, atol=1e-7, err_msg=scan.id)


def test_reference_is_gfn2_at_the_stated_settings(suite):
    interface = pytest.importorskip("tblite.interface")
    for scan in suite.scans[::14]:
        for k in (25, 60):
            calc = interface.Calculator("GFN2-xTB", scan.atomic_numbers, scan.positions[k] / units.Bohr)
            calc.set("verbosity", 0)
            calc.set("temperature", 3000 * units.kB / units.Hartree)
            calc.set("accuracy", 0.1)
            result = calc.singlepoint()
            assert result.get("energy") * units.Hartree == pytest.approx(scan.energy[k], abs=1e-5)
            gradient = np.asarray(result.get("gradient")) * units.Hartree / units.Bohr
            np.testing.assert_allclose(-gradient, scan.forces[k], atol=1e-4)
