"""Batched in a worker, a model says on scans what its package's own ASE calculator says frame by frame.

Takes every adapter that names its package's ``calculator``; each runs in its own environment.
"""

from dataclasses import replace

import numpy as np
import pytest

from bsct_zoo.evaluation.scoring import score_scan
from bsct_zoo.plugins.cards import import_path
from bsct_zoo.plugins.registry import registry
from bsct_zoo.potentials.batching import Batcher
from bsct_zoo.runtime.load import load_potential
from bsct_zoo.suites.frames import frames_of
from bsct_zoo.suites.library import open_suite

REL = {"float64": 1e-8, "float32": 1e-5}
FLOAT32_ALONE = {"sevennet", "chgnet"}  # their packages' calculators know nothing else
# Where the package's own float32 is worse than that: angles near 180° have few digits there, and fractional
# coordinates lose some. On a scan of acetonitrile its forces are off from float64 by 1e-4 of the largest; ours, with
# angles in float64, by 1e-6. In float64 both agree to 1e-8 (adapters/chgnet/tests).
OWN_ROUNDING = {"chgnet": 5e-4}
# EquiformerV2's calculator draws at random, that of fairchem-core cannot run the eSCAIP that we ship: the tests of
# these adapters hold them against their packages in other ways.
LEFT_OUT = {"equiformer", "fairchem"}


def own_calculator(adapter):
    """The adapter, loading its package's ASE calculator; None if it has none."""
    return None if adapter.calculator is None else replace(adapter, loader=adapter.calculator)


PAIRS = {
    name: (adapter, own)
    for name, adapter in registry().adapters.items()
    if name not in LEFT_OUT and (own := own_calculator(adapter)) is not None
}


def test_those_that_must_be_there():
    assert {"ani2xt", "chgnet", "mace", "nep89", "nequip", "sevennet", "so3lr", "xtb"} <= PAIRS.keys()


@pytest.fixture(scope="module", params=PAIRS)
def both(request):
    """The model, its package's own calculator, and how near to each other they must be."""
    ours, own = PAIRS[request.param]
    card = ours.cards[0]
    settings = {"device": "cpu", "dtype": "float32" if request.param in FLOAT32_ALONE else "float64"}
    with load_potential(ours, card, **settings) as batched, load_potential(own, card, **settings) as one_by_one:
        assert batched.info.dtype == settings["dtype"]
        rel = REL[settings["dtype"]]
        yield batched, one_by_one, rel, OWN_ROUNDING.get(request.param, rel)


def predictions(potential, scan):
    found = Batcher(potential).compute(frames_of(scan))
    return found.energy.numpy(), found.forces.double().numpy().reshape(scan.n_frames, scan.n_atoms, 3)


def thinned(scan, every):
    """Every so-manieth frame of a scan."""
    chosen = slice(None, None, every)
    return replace(
        scan,
        coordinate=scan.coordinate[chosen],
        positions=scan.positions[chosen],
        energy=scan.energy[chosen],
        forces=scan.forces[chosen],
    )


def agree(both, scan):
    batched, one_by_one, rel, rel_forces = both
    energy, forces = predictions(batched, scan)
    own_energy, own_forces = predictions(one_by_one, scan)
    np.testing.assert_allclose(energy, own_energy, rtol=rel, atol=0)
    np.testing.assert_array_equal(np.isnan(forces), np.isnan(own_forces))  # xtb: what does not converge
    assert np.nanmax(np.abs(forces - own_forces)) < rel_forces * np.nanmax(np.abs(own_forces))
    found, expected = score_scan(scan, energy, forces), score_scan(scan, own_energy, own_forces)
    for name in ("fsd_full", "fsd_compress", "fsd_stretch", "forces_mae_full", "energy_mae_full"):
        assert found[name] == pytest.approx(expected[name], rel=10 * rel_forces, nan_ok=True), name


def test_core(both):
    smallest = sorted(open_suite("core").scans, key=lambda scan: scan.n_atoms)[:3]
    for scan in smallest:
        agree(both, thinned(scan, 10))


def test_bsct_spice(both, shared_archive):
    suite = import_path(registry().suite("bsct-spice").importer)(shared_archive, "bsct-spice", None)
    known = both[0].info.elements
    fit = [scan for scan in suite.scans if known is None or known.issuperset(scan.atomic_numbers.tolist())]
    neutral = [scan for scan in fit if scan.charge == 0]
    for scan in sorted(neutral, key=lambda scan: scan.n_atoms)[:3]:
        agree(both, thinned(scan, 8))
