import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """A folder of frames that a model can learn in seconds."""
    import springs

    return springs.write(tmp_path_factory.mktemp("springs"))
