"""What a comparison changed against an earlier one, and whether that is more than noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from bsct_zoo.analysis.bootstrap import difference, scan_values
from bsct_zoo.errors import BadInputError
from bsct_zoo.evaluation.comparison import Comparison, Row
from bsct_zoo.metrics.table import METRICS

ROUNDING = 1e-4  # relative: what single precision makes of another order of summation
Verdict = Literal["same", "noise", "better", "worse", "changed", "unknown"]


@dataclass(frozen=True)
class Change:
    """One metric of one model, then and now, on the scans that both results have.

    Attributes:
        model: as the user named it.
        metric: name.
        before, after: means over the common scans; None if there are none.
        low, high: interval of after minus before (95 %, bootstrap over scans).
        n_scans: how many scans are common.
        verdict: "same" (to rounding), "noise" (the interval holds zero), "better", "worse", "changed" (a metric
            of which neither is), or "unknown" (too few scans).
    """

    model: str
    metric: str
    before: float | None
    after: float | None
    low: float | None
    high: float | None
    n_scans: int
    verdict: Verdict


def check_comparable(baseline: Comparison, suite: str, suite_sha256: str, models: Sequence[str]) -> None:
    """Refuse a baseline that says nothing of what is to be compared, before anything is computed.

    Raises:
        BadInputError: it was made on another suite, or has none of ``models``.
    """
    if baseline.suite_sha256 != suite_sha256:
        raise BadInputError(
            f"the baseline was made on suite '{baseline.suite}' ({baseline.suite_sha256[:12]}), this is '{suite}' "
            f"({suite_sha256[:12]}); make the baseline again"
        )
    there = [row.model for row in baseline.rows]
    if not set(there) & set(models):
        raise BadInputError(f"the baseline has no model in common with this; it has {', '.join(there) or 'none'}")


def changes(baseline: Comparison, now: Comparison, metrics: Sequence[str], seed: int = 0) -> list[Change]:
    """Every metric of every model that is in both."""
    before = {row.model: row for row in baseline.rows}
    pairs = [(before[row.model], row) for row in now.rows if row.model in before]
    return [_change(old, new, metric, seed) for old, new in pairs for metric in metrics]


def _change(old: Row, new: Row, metric: str, seed: int) -> Change:
    values = scan_values([old, new], metric)
    n = values.shape[1] if values.ndim == 2 else 0
    before, after = (float(values[0].mean()), float(values[1].mean())) if n else (None, None)
    low = high = None
    if n and np.allclose(values[0], values[1], rtol=ROUNDING, atol=0):
        verdict: Verdict = "same"
    elif (found := difference(old, new, metric, seed)) is None:
        verdict = "unknown"
    else:
        moved, low, high = found
        verdict = "noise" if low <= 0 <= high else _direction(metric, moved)
    return Change(new.model, metric, before, after, low, high, n, verdict)


def _direction(metric: str, moved: float) -> Verdict:
    better = METRICS[metric].better
    if better is None:
        return "changed"
    return "better" if (moved < 0) == (better == "lower") else "worse"
