"""``bsct_zoo.potential`` of 0.1: what a potential declares of itself had other names."""

from __future__ import annotations

from typing import Any, Literal

from bsct_zoo.potentials import potential as now
from bsct_zoo.potentials.potential import Potential, Prediction, check_elements

__all__ = ["Potential", "PotentialInfo", "Prediction", "check_elements"]


def PotentialInfo(
    elements: frozenset[int] | None,
    cutoff: float | None,
    dtype: Literal["float32", "float64"],
    device: str,
    forces: Literal["gradient", "direct"],
    level_of_theory: str,
    licence: str,
    has_stress: bool = False,
    cost: Literal["atoms", "edges"] = "atoms",
    versions: tuple[tuple[str, str], ...] = (),
    periodic_only: bool = False,
    charges: bool = False,
    rotation: Literal["exact", "learned"] = "exact",
) -> now.PotentialInfo:
    """What 0.1 called ``forces``, ``charges`` and ``rotation``, in today's words."""
    told: dict[str, Any] = {"supports_charge_spin": charges, "equivariant": rotation == "exact"}
    told |= {"has_stress": has_stress, "cost": cost, "versions": versions, "periodic_only": periodic_only}
    return now.PotentialInfo(elements, cutoff, dtype, device, forces == "gradient", level_of_theory, licence, **told)
