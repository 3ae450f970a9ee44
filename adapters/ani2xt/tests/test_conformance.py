"""ANI-2xt keeps what every adapter promises."""

import pytest
from bsct_zoo_ani2xt import register_adapters

from bsct_zoo.runtime.requirements import unmet
from bsct_zoo.testing import conformance

(ADAPTER,) = register_adapters()
if unmet(ADAPTER.environment):
    pytest.skip("needs ani2xt", allow_module_level=True)

test_conformance = conformance(ADAPTER)
