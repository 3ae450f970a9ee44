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


def _archive() -> Path:
    beside = Path(__file__).parents[1] / "shared" / "data"
    return Path(os.environ.get("BSCT_ZOO_SHARED_DATA", beside)) / "bsct_spice_dev.tar.gz"


@pytest.fixture(scope="session")
def shared_archive() -> Path:
    """An archive of BSCT-SPICE scans in the folder ``BSCT_ZOO_SHARED_DATA``; it is not ours to ship."""
    return _archive()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests on the real BSCT-SPICE run where its archive is; a fresh clone has the same tests on made scans."""
    if _archive().exists():
        return
    needing = [item for item in items if "shared_archive" in getattr(item, "fixturenames", ())]
    if needing:
        items[:] = [item for item in items if item not in needing]
        config.hook.pytest_deselected(items=needing)
