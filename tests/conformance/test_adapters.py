"""A real model keeps what every adapter promises; the others are tried in the tests of their adapters."""

from bsct_zoo.testing import conformance

test_transformer = conformance("transformer")
