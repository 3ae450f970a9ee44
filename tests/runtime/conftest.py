import sys
from pathlib import Path

import pytest

PLUGINS = Path(__file__).parent / "plugins"
sys.path.insert(0, str(PLUGINS))


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory):
    """One cache for the session, so that environments are made once."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BSCT_ZOO_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def built(cache):
    """The environment of the toy that wants six, really made."""
    from bsct_zoo_toy import adapter

    from bsct_zoo.errors import EnvironmentBuildError
    from bsct_zoo.runtime import environment

    try:
        return environment.build(adapter("six==1.16.0"))
    except EnvironmentBuildError as error:
        if "no network" in str(error):
            pytest.skip(str(error))
        raise


@pytest.fixture
def ethanol():
    """Frames of ethanol, each a little different."""
    import numpy as np
    from ase.build import molecule

    from bsct_zoo.atoms.batch import AtomsBatch

    def frames(n):
        generator = np.random.default_rng(0)
        systems = []
        for _ in range(n):
            atoms = molecule("CH3CH2OH")
            atoms.positions += generator.normal(0, 0.02, atoms.positions.shape)
            systems.append(atoms)
        return AtomsBatch.from_atoms(systems)

    return frames
