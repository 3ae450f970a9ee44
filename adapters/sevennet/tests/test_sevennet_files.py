"""SevenNet as a user names it: what needs no package of its own."""

import pytest

from bsct_zoo.errors import BadInputError, UnknownNameError, UntrustedFileError
from bsct_zoo.models.naming import parse_model


def test_names():
    assert parse_model("sevennet").card.name == "0"
    assert parse_model("7net:l3i5").card.title.startswith("SevenNet-l3i5")
    assert parse_model("sevennet:mf-0").card.level_of_theory.startswith("r2SCAN")
    assert parse_model("sevennet:mf-0-pbe").card.level_of_theory.startswith("PBE")
    assert "Yb" not in parse_model("sevennet:mf-0").card.elements
    with pytest.raises(UnknownNameError, match="did you mean"):
        parse_model("sevennet:mf0")


def test_files(tmp_path):
    path = tmp_path / "mine.pth"
    path.write_bytes(b"a pickle, perhaps")
    with pytest.raises(UntrustedFileError, match="--trust"):
        parse_model(f"sevennet:{path}")
    spec = parse_model(f"sevennet:{path}@modal=PBE,level_of_theory=PBE", trust=True)
    assert spec.options == {"modal": "PBE", "level_of_theory": "PBE", "accelerate": ""}
    with pytest.raises(BadInputError, match="there is no file"):
        parse_model("sevennet:absent.pth", trust=True)
    with pytest.raises(BadInputError, match="not a checkpoint of SevenNet"):
        parse_model(f"sevennet:{tmp_path}/model.zip", trust=True)
