"""The suite 'druglike', shipped with bsct-zoo under the MIT licence."""

from __future__ import annotations

from pathlib import Path

from bsct_zoo import hookimpl
from bsct_zoo.plugins.suite_source import SuiteSource


@hookimpl
def register_suites() -> list[SuiteSource]:
    """The one suite of this plugin."""
    return [
        SuiteSource(
            name="druglike",
            title="Bond scans of drug-like molecules of 20 to 50 atoms",
            level_of_theory="GFN2-xTB (Te=3000 K)",
            licence="MIT",
            path=str(Path(__file__).with_name("druglike.npz")),
            n_scans=56,
        )
    ]
