"""Import fairchem-core 1.x where packages are missing that it imports and that are not used here.

Compiled extensions of PyTorch Geometric (torch_scatter) do not exist for every torch: what is needed of it is a sum
over an index. Loggers, a client for downloads and a compiler for a sampler of many processes are imported but never
called. Whatever stands in is there only while fairchem is imported; a package that is installed is used as it is.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from torch import Tensor


def _scatter(
    src: Tensor,
    index: Tensor,
    dim: int = -1,
    out: Tensor | None = None,
    dim_size: int | None = None,
    reduce: str = "sum",
) -> Tensor:
    """``torch_scatter.scatter``, through PyTorch Geometric."""
    from torch_geometric.utils import scatter

    assert out is None
    return scatter(src, index, dim, dim_size, reduce)


def _as_it_is(function: Callable[..., Any]) -> Callable[..., Any]:
    return function


# Module that is imported, the package that has it, and what is taken from it.
_STAND_INS: tuple[tuple[str, str, Mapping[str, Any]], ...] = (
    ("torch_scatter", "torch_scatter", {"scatter": _scatter}),
    ("wandb", "wandb", {}),
    ("torch.utils.tensorboard", "tensorboard", {"SummaryWriter": None}),
    ("huggingface_hub", "huggingface_hub", {"hf_hub_download": None}),
    ("numba", "numba", {"njit": _as_it_is}),
)


@contextmanager
def _stand_ins() -> Iterator[None]:
    added = [name for name, package, _ in _STAND_INS if name not in sys.modules and find_spec(package) is None]
    for name, _, content in _STAND_INS:
        if name in added:
            module = ModuleType(name)
            vars(module).update(content)
            sys.modules[name] = module
    try:
        yield
    finally:
        for name in added:
            del sys.modules[name]


with _stand_ins():
    from fairchem.core.common.registry import registry
    from fairchem.core.common.utils import get_max_neighbors_mask, update_config
    from fairchem.core.datasets import data_list_collater
    from fairchem.core.models.base import GraphData, HydraModel
    from fairchem.core.models.equiformer_v2 import equiformer_v2
    from fairchem.core.models.equiformer_v2.equiformer_v2 import EquiformerV2Backbone
    from fairchem.core.models.equiformer_v2.so3 import SO3_Rotation
    from fairchem.core.models.equiformer_v2.wigner import wigner_D
    from fairchem.core.modules.normalization.element_references import LinearReferences
    from fairchem.core.modules.normalization.normalizer import Normalizer
    from fairchem.core.trainers import OCPTrainer

    import_module("fairchem.core.models.equiformer_v2.equiformer_v2_deprecated")  # registers models of older files

# Otherwise its calculator would import every module of the package, also those whose extensions are missing.
registry.register("imports_setup", True)

__all__ = [
    "EquiformerV2Backbone",
    "GraphData",
    "HydraModel",
    "LinearReferences",
    "Normalizer",
    "OCPTrainer",
    "SO3_Rotation",
    "data_list_collater",
    "equiformer_v2",
    "get_max_neighbors_mask",
    "registry",
    "update_config",
    "wigner_D",
]
