"""For every test: waiting threads do not spin, torch's defaults are restored, shared data is found in one place."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# So that two test runs at once do not crawl.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@pytest.fixture(autouse=True)
def torch_as_it_was() -> Iterator[None]:
    """Faults are planted that change torch's defaults for the whole process."""
    yield
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_default_dtype(torch.float32)
        torch.set_grad_enabled(True)


@pytest.fixture(scope="session")
def own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A cache and a data folder for this test session; environments are built once for all tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BSCT_ZOO_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("BSCT_ZOO_DATA", str(tmp_path_factory.mktemp("data")))
        yield


@pytest.fixture(scope="session")
def shared_archive() -> Path:
    """An archive of BSCT-SPICE scans, which are not ours to ship."""
    beside = Path(__file__).parents[1] / "shared" / "data"
    archive = Path(os.environ.get("BSCT_ZOO_SHARED_DATA", beside)) / "bsct_spice_dev.tar.gz"
    if not archive.exists():
        pytest.skip(f"no BSCT-SPICE archive at {archive}; set BSCT_ZOO_SHARED_DATA to its folder")
    return archive
