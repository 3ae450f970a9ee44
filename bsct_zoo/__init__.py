"""bsct-zoo: which machine-learning interatomic potential has a surface smooth enough for a simulation."""

from bsct_zoo import legacy as _legacy  # noqa: F401 - lets import paths of 0.1 be found
from bsct_zoo.plugins.hookspecs import hookimpl

__version__ = "0.1.0"
__all__ = ["__version__", "hookimpl"]
