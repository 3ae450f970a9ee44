"""Every line that the page quotes is one that the code still says."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text()
QUOTED = [line.split("`")[1] for line in PAGE.splitlines() if line.startswith("| `")]
QUOTED += [line.split("`")[1] for line in PAGE.split("## When it is our fault")[1].splitlines() if line.startswith("`")]


def texts():
    """Every text of the code, with … for what is put in."""
    for path in [*(ROOT / "bsct_zoo").rglob("*.py"), *(ROOT / "adapters").rglob("bsct_zoo_*/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                yield "".join(one.value if isinstance(one, ast.Constant) else "…" for one in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


@pytest.fixture(scope="module")
def said():
    return [text for text in dict.fromkeys(texts()) if len(text) > 8]


def is_said(line, said):
    """Whether a text of the code begins ``line``; what is put in may be anything, and a tail may be put in, too."""
    pattern = re.compile(".*?".join(map(re.escape, line.split("…"))) + r".*", re.S)
    return any(pattern.fullmatch(text) for text in said)


def test_a_line_that_nobody_says_is_found(said):
    assert not is_said("the model does not like …", said)
    assert not is_said("no answer in … s, stoped", said)


def test_there_are_many():
    assert len(QUOTED) > 35


@pytest.mark.parametrize("line", QUOTED)
def test_the_code_says_it(line, said):
    assert is_said(line, said)
