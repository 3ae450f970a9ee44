"""A hook of MkDocs: README is the first page, and links to files outside ``docs`` lead to copies in the site.

Pages are written to be read in a checkout, where ``../training/README.md`` is a file. The site takes every file that a
page links to along, under ``repository/``: Markdown as a page, anything else as it is.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"(\]\()([^)\s#]+)((?:#[^)\s]*)?\))")
CODE = re.compile(r"(^```.*?^```$|`[^`\n]+`)", re.MULTILINE | re.DOTALL)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """README as the first page, and what any page links to."""
    waiting = ["README.md", *(f"docs/{file.src_uri}" for file in files.documentation_pages())]
    known = set(waiting)
    files.append(File.generated(config, "index.md", content=(ROOT / "README.md").read_text()))
    while waiting:
        page = waiting.pop()
        for target in _targets((ROOT / page).read_text(), page):
            if target not in known and (ROOT / target).is_file() and not target.startswith("docs/"):
                known.add(target)
                files.append(File.generated(config, f"repository/{target}", content=(ROOT / target).read_bytes()))
                waiting += [target] * target.endswith(".md")
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links as they are in the site; one to a folder becomes its text."""
    here = _in_repository(page.file.src_uri)

    def as_in_site(match: re.Match[str]) -> str:
        head, target, tail = match.groups()
        place = _resolved(target, here)
        if place is None or not (ROOT / place).is_file():
            return match[0]
        return head + posixpath.relpath(_in_site(place), posixpath.dirname(page.file.src_uri) or ".") + tail

    parts = CODE.split(markdown)
    parts[::2] = [LINK.sub(as_in_site, part) for part in parts[::2]]
    whole = "".join(parts)
    return re.sub(r"\[([^\]]+)\]\(([^)\s#]+)\)", lambda link: link[1] if _is_folder(link[2], here) else link[0], whole)


def _targets(markdown: str, page: str) -> Iterator[str]:
    for part in CODE.split(markdown)[::2]:
        for _, target, _ in LINK.findall(part):
            if (place := _resolved(target, page)) is not None:
                yield place


def _resolved(target: str, page: str) -> str | None:
    """Path in the repository of what ``page`` links to; None for an address."""
    if "://" in target or target.startswith("mailto:"):
        return None
    return posixpath.normpath(posixpath.join(posixpath.dirname(page), target))


def _is_folder(target: str, page: str) -> bool:
    place = _resolved(target, page)
    return place is not None and (ROOT / place).is_dir()


def _in_repository(uri: str) -> str:
    if uri == "index.md":
        return "README.md"
    return uri.removeprefix("repository/") if uri.startswith("repository/") else f"docs/{uri}"


def _in_site(place: str) -> str:
    if place == "README.md":
        return "index.md"
    return place.removeprefix("docs/") if place.startswith("docs/") else f"repository/{place}"
