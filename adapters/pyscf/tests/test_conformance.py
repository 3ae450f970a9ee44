"""PySCF keeps what every adapter promises, at the cheapest level there is."""

from dataclasses import replace

import pytest
from bsct_zoo_pyscf import register_adapters
from bsct_zoo_pyscf.files import file_card

from bsct_zoo.runtime.requirements import unmet
from bsct_zoo.testing import conformance

(ADAPTER,) = register_adapters()
if unmet(ADAPTER.environment):
    pytest.skip("needs pyscf", allow_module_level=True)

test_conformance = conformance(replace(ADAPTER, cards=(file_card("hf/sto-3g"),)))
