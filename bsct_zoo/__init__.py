"""bsct-zoo: which machine-learning interatomic potential has a surface smooth enough for a simulation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bsct_zoo import legacy as _legacy  # noqa: F401 - lets import paths of 0.1 be found
from bsct_zoo.plugins.hookspecs import hookimpl

if TYPE_CHECKING:
    from bsct_zoo.api import compare, load, load_suite, read
    from bsct_zoo.report.report import Report

__version__ = "0.2.0"
__all__ = ["Report", "__version__", "compare", "hookimpl", "load", "load_suite", "read"]

_API = {
    "Report": "bsct_zoo.report.report",
    "compare": "bsct_zoo.api",
    "load": "bsct_zoo.api",
    "load_suite": "bsct_zoo.api",
    "read": "bsct_zoo.api",
}


def __getattr__(name: str) -> Any:
    """The public API, imported when it is asked for: the command line must not wait for torch."""
    if name in _API:
        from importlib import import_module

        return getattr(import_module(_API[name]), name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
