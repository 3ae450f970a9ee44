"""Every published metric against an independent computation, on every scan at hand."""

import importlib.util
import tarfile
from pathlib import Path

import numpy as np
import pytest

from bsct_zoo.evaluation.scoring import score_scan
from bsct_zoo.plugins.registry import registry
from bsct_zoo.suites.library import open_suite

_spec = importlib.util.spec_from_file_location("independent", Path(__file__).with_name("independent.py"))
independent = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(independent)


def rough_model(scan, seed):
    """The reference with smooth and rough errors, so that every term of every metric is at work."""
    random = np.random.default_rng(seed)
    wave = np.sin(3 * scan.coordinate + random.uniform(0, 6))[:, None, None]
    forces = np.nan_to_num(scan.forces) * random.uniform(0.8, 1.2) + random.normal(0, 2, scan.forces.shape) + wave
    return np.nan_to_num(scan.energy) + 3.0 + random.normal(0, 0.5, scan.n_frames), forces


def agree(scan, seed):
    energy, forces = rough_model(scan, seed)
    found = score_scan(scan, energy, forces)
    for name, value in independent.published(scan, energy, forces).items():
        assert found[name] == (None if value is None else pytest.approx(value, rel=1e-9, abs=1e-9)), (scan.id, name)


def test_core():
    for seed, scan in enumerate(open_suite("core").scans):
        agree(scan, seed)


def test_bsct_spice(shared_archive):
    from bsct_zoo.plugins.cards import import_path

    suite = import_path(registry().suite("bsct-spice").importer)(shared_archive, "bsct-spice", None)
    with tarfile.open(shared_archive) as archive:
        there = {"/".join(name.split("/")[2:4]) for name in archive.getnames() if name.endswith("/partition.npz")}
    assert {scan.id for scan in suite.scans} == there
    for seed, scan in enumerate(suite.scans):
        agree(scan, seed)
