import os
import sys
from pathlib import Path

import pytest
from ase import Atoms
from ase.build import molecule
from ase.io import write

PLUGINS = Path(__file__).parent / "plugins"
sys.path.insert(0, str(PLUGINS))


@pytest.fixture(scope="session", autouse=True)
def calculators():
    """The calculators of these tests can be imported in workers too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(PLUGINS), os.environ.get("PYTHONPATH", "")])))
        yield


@pytest.fixture
def ethanol_file(tmp_path):
    """Ethanol and dimethyl ether in one file."""
    path = tmp_path / "two.xyz"
    write(path, [molecule("CH3CH2OH"), molecule("CH3OCH3")])
    return path


@pytest.fixture
def pair_file(tmp_path):
    """Two carbons and a hydrogen on each."""
    path = tmp_path / "pair.xyz"
    write(path, Atoms("CCHH", [[0, 0, 0], [1.3, 0, 0], [-0.6, 0.9, 0], [1.9, 0.9, 0]]))
    return path
