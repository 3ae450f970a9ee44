"""What a plugin says of a suite. Imports nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass


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
