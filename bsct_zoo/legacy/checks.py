"""``bsct_zoo.checks`` of 0.1: other words for how a column aggregates runs, and for the time step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any, Literal

from bsct_zoo.metrics import columns
from bsct_zoo.plugins import checks as now
from bsct_zoo.plugins.cards import import_path
from bsct_zoo.plugins.checks import CheckRun

__all__ = ["Check", "CheckRun", "CheckSettings", "Column"]

_OVER = {"median size": "median_abs", "largest size": "max_abs", "highest": "max", "lowest": "min"}


def Column(name: str, title: str, figure: str, over: Any, better: Literal["lower", "higher"] | None = "lower") -> Any:
    """A column, ``over`` in today's words; its unit is that of the check."""
    return columns.Column(name=name, title=title, metric=figure, over=_OVER.get(over, over), better=better)


class OldCheckSettings(now.CheckSettings):
    """Settings that answer to the old name of their time step too."""

    def __init__(self, *args: Any, **told: Any) -> None:
        if "step_fs" in told:
            told["dt_fs"] = told.pop("step_fs")
        super().__init__(*args, **told)

    @property
    def step_fs(self) -> float:
        """What is ``dt_fs`` now."""
        return self.dt_fs


CheckSettings = OldCheckSettings  # its name in 0.1


def Check(name: str, summary: str, units: Any, function: str, *args: Any, **told: Any) -> now.Check:
    """A check whose ``function`` gets settings that have ``step_fs``."""
    check = now.Check(name, summary, units, f"{__name__}:{function}", *args, **told)
    shown = tuple(
        replace(column, unit="" if column.over in ("count", "failures") else units.get(column.of, ""))
        for column in check.columns
    )
    return replace(check, columns=shown)


def __getattr__(name: str) -> Callable[..., Any]:
    """The function "module:name" of a plugin, called with settings of 0.1."""
    if ":" not in name:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")

    def call(potential: Any, systems: Any, settings: now.CheckSettings, **beside: Any) -> Any:
        return import_path(name)(potential, systems, OldCheckSettings(**asdict(settings)), **beside)

    return call
