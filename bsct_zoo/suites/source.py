"""Where suites come from: embedded in a plugin, or imported into the user's data folder. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bsct_zoo.errors import BadInputError
from bsct_zoo.runtime.folders import data_dir


@dataclass(frozen=True)
class SuiteSource:
    """What a plugin says of a suite.

    Attributes:
        name: what a user types.
        title: one line for people.
        level_of_theory: of the reference; None without one.
        licence: of the data.
        citation: how to cite it.
        path: absolute path of a file that the plugin carries; None if the suite must be imported first.
        importer: "module:function" called as ``function(source, name, on_progress) -> Suite`` with a local archive or
            folder, or None to download; ``on_progress(done, total, what)`` is told how far it is.
        url: where it is downloaded from.
        n_scans: how many scans it has.
    """

    name: str
    title: str
    level_of_theory: str | None
    licence: str
    citation: str = ""
    path: str | None = None
    importer: str | None = None
    url: str | None = None
    n_scans: int | None = None


def imported_path(name: str) -> Path:
    """Where the suite imported under ``name`` is kept."""
    return data_dir() / "suites" / f"{name}.npz"


def imported_suites() -> list[str]:
    """Names of the suites in the user's data folder."""
    return sorted(path.stem for path in (data_dir() / "suites").glob("*.npz") if not path.name.startswith("."))


def find_suite(source: SuiteSource) -> Path:
    """The file of a suite.

    Raises:
        BadInputError: it was not imported yet.
    """
    if source.path is not None:
        return Path(source.path)
    path = imported_path(source.name)
    if not path.exists():
        raise BadInputError(f"suite '{source.name}' is not here yet; run: bsct-zoo suites import {source.name}")
    return path
