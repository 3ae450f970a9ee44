"""Commands and Python of the pages, each with what its page says of why it is not run."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
_MARK = re.compile(r"<!-- ((?:not run: |run by |output: ).*?) -->", re.S)
_PAGE_MARK = re.compile(r"<!-- (run by \S+), all of this page -->")
_INLINE = re.compile(r"`(bsct-zoo [^`]*)`")


@dataclass(frozen=True)
class Said:
    """Something that a reader could copy.

    Attributes:
        page: where.
        text: the command, or the Python.
        mark: what the page says right before it: why it is not run, or by what it is; empty if nothing.
        prose: it stands in a sentence, as a name more than as a command.
    """

    page: str
    text: str
    mark: str = ""
    prose: bool = False


def commands():
    """Every command of every page, those in tables and sentences too."""
    return [said for page in PAGES for kind, said in _said(page) if kind == "command"]


def python():
    """Every block of Python."""
    return [said for page in PAGES for kind, said in _said(page) if kind == "python"]


def words(text):
    """Commands of a line: words of each, without comments; what stands for "and so on" is left out."""
    text = text.removeprefix("$ ").replace("…", " ")
    found, command = [], []
    for word in shlex.split(text, comments=True):
        if word in ("&&", "|", ";", ">"):
            found.append(command)
            command = []
        elif word != "...":
            command.append(word.removesuffix("..."))
    return [one[1:] for one in [*found, command] if one[:1] == ["bsct-zoo"]]


def _said(page):
    """Kind and what was said, block by block: a mark holds for the block that follows it, or for the page."""
    name, text = str(page.relative_to(ROOT)), page.read_text()
    whole = _PAGE_MARK.search(text)
    always = whole[1] if whole else ""
    mark = always
    for block in _blocks(text):
        if found := _MARK.fullmatch(block.strip()):
            mark = " ".join(found[1].split())
            continue
        if block.startswith("```python"):
            yield "python", Said(name, block.partition("\n")[2].removesuffix("```"), mark)
        elif block.startswith(("```", "    ")):
            for line in _joined(block):
                if "bsct-zoo " in line and not block.startswith(("```text", "```toml", "```yaml", "```json")):
                    yield "command", Said(name, line.strip(), mark)
        else:
            for inline in _INLINE.findall(" ".join(block.split("\n"))):
                prose = not block.startswith("|") or len(inline.split()) == 2  # a name alone
                yield "command", Said(name, inline.replace("\\|", "|"), mark, prose)
        if block.strip() and not block.startswith("<!--"):
            mark = always


def _joined(block):
    return block.replace("\\\n", " ").splitlines()


def _blocks(text):
    """Fences, comments, indented code, tables, paragraphs."""
    lines, block, fence = text.splitlines(), [], False
    for line in lines:
        if line.lstrip().startswith("```"):
            if not fence:
                yield "\n".join(block)
                block = []
            block.append(line.lstrip())
            if fence:
                yield "\n".join(block)
                block = []
            fence = not fence
        elif fence:
            block.append(line)
        elif not line.strip():
            yield "\n".join(block)
            block = []
        else:
            block.append(line)
    yield "\n".join(block)
