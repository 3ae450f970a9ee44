"""BSCT-SPICE, the 485 bond scans of arXiv:2602.04861; imported on demand, as it is not ours to ship."""

from bsct_zoo import hookimpl
from bsct_zoo.plugins.suite_source import SuiteSource

COMMIT = "79d915b0f1780a6cc680595984b4c210b5660038"


@hookimpl
def register_suites() -> list[SuiteSource]:
    """The one suite of this plugin."""
    return [
        SuiteSource(
            name="bsct-spice",
            title="BSCT-SPICE: bond scans of drug-like molecules, nine bond types",
            level_of_theory="ωB97M-D3(BJ)/def2-TZVPPD",
            licence="MIT",
            citation="Liu, Qu, Kreiman, Blau, Krishnapriyan, arXiv:2602.04861",
            importer="bsct_zoo_bsct_spice.importer:import_scans",
            url=f"https://github.com/ryanliu30/bsct/archive/{COMMIT}.tar.gz",
            n_scans=485,
        )
    ]
