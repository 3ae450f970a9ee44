"""Import mace and e3nn under a torch that refuses their constants file unless told otherwise."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

_SWITCH = "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"


@contextmanager
def pickles_allowed() -> Iterator[None]:
    """Let ``torch.load`` read whole objects, only inside this block.

    e3nn 0.4 reads a table of its own that way when it is imported; a user's ``.model`` file is nothing else.
    """
    before = os.environ.get(_SWITCH)
    os.environ[_SWITCH] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_SWITCH]
        else:
            os.environ[_SWITCH] = before


with pickles_allowed(), warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import e3nn
    import mace
    from e3nn import o3
    from mace import data as graphs
    from mace import modules, tools
    from mace.tools.torch_geometric.dataloader import DataLoader
    from torch_ema import ExponentialMovingAverage

__all__ = [
    "DataLoader",
    "ExponentialMovingAverage",
    "e3nn",
    "graphs",
    "mace",
    "modules",
    "o3",
    "pickles_allowed",
    "tools",
]
