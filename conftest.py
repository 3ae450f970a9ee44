"""For every test below: threads that wait do not spin, and what a faulty model leaves behind is cleared away."""

import os
import sys
from collections.abc import Iterator

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
