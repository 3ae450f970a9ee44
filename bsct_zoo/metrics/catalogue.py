"""The metrics of scans by name, with unit and direction; their formulas are in the other modules of this package."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bsct_zoo.metrics.columns import BSCT, Column, Comparable
from bsct_zoo.metrics.ranges import RANGES

_ARENA = "arXiv:2509.20630"
_OURS = "docs/theory.md"
_FSD = "docs/fsd.md"


def _over_ranges(name: str, title: str, unit: str, comparable: Comparable = "always") -> list[Column]:
    facts: dict[str, Any] = {"unit": unit, "needs_reference": True, "source": BSCT, "comparable": comparable}
    return [Column(name=f"{name}_{part}", title=f"{title} {part}", **facts) for part in RANGES]


def _anatomy() -> list[Column]:
    facts: dict[str, Any] = {"needs_reference": True, "source": _FSD}
    return [
        Column(name="fsd_own_zero", title="FSD own zero", unit="1/Å", **facts),
        Column(name="fsd_outside", title="FSD outside", unit="1/Å", **facts),
        Column(name="fsd_full_at", title="FSD at", unit="Å", better=None, over="median", **facts),
        Column(name="fsd_full_frames", title="FSD frames from eq.", better=None, over="median_abs", **facts),
        Column(name="fsd_full_from_zero", title="FSD from zero", better=None, over="median", **facts),
        Column(name="force_error_slope", title="F error slope", unit="eV/Å²", **facts),
    ]


METRICS: Mapping[str, Column] = {
    column.name: column
    for column in [
        *_over_ranges("fsd", "FSD", "1/Å"),
        *_over_ranges("energy_mae", "E MAE", "eV", "same level"),
        *_over_ranges("energy_mae_aligned", "E MAE aligned", "eV"),
        *_over_ranges("forces_mae", "F MAE", "eV/Å"),
        *_anatomy(),
        Column(name="path_residual", title="path residual", unit="eV", over="max", source=_FSD, negligible=1e-4),
        Column(name="nonconservativity", title="non-cons.", unit="eV"),
        Column(name="nonconservativity_max", title="non-cons. max", unit="eV"),
        Column(name="tortuosity", title="tortuosity", source=_ARENA),
        Column(name="energy_jump", title="energy jump", unit="eV", source=_ARENA),
        Column(name="force_flips", title="force flips", source=_ARENA),
        Column(name="extra_minima", title="extra minima", source=_OURS),
        Column(name="extra_minima_depth", title="extra minima depth", unit="eV", source=_OURS),
        Column(name="force_roughness", title="force roughn.", source=_OURS),
    ]
}
HEADLINE = (
    "fsd_full",
    "fsd_compress",
    "fsd_stretch",
    "forces_mae_full",
    "energy_mae_aligned_full",
    "nonconservativity",
    "path_residual",
)
