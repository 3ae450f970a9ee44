"""Import nequip without the marks that it leaves on the whole process."""

from __future__ import annotations

import warnings

import torch

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import nequip
    from lightning.pytorch.utilities.seed import isolate_rng
    from nequip.data import AtomicDataDict
    from nequip.utils.global_state import global_state_initialized, set_global_state

__all__ = ["AtomicDataDict", "nequip", "ready"]


def ready() -> None:
    """Let nequip set what its models rely on, which it wants once, before any of them is built.

    It also makes float64 the default of torch and seeds every generator; both are put back, since other models may
    live in this process. nequip's models name their types themselves.
    """
    if global_state_initialized():
        return
    dtype = torch.get_default_dtype()
    with isolate_rng():
        set_global_state()
    torch.set_default_dtype(dtype)
