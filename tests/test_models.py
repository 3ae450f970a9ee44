import pytest

from bsct_zoo.errors import BadInputError, UnknownNameError, UntrustedFileError
from bsct_zoo.models import complete_models, parse_model


def test_name_card_and_options():
    spec = parse_model("xtb:gfn1@electronic_temperature=3000,max_iterations=7")
    assert (spec.adapter.name, spec.card.name) == ("xtb", "gfn1")
    assert spec.options == {
        "electronic_temperature": 3000.0,
        "accuracy": 1.0,
        "max_iterations": 7,
        "steady": False,
    }


def test_alias_and_default_card():
    assert parse_model("tblite").card.name == "gfn2"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mase", "unknown model 'mase'; did you mean ase or mace"),
        ("xtb:gfn3", "unknown card of 'xtb' 'gfn3'; did you mean gfn"),
        ("xtb@temprature=3", "unknown option of 'xtb' 'temprature'"),
        ("xtb@accuracy=high", "accuracy=high of 'xtb' must be a number"),
        ("xtb@accuracy", "has no value; write accuracy=VALUE"),
        ("mace:nothing.model", "there is no file nothing.model"),
        ("mace:what.txt", "neither a .model file"),
        ("transformer:nothing.safetensors", "there is no file"),
        ("ase", "has no model of its own; name one"),
        ("ase:nosuchpackage.Thing", "no package 'nosuchpackage'"),
        ("ase:not a path", "is not an import path"),
    ],
)
def test_bad_names_are_explained(text, message):
    with pytest.raises(BadInputError) as caught:
        parse_model(text)
    assert message in str(caught.value)


def test_nearest_names():
    with pytest.raises(UnknownNameError, match="did you mean transformer"):
        parse_model("transfomer")


def test_pickles_need_trust(tmp_path):
    path = tmp_path / "mine.model"
    path.write_bytes(b"anything")
    with pytest.raises(UntrustedFileError, match=r"can execute code.*--trust"):
        parse_model(f"mace:{path}")
    assert parse_model(f"mace:{path}", trust=True).card.executes_code


def test_free_options_of_a_calculator():
    spec = parse_model("ase:ase.calculators.lj.LennardJones@sigma=3.4,smooth=true,level_of_theory=LJ")
    assert spec.options == {"level_of_theory": "LJ", "licence": "", "sigma": 3.4, "smooth": True}
    assert spec.card.packages == ("ase",)


def test_completion():
    assert "xtb:gfn1" in complete_models("xt")
    assert complete_models("nothing") == []
