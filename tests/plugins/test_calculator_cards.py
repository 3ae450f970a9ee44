"""Cards of calculators: one parser, one clear line for what is wrong."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bsct_zoo.errors import BadInputError
from bsct_zoo.plugins.calculator_cards import FETCHER, adapters_of
from bsct_zoo.plugins.cards import ModelCard
from bsct_zoo.plugins.registry import registry

LJ = """
[argon]
calculator = "ase.calculators.lj.LennardJones"
arguments = { sigma = 3.4, epsilon = 0.0104, rc = 12.0 }
level_of_theory = "LJ"
elements = ["Ar"]
"""


def cards(tmp_path, text):
    file = tmp_path / "models.toml"
    file.write_text(text)
    return adapters_of(file)


def test_a_card_of_six_lines(tmp_path):
    (adapter,) = cards(
        tmp_path,
        """
[so3lr-card]
calculator = "so3krates_torch.calculator.so3.SO3LRCalculator"
arguments = { r_max_lr = 1000.0 }
requirements = ["so3krates-torch==0.2.1"]
level_of_theory = "PBE0+MBD"
elements = ["H", "C", "N", "O", "F", "P", "S", "Cl"]
states = [[0, 1], [-1, 1]]
""",
    )
    (card,) = adapter.cards
    assert (adapter.name, card.name, card.level_of_theory) == ("so3lr-card", "so3lr-card", "PBE0+MBD")
    assert adapter.environment.requirements == ("so3krates-torch==0.2.1",)
    assert card.calculator.arguments == {"r_max_lr": 1000.0}
    assert card.states == ((0, 1), (-1, 1))
    assert ModelCard.from_json(card.to_json()) == card


def test_variants_share_a_family_and_join_arguments(tmp_path):
    (adapter,) = cards(
        tmp_path,
        """
[shelf]
calculator = "package.make"
requirements = ["package"]
arguments = { stress = true, size = "small" }
licence = "MIT"
[shelf.cards.small]
[shelf.cards.large]
arguments = { size = "large" }
licence = "ASL"
url = "https://example.org/shelf"
""",
    )
    small, large = adapter.cards
    assert small.calculator.arguments == {"stress": True, "size": "small"}
    assert large.calculator.arguments == {"stress": True, "size": "large"}
    assert (small.licence, large.licence) == ("MIT", "ASL")
    assert adapter.fetcher == FETCHER and large.executes_code and not small.executes_code


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("calculator = 'a.B'", "is not a table"),
        ("[x]\ncalculater = 'a.B'", "'calculater'; did you mean calculator"),
        ("[x]\ntitle = 'X'", "has no calculator"),
        ("[x]\ncalculator = 'B'", "must be an import path"),
        ("[x]\ncalculator = 'a.B'\nrequirements = 'a'", "requirements must be a list of requirements"),
        ("[x]\ncalculator = 'a.B'\nrequirements = ['a=1']", "requirements must be a list of requirements"),
        ("[x]\ncalculator = 'a.B'\npython = 'three'", "python must be a Python version"),
        ("[x]\ncalculator = 'a.B'\nelements = ['Xx']", "elements must be chemical symbols"),
        ("[x]\ncalculator = 'a.B'\nstates = [[0, 0]]", "states must be pairs of a total charge and a multiplicity"),
        ("[x]\ncalculator = 'a.B'\nstates = [0, 1]", "states must be pairs of a total charge and a multiplicity"),
        ("[x]\ncalculator = 'a.B'\narguments = 3", "arguments must be a table"),
        ("[x]\ncalculator = 'a.B'\n[x.cards]\ny = 3", "[x.cards.y]"),
        ("[x]\ncalculator = 'a.B'\n[x.cards.y]\npython = '>=3.12'", "'python'"),
        ("[x\n", "is not TOML"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path, text, message):
    with pytest.raises(BadInputError) as caught:
        cards(tmp_path, text)
    assert message in str(caught.value) and "models.toml" in str(caught.value)
    assert "\n" not in str(caught.value).replace("\\n", "")


def run(tmp_path, *arguments, **environ):
    environment = os.environ | {"BSCT_ZOO_CONFIG": str(tmp_path), "COLUMNS": "200"} | environ
    command = [sys.executable, "-m", "bsct_zoo", *arguments]
    return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)


def test_a_users_own_file_and_another_by_option(tmp_path):
    (tmp_path / "models.toml").write_text(LJ)
    (tmp_path / "more.toml").write_text(LJ.replace("[argon]", "[argon2]"))
    done = run(tmp_path, "models", "show", "argon")
    assert done.returncode == 0 and "LJ" in done.stdout, done.stderr
    assert run(tmp_path, "models", "show", "argon2").returncode == 2
    done = run(tmp_path, "models", "show", "argon2", "--models", "more.toml")
    assert done.returncode == 0, done.stderr


def test_a_bad_file_by_option_ends_the_run_and_a_bad_card_of_ones_own_costs_itself(tmp_path):
    (tmp_path / "bad.toml").write_text("[x]\ncalculater = 'a.B'\n")
    done = run(tmp_path, "models", "--models", "bad.toml")
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "did you mean calculator" in done.stderr
    assert run(tmp_path, "models", "--models", "none.toml").returncode == 2
    assert run(tmp_path, "models", "--models").returncode == 2
    (tmp_path / "models.toml").write_text(LJ + "[x]\ncalculater = 'a.B'\n")
    done = run(tmp_path, "models", "show", "argon")
    assert done.returncode == 0 and "calculater" in done.stderr and "Traceback" not in done.stderr


def test_a_name_that_is_taken_is_left_out(tmp_path):
    (tmp_path / "models.toml").write_text(LJ.replace("[argon]", "[mace]"))
    done = run(tmp_path, "models", "show", "mace")
    assert done.returncode == 0 and "is taken" in done.stderr and "LJ" not in done.stdout


def test_every_shipped_card_states_what_users_ask_for():
    folder = Path(__file__).parents[2] / "adapters" / "published" / "bsct_zoo_published"
    names = [adapter.name for file in sorted(folder.glob("*.toml")) for adapter in adapters_of(file)]
    assert len(set(names)) == len(names) and set(names) <= registry().adapters.keys()
    for name in names:
        adapter = registry().adapter(name)
        assert adapter.environment.requirements
        for card in adapter.cards:
            assert card.level_of_theory and card.licence and card.notes.get("licence of the code"), card.name
            assert card.notes.get("charge") and card.notes.get("training data"), card.name


def test_a_card_is_removed_and_the_rest_stays_as_it_was_typed(tmp_path):
    file = tmp_path / "models.toml"
    other = LJ.replace("[argon]", "[argon2]  # kept") + "\n[argon2.cards.stiff]\narguments = { epsilon = 0.02 }\n"
    file.write_text("# mine\n" + LJ + "\n[argon.cards.soft]\narguments = { epsilon = 0.005 }\n\n" + other)
    assert run(tmp_path, "models", "show", "argon:soft").returncode == 0
    done = run(tmp_path, "models", "remove", "argon")
    assert done.returncode == 0, done.stderr
    assert file.read_text() == "# mine\n" + other
    again = run(tmp_path, "models", "remove", "argon")
    assert again.returncode == 2 and "did you mean argon2" in again.stderr and again.stderr.count("\n") == 1


def test_a_card_that_does_not_stand_alone_is_left_to_a_person(tmp_path):
    (tmp_path / "models.toml").write_text('argon = { calculator = "ase.calculators.lj.LennardJones" }\n')
    done = run(tmp_path, "models", "remove", "argon")
    assert done.returncode == 2 and "take it out by hand" in done.stderr
    assert "argon" in (tmp_path / "models.toml").read_text()
