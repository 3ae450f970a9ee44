"""The core suite as it is shipped: its layout, its geometry and its reference."""

import json
from pathlib import Path

import numpy as np
import pytest
from ase import units
from ase.data import chemical_symbols

from bsct_zoo.suites.geometry import bond_scan

ROOT = Path(__file__).parents[3]
GROUPS = ["C-C", "C-N", "C-O", "C-S", "C-P", "N-N", "N-O", "N-P", "O-P", "C-F", "C-Cl", "C-Br", "C-I", "S-S"]


@pytest.fixture(scope="module")
def suite():
    """The manifest, and a list of the arrays of each scan."""
    with np.load(ROOT / "suites" / "core" / "bsct_zoo_core" / "core.npz", allow_pickle=False) as file:
        arrays = dict(file)
    manifest = json.loads(arrays.pop("manifest").tobytes())
    scans, atom, frame, row = [], 0, 0, 0
    for facts in manifest["scans"]:
        n, m = facts["n_atoms"], facts["n_frames"]
        first, *steps = arrays["position_steps"][row : row + n * m].reshape(m, n, 3)  # 1e-8 Å, see suites/steps.py
        scans.append(
            {
                **facts,
                "numbers": arrays["atomic_numbers"][atom : atom + n],
                "coordinate": arrays["coordinate"][frame : frame + m],
                "energy": arrays["energy"][frame : frame + m],
                "positions": np.cumsum([first, *np.cumsum(steps, axis=0)], axis=0) / 1e8,
                "forces": arrays["forces"][row : row + n * m].reshape(m, n, 3),
            }
        )
        atom, frame, row = atom + n, frame + m, row + n * m
    assert len(arrays["atomic_numbers"]) == atom
    assert len(arrays["coordinate"]) == len(arrays["energy"]) == frame
    assert arrays["position_steps"].shape == arrays["forces"].shape == (row, 3)
    return manifest, scans


def test_manifest(suite):
    manifest, scans = suite
    assert (manifest["format"], manifest["version"], manifest["name"]) == ("bsct-zoo-suite", 3, "core")
    assert manifest["level_of_theory"] == "GFN2-xTB (Te=3000 K)"
    assert manifest["licence"] == "MIT"
    assert {group: sum(scan["group"] == group for scan in scans) for group in GROUPS} == dict.fromkeys(GROUPS, 4)
    assert len({scan["id"] for scan in scans}) == len({scan["notes"]["smiles"] for scan in scans}) == len(scans) == 56


def test_frames_are_bond_scans(suite):
    for scan in suite[1]:
        i, j = scan["indices"]
        assert sorted(chemical_symbols[z] for z in scan["numbers"][[i, j]]) == sorted(scan["group"].split("-"))
        coordinate, frames = bond_scan(scan["positions"][30], scan["numbers"], i, j, scan["labels"], scan["n_frames"])
        np.testing.assert_allclose(scan["coordinate"], coordinate, atol=1e-7, err_msg=scan["id"])
        np.testing.assert_allclose(scan["positions"], frames, atol=1e-7, err_msg=scan["id"])


def test_energies_and_forces_go_together(suite):
    for scan in suite[1]:
        assert np.isfinite(scan["energy"]).all()
        assert np.isfinite(scan["forces"]).all()
        np.testing.assert_allclose(scan["forces"].sum(1), 0, atol=1e-5, err_msg=scan["id"])
        forces, step = scan["forces"], np.diff(scan["positions"], axis=0)
        work = -(0.5 * (forces[1:] + forces[:-1]) * step).sum((1, 2))
        stretched = int(scan["energy"].argmin())
        assert 10 < stretched < 60
        # a switch between two self-consistent states would show here as a step of the energy
        np.testing.assert_allclose(np.diff(scan["energy"])[stretched:], work[stretched:], atol=5e-4, err_msg=scan["id"])
        assert (np.diff(scan["energy"])[:stretched] < 0).all()


def test_molecules_are_not_trained_on(suite):
    chem = pytest.importorskip("rdkit.Chem")
    lines = [line for path in ROOT.glob("training/*.smi") for line in path.read_text().splitlines()]
    trained = {chem.CanonSmiles(line.split()[0]) for line in lines if line and not line.startswith("#")}
    assert len(trained) > 500
    for scan in suite[1]:
        assert chem.CanonSmiles(scan["notes"]["smiles"]) == scan["notes"]["smiles"]
        assert scan["notes"]["smiles"] not in trained


def test_reference_is_gfn2_at_the_stated_settings(suite):
    interface = pytest.importorskip("tblite.interface")
    manifest, scans = suite
    assert manifest["made_by"]["reference"] == "xtb@electronic_temperature=3000,accuracy=0.1"
    for scan in scans[::7]:
        for k in (20, 50, 99):
            calc = interface.Calculator("GFN2-xTB", scan["numbers"], scan["positions"][k] / units.Bohr)
            calc.set("verbosity", 0)
            calc.set("temperature", 3000 * units.kB / units.Hartree)
            calc.set("accuracy", 0.1)
            result = calc.singlepoint()
            assert result.get("energy") * units.Hartree == pytest.approx(scan["energy"][k], abs=1e-5)
            gradient = np.asarray(result.get("gradient")) * units.Hartree / units.Bohr
            np.testing.assert_allclose(-gradient, scan["forces"][k], atol=1e-4)
