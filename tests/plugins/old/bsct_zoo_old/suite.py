from importlib.util import find_spec
from pathlib import Path

from bsct_zoo.scans.source import SuiteSource

from bsct_zoo import hookimpl

CORE = Path(find_spec("bsct_zoo_core").origin).with_name("core.npz")


@hookimpl
def register_suites() -> list[SuiteSource]:
    return [SuiteSource(name="old-suite", title="again", level_of_theory="GFN2-xTB", licence="MIT", path=str(CORE))]
