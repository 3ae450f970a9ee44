"""eSCAIP keeps what every adapter promises."""

import pytest
from bsct_zoo_fairchem import register_adapters

from bsct_zoo.runtime.requirements import unmet
from bsct_zoo.testing import conformance

(ADAPTER,) = register_adapters()
if unmet(ADAPTER.environment):
    pytest.skip("needs fairchem-core 2", allow_module_level=True)

STEP = "averages over neighbours count every neighbour in full, without the envelope (README)"
test_conformance = conformance(ADAPTER, known_faults={"cutoff": STEP})
