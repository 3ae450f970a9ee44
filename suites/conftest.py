"""For the tests of the suites that are shipped."""

import pytest


@pytest.fixture(scope="session", autouse=True)
def folders(own_folders: None) -> None:
    """No test touches the user's own cache and data."""
