"""Write a new package from the templates beside this file (``string.Template``; MODULE in a path is the package)."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import date
from importlib.util import find_spec
from pathlib import Path
from string import Template
from typing import Literal

from bsct_zoo import __version__
from bsct_zoo.errors import BadInputError, BsctZooError
from bsct_zoo.plugins.registry import Registry

Kind = Literal["adapter", "suite", "check"]

_TEMPLATES = Path(__file__).with_name("templates")
_SUFFIX = ".template"
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True)
class NewPackage:
    """A package that is to be written into ``folder``; ``name`` is what users will type, e.g. "morse"."""

    kind: Kind
    name: str
    folder: Path

    @property
    def distribution(self) -> str:
        """Its name on an index."""
        return f"bsct-zoo-{self.name}"

    @property
    def module(self) -> str:
        """Its name in Python."""
        return f"bsct_zoo_{self.name.replace('-', '_')}"


def new_package(kind: Kind, name: str, parent: Path, registry: Registry) -> NewPackage:
    """The package of that kind and name, to be written into a folder of its own in ``parent``.

    Raises:
        BadInputError: the name is not one or is taken, or the folder is there and not empty.
    """
    short = name.removeprefix("bsct-zoo-")
    if not _NAME.fullmatch(short):
        raise BadInputError(
            f"'{name}' is not a name; use small letters, digits and '-', a letter first, as in my-{kind}"
        )
    package = NewPackage(kind, short, parent / f"bsct-zoo-{short}")
    if short in _taken(kind, registry) or find_spec(package.module) is not None:
        raise BadInputError(f"the name '{short}' is taken by an installed plugin; choose another")
    if package.folder.is_dir() and any(package.folder.iterdir()):
        raise BadInputError(f"the folder {package.folder} is not empty; choose another name or place (--in)")
    place = next(place for place in (package.folder, *package.folder.absolute().parents) if place.exists())
    if not place.is_dir():
        raise BadInputError(f"{place} is a file, not a folder; choose another place (--in)")
    return package


def write_package(package: NewPackage) -> list[Path]:
    """Write the package, all of it or nothing; returns its files, relative to its folder.

    Raises:
        BsctZooError: the suite of the package could not be made.
        OSError: the folder cannot be written to.
    """
    package.folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=package.folder.parent, prefix=".new-") as part:
        made = Path(part) / "package"
        for template in sorted(_TEMPLATES.rglob(f"*{_SUFFIX}")):
            group, *rest = template.relative_to(_TEMPLATES).parts
            if group in ("common", package.kind):
                path = made.joinpath(*(part.replace("MODULE", package.module) for part in rest))
                path = path.with_name(path.name.removesuffix(_SUFFIX))
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(Template(template.read_text()).substitute(_words(package)))
        if package.kind == "suite":
            _make_suite(made)
        if package.folder.exists():
            package.folder.rmdir()  # empty, as was seen above; else this fails and nothing is lost
        shutil.move(made, package.folder)
    return sorted(path.relative_to(package.folder) for path in package.folder.rglob("*") if path.is_file())


def _make_suite(folder: Path) -> None:
    """Run the script that makes the suite's file, as its author will."""
    command = [sys.executable, "-B", "make_suite.py"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        last = (done.stderr.strip() or "no message").splitlines()[-1]
        raise BsctZooError(f"the new package's make_suite.py failed ({last}); nothing was written")


def _taken(kind: Kind, registry: Registry) -> set[str]:
    """Names that nothing of this kind may have."""
    if kind == "adapter":
        return {name for adapter in registry.adapters.values() for name in (adapter.name, *adapter.aliases)}
    return set(registry.suites if kind == "suite" else registry.checks)


def _words(package: NewPackage) -> dict[str, str]:
    """What stands for the placeholders of the templates."""
    return {
        "name": package.name,
        "distribution": package.distribution,
        "module": package.module,
        "Class": "".join(word.capitalize() for word in package.name.split("-")),
        "kind": package.kind,
        "year": str(date.today().year),
        "bsct_zoo": ".".join(__version__.split(".")[:2]),
    }
