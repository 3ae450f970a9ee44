"""Suites by name: those of plugins, those that the user imported, and files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bsct_zoo.errors import UnknownNameError
from bsct_zoo.plugins.registry import registry
from bsct_zoo.suites.source import find_suite, imported_path, imported_suites

if TYPE_CHECKING:
    from bsct_zoo.suites.suite import Suite


def suite_names() -> list[str]:
    """Every name that ``open_suite`` takes, whether the suite is here yet or not."""
    return sorted({*registry().suites, *imported_suites()})


def suite_path(name: str) -> Path:
    """The file of the suite called ``name``; a path stands for itself.

    Raises:
        UnknownNameError: nothing is called so.
        BadInputError: the suite was not imported yet.
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
        UnknownNameError: nothing is called so.
        BadInputError: it was not imported yet, or its file is unusable.
    """
    from bsct_zoo.suites.suite_file import read_suite

    return read_suite(suite_path(name))
