"""A user's own file in place of the weights that a package downloads: ``NAME:FILE``, ``NAME:CARD:FILE``."""

import sys
from pathlib import Path

import pytest

from bsct_zoo.errors import BadInputError, UntrustedFileError
from bsct_zoo.models.calculators.load import load
from bsct_zoo.models.naming import named_model
from bsct_zoo.models.trust import trusted
from bsct_zoo.plugins.calculator_cards import FILES_VARIABLE, adapters_of
from bsct_zoo.plugins.cards import ModelCard
from bsct_zoo.plugins.registry import registry
from bsct_zoo.runtime.checkpoints import require_trusted

# A package that takes a file, or a folder, or neither: then it looks where it keeps its downloads.
PACKAGE = """
from pathlib import Path

import settings_of_shelf
from ase.calculators.lj import LennardJones


def read(path=None):
    path = Path(path or Path.home() / ".cache/shelf/epsilon.txt")
    return float((path / "epsilon.txt" if path.is_dir() else path).read_text())


def make(epsilon, rc=10.0):
    assert settings_of_shelf.COMPILED is False
    return LennardJones(sigma=3.4, rc=rc, epsilon=epsilon)


def make_cached():
    return make(read())
"""
CARDS = """
[shelf]
calculator = "shelf_package.make"
arguments = { epsilon = { call = "shelf_package.read" }, rc = { float32 = 8.0, float64 = 12.0 } }
substitutes = { settings_of_shelf = { COMPILED = false } }
level_of_theory = "LJ"
licence = "ASL"
elements = ["Ar"]
[shelf.cards.small]
url = "https://example.org/small.txt"
[shelf.cards.large]
url = "https://example.org/large.txt"
level_of_theory = "a better LJ"
[shelf.file]
arguments = { epsilon = { arguments = { path = "{file}" } } }

[cupboard]
calculator = "shelf_package.make_cached"
substitutes = { settings_of_shelf = { COMPILED = false } }
elements = ["Ar"]
url = "https://example.org/epsilon.txt"
[cupboard.file]
place = "home/.cache/shelf/epsilon.txt"

[plain]
calculator = "ase.calculators.lj.LennardJones"
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with weights; the cards above are the user's."""
    (tmp_path / "shelf_package.py").write_text(PACKAGE)
    (tmp_path / "models.toml").write_text(CARDS)
    (tmp_path / "mine.txt").write_text("0.25")
    (tmp_path / "large.txt").write_text("0.5")
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "epsilon.txt").write_text("0.75")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv(FILES_VARIABLE, str(tmp_path / "models.toml"))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    for adapter in adapters_of(tmp_path / "models.toml"):  # in this process, and by the variable in others
        monkeypatch.setitem(registry().adapters, adapter.name, adapter)
    yield tmp_path
    for name in ("shelf_package", "settings_of_shelf"):
        sys.modules.pop(name, None)


def epsilon(name, dtype="float64"):
    """What the model ``name`` was made with."""
    card = trusted(name, named_model(name).card, trust=True)
    return load(ModelCard.from_json(card.to_json()), "cpu", dtype).calculator.parameters


@pytest.mark.parametrize(
    ("name", "expected", "theory"),
    [
        ("shelf:mine.txt", 0.25, "as given"),  # a name that no card knows: nothing is said of its training
        ("shelf:large:mine.txt", 0.25, "a better LJ"),
        ("shelf:large.txt", 0.5, "a better LJ"),  # named as at its address
        ("shelf:weights", 0.75, "as given"),  # a folder
        ("cupboard:mine.txt", 0.25, "as given"),  # put where its package looks
    ],
)
def test_a_file_takes_the_place_of_the_weights(folder, name, expected, theory):
    assert epsilon(name).epsilon == expected
    assert named_model(name).card.level_of_theory == theory


def test_a_table_by_precision(folder):
    assert epsilon("shelf:mine.txt", "float32").rc == 8.0
    assert epsilon("shelf:mine.txt", "float64").rc == 12.0


@pytest.mark.parametrize("file", ["mine.txt", "weights"])
def test_it_must_be_trusted_and_stay_what_it_was(folder, file):
    card = named_model(f"shelf:{file}").card
    with pytest.raises(UntrustedFileError, match="--trust"):
        trusted(f"shelf:{file}", card)
    with pytest.raises(UntrustedFileError, match="not trusted"):
        load(card, "cpu", "float64")
    card = trusted(f"shelf:{file}", card, trust=True)
    require_trusted(card)
    path = Path(card.checkpoint)
    (path / "epsilon.txt" if path.is_dir() else path).write_text("9.0")
    for use in (require_trusted, lambda one: load(one, "cpu", "float64")):
        with pytest.raises(BadInputError, match="is not the file that was trusted"):
            use(card)


def test_hashes_of_folders_see_names_and_contents(folder):
    def digest():
        return trusted("shelf:weights", named_model("shelf:weights").card, trust=True).sha256

    before = digest()
    (folder / "weights" / "epsilon.txt").rename(folder / "weights" / "other.txt")
    renamed = digest()
    (folder / "weights" / "epsilon.txt").write_text("0.75")
    assert len({before, renamed, digest()}) == 3


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("shelf:none.txt", r"there is no file none\.txt"),
        ("shelf:large:none.txt", r"there is no file none\.txt"),
        ("shelf:lage", "did you mean 'large'|large"),
        ("plain:mine.txt", "card of 'plain'"),
    ],
)
def test_what_is_no_file_is_one_line(folder, name, message):
    with pytest.raises(BadInputError, match=message) as error:
        named_model(name)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('place = "../weights.txt"', 'place must be a relative path without ".."'),
        ('place = "/weights.txt"', 'place must be a relative path without ".."'),
        ('licence = "MIT"', "licence"),  # of a card, not of how a file is read
    ],
)
def test_wrong_tables_of_files(tmp_path, line, message):
    file = tmp_path / "models.toml"
    file.write_text(f'[one]\ncalculator = "ase.calculators.lj.LennardJones"\n[one.file]\n{line}\n')
    with pytest.raises(BadInputError, match=message):
        adapters_of(file)
