"""Real models keep what every adapter promises."""

from bsct_zoo.testing import conformance

test_transformer = conformance("transformer")
test_emt = conformance("ase:ase.calculators.emt.EMT")
