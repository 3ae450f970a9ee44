"""The suite 'dimers', shipped with bsct-zoo under the MIT licence."""

from __future__ import annotations

from pathlib import Path

from bsct_zoo import hookimpl
from bsct_zoo.plugins.suite_source import SuiteSource


@hookimpl
def register_suites() -> list[SuiteSource]:
    """The one suite of this plugin."""
    return [
        SuiteSource(
            name="dimers",
            title="Pairs of molecules and of atoms, pulled apart",
            level_of_theory="GFN2-xTB (Te=3000 K)",
            licence="MIT",
            path=str(Path(__file__).with_name("dimers.npz")),
            n_scans=32,
        )
    ]
