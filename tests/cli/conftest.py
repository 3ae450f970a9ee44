import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bsct_zoo.scans.scan import Scan
from bsct_zoo.scans.suite import Suite
from bsct_zoo.scans.suite_file import write_suite

PLUGINS = Path(__file__).parent / "plugins"


@pytest.fixture
def run(tmp_path):
    """Run the command line in a process of its own; its cache and data are kept in the test's folder."""

    def run(*arguments, stdin=subprocess.DEVNULL, preexec_fn=None, **variables):
        path = os.pathsep.join([str(PLUGINS), os.environ.get("PYTHONPATH", "")])
        environment = {
            **os.environ,
            "BSCT_ZOO_CACHE": str(tmp_path / "cache"),
            "BSCT_ZOO_DATA": str(tmp_path / "data"),
            "PYTHONPATH": path,
            "COLUMNS": "80",
            "OMP_NUM_THREADS": "1",
            **variables,
        }
        return subprocess.run(
            [sys.executable, "-m", "bsct_zoo", *map(str, arguments)],
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=300,
            stdin=stdin,
            env=environment,
            preexec_fn=preexec_fn,
        )

    return run


@pytest.fixture
def refused(run):
    """Run a command that must be refused: exit code 2, one line, nothing on standard output; gives the line."""

    def refused(*arguments, **settings):
        done = run(*arguments, **settings)
        assert done.returncode == 2, (done.stdout, done.stderr)
        assert done.stdout == ""
        lines = done.stderr.strip().splitlines()
        assert len(lines) == 1, done.stderr
        assert lines[0].startswith("error: ")
        assert "Traceback" not in done.stderr
        return lines[0]

    return refused


def pair(name, symbols, n_frames=5, group="H-H"):
    """A scan of two atoms in a harmonic well, as a reference."""
    numbers = {"H": 1, "Ar": 18, "He": 2}
    length = np.linspace(0.6, 1.2, n_frames)
    positions = np.zeros((n_frames, 2, 3))
    positions[:, 1, 0] = length
    forces = np.zeros_like(positions)
    forces[:, 1, 0] = -30 * (length - 0.8)
    forces[:, 0, 0] = -forces[:, 1, 0]
    return Scan(
        id=f"{group}/{name}",
        kind="bond",
        group=group,
        atomic_numbers=np.array([numbers[s] for s in symbols]),
        coordinate=length,
        positions=positions,
        energy=15 * (length - 0.8) ** 2,
        forces=forces,
        indices=(0, 1),
    )


@pytest.fixture
def suite(tmp_path):
    """A file of three small scans, one of which has helium, which the spring below does not know."""
    path = tmp_path / "small.npz"
    scans = (pair("a", ("H", "H")), pair("b", ("H", "H"), 6), pair("c", ("He", "He"), group="He-He"))
    write_suite(path, Suite("small", "for tests", "a spring", "CC0-1.0", "", scans))
    return path
