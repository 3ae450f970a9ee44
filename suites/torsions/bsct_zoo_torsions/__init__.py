"""The suite 'torsions', shipped with bsct-zoo under the MIT licence."""

from __future__ import annotations

from pathlib import Path

from bsct_zoo import hookimpl
from bsct_zoo.plugins.suite_source import SuiteSource


@hookimpl
def register_suites() -> list[SuiteSource]:
    """The one suite of this plugin."""
    return [
        SuiteSource(
            name="torsions",
            title="Torsion scans of small molecules",
            level_of_theory="GFN2-xTB (Te=3000 K)",
            licence="MIT",
            path=str(Path(__file__).with_name("torsions.npz")),
            n_scans=20,
        )
    ]
