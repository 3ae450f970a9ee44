"""An ASE calculator behind the bridge keeps what every adapter promises."""

from dataclasses import replace

from bsct_zoo_ase import register_adapters
from bsct_zoo_ase.files import file_card

from bsct_zoo.testing import conformance

(ADAPTER,) = register_adapters()

test_conformance = conformance(replace(ADAPTER, cards=(file_card("ase.calculators.emt.EMT"),)))
