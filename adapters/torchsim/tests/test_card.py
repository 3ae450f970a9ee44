"""Naming a TorchSim model, which needs nothing of TorchSim."""

import pytest
from bsct_zoo_torchsim.files import file_card

from bsct_zoo.errors import BadInputError
from bsct_zoo.models.naming import parse_model


def test_import_paths():
    spec = parse_model("torchsim:torch_sim.models.lennard_jones.LennardJonesModel@sigma=3.4,epsilon=0.0104")
    assert spec.options["sigma"] == 3.4 and spec.options["charges"] is False
    assert not spec.card.executes_code and spec.card.checkpoint is None
    # What nobody knows the version of is not kept; of TorchSim itself the environment knows it.
    assert file_card("my_package.Model").packages == ("my_package",) and spec.card.packages == ()


@pytest.mark.parametrize("path", ["Model", "a b.Model", "./model.py", "package.module.", "1a.Model"])
def test_what_is_no_import_path(path):
    with pytest.raises(BadInputError, match=r"not an import path; write torchsim:package\.module\.Class"):
        file_card(path)


def test_a_model_must_be_named():
    with pytest.raises(BadInputError, match="name one"):
        parse_model("torchsim")
