"""The suite 'core-dft', shipped with bsct-zoo under the MIT licence."""

from __future__ import annotations

from pathlib import Path

from bsct_zoo import hookimpl
from bsct_zoo.plugins.suite_source import SuiteSource


@hookimpl
def register_suites() -> list[SuiteSource]:
    """The one suite of this plugin."""
    return [
        SuiteSource(
            name="core-dft",
            title="Bond scans of molecules of four and five atoms",
            level_of_theory="ωB97M-D3(BJ)/def2-svp",
            licence="MIT",
            path=str(Path(__file__).with_name("core-dft.npz")),
            n_scans=3,
        )
    ]
