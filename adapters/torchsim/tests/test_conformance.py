"""A TorchSim model behind the batched interface keeps what every adapter promises."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from bsct_zoo_torchsim import register_adapters
from bsct_zoo_torchsim.files import file_card

from bsct_zoo.runtime.requirements import unmet
from bsct_zoo.testing import conformance

(ADAPTER,) = register_adapters()
if unmet(ADAPTER.environment):
    pytest.skip("needs torch-sim-atomistic", allow_module_level=True)


@pytest.fixture(autouse=True)
def _our_model_can_be_imported(monkeypatch):
    """Here, and in the worker that one of the properties starts."""
    here = str(Path(__file__).parent)
    monkeypatch.syspath_prepend(here)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([here, os.environ.get("PYTHONPATH", "")]))


COPPER = tuple(replace(option, default="Cu") if option.name == "elements" else option for option in ADAPTER.options)

test_conformance = conformance(replace(ADAPTER, cards=(file_card("pairwise.copper"),), options=COPPER))
