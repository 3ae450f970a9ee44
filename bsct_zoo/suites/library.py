"""Suites by name: those of plugins, those that the user imported, and files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bsct_zoo.errors import BadInputError, UnknownNameError
from bsct_zoo.plugins.registry import registry
from bsct_zoo.plugins.suite_source import SuiteSource
from bsct_zoo.runtime.folders import data_dir

if TYPE_CHECKING:
    from bsct_zoo.suites.suite import Suite


def suite_names() -> list[str]:
    """Every name that ``open_suite`` takes, whether the suite is imported yet or not."""
    return sorted({*registry().suites, *imported_suites()})


def suite_path(name: str) -> Path:
    """The file of the suite called ``name``; a path is returned as it is.

    Raises:
        UnknownNameError: there is no such suite.
        BadInputError: the suite is not imported yet.
    """
    if name in registry().suites:
        return find_suite(registry().suites[name])
    if name in imported_suites():
        return imported_path(name)
    if name.endswith(".npz") or "/" in name or Path(name).is_file():
        return Path(name)
    raise UnknownNameError("suite", name, suite_names())


def open_suite(name: str) -> Suite:
    """The suite called ``name``, or in the file ``name``.

    Raises:
        UnknownNameError: there is no such suite.
        BadInputError: it is not imported yet, or its file is invalid.
    """
    from bsct_zoo.suites.suite_file import read_suite

    return read_suite(suite_path(name))


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
