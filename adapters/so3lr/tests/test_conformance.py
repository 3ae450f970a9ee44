"""SO3LR keeps what every adapter promises."""

import pytest
from bsct_zoo_so3lr import register_adapters

from bsct_zoo.runtime.requirements import unmet
from bsct_zoo.testing import conformance

(ADAPTER,) = register_adapters()
if unmet(ADAPTER.environment):
    pytest.skip("needs so3lr", allow_module_level=True)

test_conformance = conformance(ADAPTER)
