from dataclasses import replace

import pytest

from bsct_zoo.errors import BadInputError, MissingWeightsError, UnknownNameError, UntrustedFileError
from bsct_zoo.models.naming import complete_models, named_model, parse_model
from bsct_zoo.plugins.registry import registry


def test_name_card_and_options():
    spec = parse_model("xtb:gfn1@electronic_temperature=3000,max_iterations=7")
    assert (spec.adapter.name, spec.card.name) == ("xtb", "gfn1")
    assert spec.options == {
        "electronic_temperature": 3000.0,
        "accuracy": 1.0,
        "max_iterations": 7,
        "fallback_scf": False,
    }


def test_an_option_may_be_given_by_its_former_name():
    assert parse_model("xtb@steady=yes").options == parse_model("xtb@fallback_scf=yes").options
    assert parse_model("xtb@steady=yes").options["fallback_scf"] is True


def test_alias_and_default_card():
    assert parse_model("tblite").card.name == "gfn2"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mase", "unknown model 'mase'; did you mean ase or mace"),
        ("xtb:gfn3", "unknown card of 'xtb' 'gfn3'; did you mean gfn"),
        ("xtb@temprature=3", "unknown option of 'xtb' 'temprature'"),
        ("xtb@accuracy=high", "accuracy must be a number, not 'high'"),
        ("xtb@accuracy", "has no value; write accuracy=VALUE"),
        ("mace:nothing.model", "there is no file nothing.model"),
        ("mace:what.txt", "neither a .model file"),
        ("transformer:nothing.safetensors", "there is no file"),
        ("ase", "has no default model; name one"),
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


def test_a_family_without_cards_says_how_to_get_one(monkeypatch):
    """As a third-party package may be that ships no weights."""
    adapters = registry().adapters
    for name in ("mace", "xtb"):
        monkeypatch.setitem(adapters, name, replace(adapters[name], cards=()))
    with pytest.raises(BadInputError, match=r"name one: mace:\.\.\., or make one: bsct-zoo train mace$"):
        named_model("mace")
    with pytest.raises(BadInputError, match=r"name one: xtb:\.\.\.$"):  # nothing to train
        named_model("xtb")


@pytest.mark.parametrize("text", ["fairchem:uma-s-1p1", "mace:off-small"])
def test_weights_of_a_hub_are_not_fetched_by_naming_them(text):
    with pytest.raises(
        MissingWeightsError, match=rf"not here \(.*licence .*get them with: bsct-zoo models fetch {text}$"
    ):
        parse_model(text)


def test_pickles_need_trust(tmp_path):
    path = tmp_path / "mine.model"
    path.write_bytes(b"anything")
    with pytest.raises(UntrustedFileError, match=r"can run code.*--trust"):
        parse_model(f"mace:{path}")
    assert parse_model(f"mace:{path}", trust=True).card.executes_code


def test_free_options_of_a_calculator():
    spec = parse_model("ase:ase.calculators.lj.LennardJones@sigma=3.4,smooth=true,level_of_theory=LJ")
    assert spec.options == {"level_of_theory": "LJ", "licence": "", "sigma": 3.4, "smooth": True}
    assert spec.card.packages == ("ase",)


def test_completion():
    assert "xtb:gfn1" in complete_models("xt")
    assert complete_models("nothing") == []
