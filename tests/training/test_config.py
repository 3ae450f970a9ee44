"""A training run from a file."""

import json

import pytest

from bsct_zoo.errors import BadInputError
from bsct_zoo.training.config import config_bytes, near_option, read_config

TOML = """
data = ["frames", "more.extxyz"]
out = "run"
budget = "30m"
seed = 3

[model]
width = 32
hidden = [8, 16]
directions = true

[training]
lr = 1e-3
"""


def write(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_options_and_settings_are_told_apart_and_tables_only_group(tmp_path):
    found = read_config(write(tmp_path, "run.toml", TOML))
    assert dict(found.options) == {
        "data": [str(tmp_path / "frames"), str(tmp_path / "more.extxyz")],
        "out": str(tmp_path / "run"),
        "budget": "30m",
        "seed": 3,
    }
    assert dict(found.settings) == {"width": 32, "hidden": "8,16", "directions": True, "lr": 1e-3}


def test_json_and_yaml_say_the_same(tmp_path):
    facts = {"data": "frames", "budget": 60, "model": {"width": 32}, "batch-atoms": 64}
    of_json = read_config(write(tmp_path, "run.json", json.dumps(facts)))
    assert of_json.settings == {"width": 32, "batch_atoms": 64} and of_json.options["budget"] == 60
    pytest.importorskip("yaml")
    text = "data: frames\nbudget: 60\nmodel:\n  width: 32\nbatch-atoms: 64\n"
    assert read_config(write(tmp_path, "run.yaml", text)) == of_json


def test_what_is_left_beside_a_checkpoint_is_read_again(tmp_path):
    options = {"data": ["../frames"], "out": ".", "budget": "10", "seed": 1}
    path = tmp_path / "small.config.json"
    path.write_bytes(config_bytes("transformer", options, {"width": 8, "bsct": "core"}))
    found = read_config(path)
    assert found.settings == {"width": 8, "bsct": "core"}
    assert found.options == {**options, "data": [str(tmp_path / "../frames")], "out": str(tmp_path)}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("run.toml", "width = ", "is not valid TOML"),
        ("run.json", "{", "is not valid JSON"),
        ("run.json", "[1]", "must hold keys and values"),
        ("run.ini", "width = 1", "must end in .toml, .json or .yaml"),
        ("run.toml", "seed = 1.5", "seed = 1.5 must be a whole number"),
        ("run.toml", "seed = true", "seed = True must be a whole number"),
        ("run.toml", "out = 3", "out = 3 must be text"),
        ("run.toml", "data = [1]", "data must be the name"),
        ("run.toml", "width = 1\n[model]\nwidth = 2", "'width' appears twice"),
        ("run.toml", "batch-atoms = 1\nbatch_atoms = 2", "appears twice"),
        ("run.toml", "[model]\nwidth = {a = 1}", "'width' must be a number"),
        ("run.toml", "when = 2020-01-01", "'when' must be a number"),
    ],
)
def test_what_is_no_configuration(tmp_path, name, text, said):
    with pytest.raises(BadInputError, match=said.replace("(", r"\(")):
        read_config(write(tmp_path, name, text))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(BadInputError, match="cannot read"):
        read_config(tmp_path / "run.toml")


def test_options_that_may_have_been_meant():
    assert near_option("budgte") == "budget" and near_option("thread") == "threads"
    assert near_option("width") is None
