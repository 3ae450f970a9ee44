"""Every command of docs/add-a-model.md, run in the order in which it stands there; its cards are read."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from bsct_zoo.plugins import calculator_cards

PAGE = Path(__file__).parents[2] / "docs" / "add-a-model.md"
_BLOCK = re.compile(r"(?:`(?P<file>\S+)`:\n\n)?```(?P<kind>\w+)\n(?P<text>.*?)```", re.S)


def blocks():
    return list(_BLOCK.finditer(PAGE.read_text()))


def write_files(folder):
    for block in blocks():
        if block["file"]:
            file = folder / block["file"]
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(block["text"])


def test_its_cards_are_cards_and_its_keys_are_all_keys(tmp_path):
    write_files(tmp_path)
    (adapter,) = calculator_cards.adapters_of(tmp_path / "lj.toml")
    assert adapter.cards[0].elements == ("Ar",)
    table = PAGE.read_text().split("| key | |")[1].split("\n\n")[0]
    named = set(re.findall(r"`(?:\[NAME\.)?(\w+)", " ".join(line.split("|")[1] for line in table.splitlines()[2:])))
    assert named == set(calculator_cards.KEYS)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_its_commands(tmp_path):
    write_files(tmp_path)
    environment = os.environ | {"BSCT_ZOO_CONFIG": str(tmp_path / "config"), "COLUMNS": "160"}
    printed = {}
    lines = [line for block in blocks() if block["kind"] == "sh" for line in block["text"].splitlines()]
    assert len(lines) >= 7
    for line in lines:
        name, *words = shlex.split(line)
        assert name == "bsct-zoo"
        command = [sys.executable, "-m", "bsct_zoo", *words]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
        printed[line] = done.stdout
    shown = next(block["text"] for block in blocks() if block["kind"] == "text").splitlines()
    found = printed[lines[0]].splitlines()
    assert found[0].split(" eV")[0][:-4] == shown[0].split(" eV")[0][:-4]  # float32: the last digits are the machine's
    assert found[2] == shown[2] and found[3].split(",")[0] == shown[3].split(",")[0]
    assert "2/2" in printed["bsct-zoo compare my-diep --limit 2"]
    assert "Lennard-Jones" in printed["bsct-zoo models show argon --models lj.toml"]
