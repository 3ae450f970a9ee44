import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def folders(tmp_path_factory):
    """Nothing of the tests touches the user's own cache and data; environments are made once for all of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BSCT_ZOO_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("BSCT_ZOO_DATA", str(tmp_path_factory.mktemp("data")))
        yield


@pytest.fixture(scope="session")
def shared_archive():
    """The BSCT-SPICE scans at hand, which are not ours to ship."""
    beside = Path(__file__).parents[2] / "shared" / "data"
    folder = Path(os.environ.get("BSCT_ZOO_SHARED_DATA", beside))
    archive = folder / "bsct_spice_dev.tar.gz"
    if not archive.exists():
        pytest.skip(f"no BSCT-SPICE archive at {archive}; set BSCT_ZOO_SHARED_DATA to its folder")
    return archive
