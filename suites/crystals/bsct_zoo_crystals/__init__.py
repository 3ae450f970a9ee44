"""The suite 'crystals', shipped with bsct-zoo under the MIT licence."""

from __future__ import annotations

from pathlib import Path

from bsct_zoo import hookimpl
from bsct_zoo.plugins.suite_source import SuiteSource


@hookimpl
def register_suites() -> list[SuiteSource]:
    """The one suite of this plugin."""
    return [
        SuiteSource(
            name="crystals",
            title="Elements and compounds, strained, sheared, one atom and one plane moved",
            level_of_theory=None,
            licence="MIT",
            path=str(Path(__file__).with_name("crystals.npz")),
            n_scans=72,
        )
    ]
