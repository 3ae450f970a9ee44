"""The core suite: 56 GFN2-xTB bond scans of small molecules, shipped with bsct-zoo under the MIT licence."""

from __future__ import annotations

from pathlib import Path

from bsct_zoo import hookimpl
from bsct_zoo.plugins.suite_source import SuiteSource

NAME = "core"
TITLE = "Bond scans of small molecules, four for each of fourteen bond types"
LICENCE = "MIT"
PATH = Path(__file__).with_name("core.npz")


@hookimpl
def register_suites() -> list[SuiteSource]:
    """The one suite of this plugin."""
    return [
        SuiteSource(
            name=NAME,
            title=TITLE,
            level_of_theory="GFN2-xTB (Te=3000 K)",
            licence=LICENCE,
            path=str(PATH),
            n_scans=56,
        )
    ]
