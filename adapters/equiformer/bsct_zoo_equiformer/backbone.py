"""EquiformerV2 with as many Gaussians as its configuration says.

The package has a setting for it, ``num_distance_basis``, but takes 600 in any case. Each is as wide as two spacings:
0.04 Å in published models, which see 12 Å far, and 0.017 Å at the 5 Å of ours, where a potential changes over tenths.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

from bsct_zoo_equiformer.packages import EquiformerV2Backbone, equiformer_v2, registry

NAME = "bsct_zoo_equiformer_v2_backbone"


@registry.register_model(NAME)
class Backbone(EquiformerV2Backbone):  # type: ignore[misc]
    """``EquiformerV2Backbone``, whose ``num_distance_basis`` counts."""

    def __init__(self, num_distance_basis: int, **settings: Any) -> None:
        with _gaussians(num_distance_basis):
            super().__init__(num_distance_basis=num_distance_basis, **settings)


@contextmanager
def _gaussians(number: int) -> Iterator[None]:
    """Within it the package makes bases of ``number`` Gaussians."""
    smearing = equiformer_v2.GaussianSmearing

    def counted(start: float, stop: float, _: int, width: float) -> nn.Module:
        made: nn.Module = smearing(start, stop, number, width)
        return made

    equiformer_v2.GaussianSmearing = counted
    try:
        yield
    finally:
        equiformer_v2.GaussianSmearing = smearing
