"""CHGNet as a user names it: what needs no package of its own."""

import pytest

from bsct_zoo.errors import BadInputError, UnknownNameError, UntrustedFileError
from bsct_zoo.models.naming import parse_model


def test_names():
    assert parse_model("chgnet").card.name == "0.3.0"
    assert parse_model("chgnet:0.2.0").card.level_of_theory.startswith("PBE")
    assert parse_model("chgnet:r2scan").card.level_of_theory.startswith("r2SCAN")
    assert "Yb" not in parse_model("chgnet:r2scan").card.elements
    with pytest.raises(UnknownNameError, match="did you mean r2scan"):
        parse_model("chgnet:r2scn")


def test_files(tmp_path):
    path = tmp_path / "mine.pth.tar"
    path.write_bytes(b"a pickle, perhaps")
    with pytest.raises(UntrustedFileError, match="--trust"):
        parse_model(f"chgnet:{path}")
    assert parse_model(f"chgnet:{path}@level_of_theory=PBE", trust=True).options == {"level_of_theory": "PBE"}
    with pytest.raises(BadInputError, match="there is no file"):
        parse_model("chgnet:absent.pth.tar", trust=True)
    with pytest.raises(BadInputError, match="not a checkpoint of CHGNet"):
        parse_model(f"chgnet:{tmp_path}/model.zip", trust=True)
