"""A calculator that nobody here knows becomes a model in one command, in an environment of its own."""

import os
import subprocess
import sys
import tomllib

import pytest

PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "spring-potential"
version = "1.2"
dependencies = ["ase"]
[tool.hatch.build.targets.wheel]
packages = ["spring_potential"]
"""
CODE = """
import numpy as np
from ase.calculators.calculator import Calculator, all_changes


class Spring(Calculator):
    implemented_properties = ["energy", "forces"]
    default_parameters = {"charge": 0}

    def __init__(self, stiffness=1.0, wrong=1.0):
        super().__init__()
        self.stiffness, self.wrong = stiffness, wrong

    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        if self.stiffness <= 0:
            raise ValueError("stiffness must be positive")
        vectors = self.atoms.positions[:, None] - self.atoms.positions[None]
        lengths = np.linalg.norm(vectors, axis=2) + np.eye(len(self.atoms))
        energy = self.stiffness * ((lengths - 1) ** 2).sum() / 4 + 0.5 * self.parameters.charge
        forces = -self.stiffness * ((lengths - 1) / lengths)[:, :, None] * vectors
        self.results = {"energy": energy, "forces": self.wrong * forces.sum(1)}
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    folder = tmp_path_factory.mktemp("spring")
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "spring_potential").mkdir()
    (folder / "spring_potential" / "__init__.py").write_text(CODE)
    return folder


@pytest.fixture
def run(tmp_path):
    def run(*arguments):
        environment = os.environ | {"BSCT_ZOO_CONFIG": str(tmp_path / "config"), "COLUMNS": "200"}
        command = [sys.executable, "-m", "bsct_zoo", *map(str, arguments)]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    run.file = tmp_path / "config" / "models.toml"
    return run


def test_a_package_that_was_just_written(package, run):
    spring = ("--calculator", "spring_potential.Spring", "--requires", package, "--set", "stiffness=2.0")
    done = run("models", "add", "spring", *spring, "--level-of-theory", "springs", "--licence", "MIT")
    assert done.returncode == 0, done.stderr
    assert "minus the gradient of the energy" in done.stdout and "charge and spin: used" in done.stdout
    table = tomllib.loads(run.file.read_text())["spring"]
    assert table["arguments"] == {"stiffness": 2.0} and "conservative" not in table
    done = run("compare", "spring", "--limit", "2", "--quiet")
    assert done.returncode == 0 and "springs" in done.stdout and "2/2" in done.stdout, done.stdout + done.stderr
    done = run("check", "spring", "--only", "forces,shapes", "--quiet")
    assert done.returncode == 0, done.stdout + done.stderr
    # Again under the same name, which is taken now.
    done = run("models", "add", "spring", *spring)
    assert done.returncode == 2 and "is taken" in done.stderr
    # Forces that are not the gradient are found out.
    done = run("models", "add", "odd", *spring, "--set", "wrong=1.5", "--quiet")
    assert done.returncode == 0 and "not the gradient" in done.stdout, done.stderr
    assert tomllib.loads(run.file.read_text())["odd"]["conservative"] is False
    assert "spring" in tomllib.loads(run.file.read_text())
    # What does not fit is one line, and nothing is written.
    for bad, why in [
        (("--set", "stiffness=-1"), "stiffness must be positive"),
        (("--set", "length=1"), "refuses its arguments"),
        (("--elements", "Xx"), "elements must be chemical symbols"),
        (("--python", "three"), "python must be a Python version"),
    ]:
        done = run("models", "add", "bad", *spring, *bad, "--quiet")
        lines = done.stderr.strip().splitlines()
        assert done.returncode == 2 and len(lines) == 1 and why in lines[0], done.stderr
    assert set(tomllib.loads(run.file.read_text())) == {"spring", "odd"}


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--calculator", "Spring"), "must be an import path"),
        (("--calculator", "a.B", "--requires", "./nowhere"), "there is no such folder"),
        (("--calculator", "a.B", "--requires", "a=1"), "requirements must be"),
        (("--calculator", "a.B", "--set", "x"), "has no value"),
        (("--calculator", "no_such_package_here.B"), "cannot import"),
    ],
)
def test_bad_input_is_one_line(run, arguments, why):
    done = run("models", "add", "new", *arguments)
    lines = [line for line in done.stderr.strip().splitlines() if line.startswith("error")]
    assert done.returncode == 2 and len(lines) == 1 and why in lines[0], done.stderr
    assert not run.file.exists()


@pytest.mark.slow
def test_a_package_of_the_index(run):
    diep = ("--calculator", "diep.pretrained.make_calculator", "--requires", "diep==2.0.0", "--licence", "BSD-3-Clause")
    done = run("models", "add", "my-diep", *diep)
    assert done.returncode == 0 and "float32" in done.stdout, done.stderr
    assert "charge and spin: ignored" in done.stdout
    done = run("compare", "my-diep", "--limit", "1", "--quiet")
    assert done.returncode == 0 and "1/1" in done.stdout, done.stdout + done.stderr
