"""What a user means by a package to install: a name on an index, a folder, a file or an address."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from packaging.requirements import InvalidRequirement, Requirement

from bsct_zoo.errors import BadInputError

_ARCHIVES = (".whl", ".tar.gz", ".zip")
_FORGES = re.compile(
    r"https://(?:github\.com|gitlab\.com|codeberg\.org)/[^/]+/[^/@]+/?(?:@[^/]+)?|https?://\S+\.git(?:@\S+)?"
)


@dataclass(frozen=True)
class Source:
    """What a user wants installed.

    Attributes:
        text: as the user wrote it.
        target: what the installer is told: a requirement, an absolute path or an address.
        kind: "index", "folder", "file" or "address".
    """

    text: str
    target: str
    kind: Literal["index", "folder", "file", "address"]


def parse_source(text: str) -> Source:
    """What ``text`` stands for: a folder or file where it looks like a path, an address, or else a name on an index.

    Raises:
        BadInputError: it is none of these, or there is no such file or folder.
    """
    if text.startswith("git+"):
        return Source(text, text, "address")
    if _FORGES.fullmatch(text):
        return Source(text, f"git+{text}", "address")
    if text.startswith(("https://", "http://", "file://")):
        return Source(text, text, "address")
    path = Path(text).expanduser()
    if "/" in text.partition("@")[0] or text.startswith((".", "~")) or text.endswith(_ARCHIVES):
        if not path.exists():
            raise BadInputError(f"there is no file or folder {text}")
        if path.is_dir() and not any((path / name).is_file() for name in ("pyproject.toml", "setup.py")):
            raise BadInputError(f"{text} is no Python package: it has no pyproject.toml")
        return Source(text, str(path.resolve()), "folder" if path.is_dir() else "file")
    try:
        requirement = Requirement(text)
    except InvalidRequirement as error:
        raise BadInputError(f"'{text}' is neither a package's name, a folder, a file nor a git address") from error
    if path.is_dir():
        raise BadInputError(
            f"'{text}' is a folder here; write ./{text} for it, or '{text}>=0' for the package of that name"
        )
    return Source(text, text, "address" if requirement.url else "index")
