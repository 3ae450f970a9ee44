"""Cards and the hub, which need nothing of fairchem-core."""

from importlib.util import find_spec

import pytest
from bsct_zoo_fairchem.files import file_card
from bsct_zoo_fairchem.pretrained import hosted, pretrained

from bsct_zoo.errors import BadInputError
from bsct_zoo.models.naming import named_model


def test_the_default_is_our_own_small_one():
    card = named_model("fairchem").card
    assert card.name == "untrained-escaip" and not card.executes_code and card.checkpoint
    assert "random weights" in card.title and "untrained" in card.level_of_theory


def test_models_of_the_hub_say_where_they_are_and_how_to_get_them():
    card = named_model("fairchem:uma-s-1p1@task=omol").card
    assert card.executes_code and card.checkpoint is None and card.sha256 is None
    assert card.url == "https://huggingface.co/facebook/UMA/resolve/main/checkpoints/uma-s-1p1.pt"
    assert "HF_TOKEN" in card.source


@pytest.mark.skipif(find_spec("fairchem") is None, reason="needs fairchem-core 2")
def test_they_are_those_of_fairchem_core():
    from fairchem.core.calculate.pretrained_mlip import _MODEL_CKPTS

    ours = {card.name: hosted(card.name) for card in pretrained()}
    assert ours.keys() == _MODEL_CKPTS.checkpoints.keys()
    for name, said in _MODEL_CKPTS.checkpoints.items():
        place = ours[name]
        assert (place.repository, place.path) == (said.repo_id, f"{said.subfolder}/{said.filename}")
        refs = said.atom_refs
        assert place.references == ("" if refs is None else f"{refs['subfolder']}/{refs['filename']}")


def test_bad_paths(tmp_path):
    with pytest.raises(BadInputError, match="there is no file"):
        file_card(str(tmp_path / "absent.pt"))
    with pytest.raises(BadInputError, match=r"neither a \.pt file of fairchem-core 2"):
        file_card(str(tmp_path / "some.txt"))
    with pytest.raises(BadInputError, match=r"is a folder; name the inference checkpoint"):
        file_card(str(tmp_path))
