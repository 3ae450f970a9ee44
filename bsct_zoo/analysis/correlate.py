"""Pairs of metrics over the models that have both: coefficients, intervals, cost. JSON of kind "correlation"."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bsct_zoo import __version__
from bsct_zoo.analysis.bootstrap import CORRELATION_DRAWS, LEVEL, Interval, over_items, over_models
from bsct_zoo.analysis.coefficients import Floats, kendall, log_pearson, partial_spearman, spearman
from bsct_zoo.analysis.measures import Measure
from bsct_zoo.analysis.reading import Collection
from bsct_zoo.errors import BadInputError

SCHEMA_VERSION = 1
FEWEST = 4  # models, for a coefficient to mean anything at all


@dataclass(frozen=True)
class Estimate:
    """A coefficient.

    Attributes:
        name: "Spearman", "Kendall", "Pearson of logs" or "Spearman given ...".
        n_models: that it is over.
        value: None where it is undefined.
        over_models: interval (95 %) over models drawn with replacement; None where too few draws define it.
        over_molecules: interval over molecules (scans, systems) drawn with replacement.
    """

    name: str
    n_models: int
    value: float | None
    over_models: Interval | None
    over_molecules: Interval | None

    def to_json(self) -> dict[str, Any]:
        """As in the JSON schema."""
        ends = {"over_models": self.over_models, "over_molecules": self.over_molecules}
        intervals = {name: None if found is None else list(found) for name, found in ends.items()}
        return {"name": self.name, "n_models": self.n_models, "value": self.value, **intervals}


@dataclass(frozen=True)
class Pair:
    """Two metrics over the models that have both.

    Attributes:
        x, y: the metrics, of these models alone.
        models: their names.
        estimates: one for each coefficient.
        notes: who is missing or counts as failed.
    """

    x: Measure
    y: Measure
    models: tuple[str, ...]
    estimates: tuple[Estimate, ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As in the JSON schema; a value that is worse than every number is the text "failed"."""
        return {
            "x": _measure_json(self.x),
            "y": _measure_json(self.y),
            "models": list(self.models),
            "estimates": [estimate.to_json() for estimate in self.estimates],
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class Correlation:
    """What ``correlate`` found.

    Attributes:
        results: what it was made from.
        given: metrics whose ranks are taken out of partial coefficients.
        seed: of the draws.
        pairs: in the order that was asked for.
    """

    results: Collection
    given: tuple[str, ...]
    seed: int
    pairs: tuple[Pair, ...]

    def to_json(self) -> dict[str, Any]:
        """As in the JSON schema, see ``docs/correlation.md``."""
        return {
            "schema": SCHEMA_VERSION,
            "kind": "correlation",
            "bsct_zoo": __version__,
            "files": [{"name": name, "sha256": sha256} for name, sha256 in self.results.files],
            "settings": {"given": list(self.given), "seed": self.seed, "draws": CORRELATION_DRAWS, "level": LEVEL},
            "pairs": [pair.to_json() for pair in self.pairs],
        }


def correlate(
    results: Collection, x: Sequence[str], y: Sequence[str], given: Sequence[str] = (), seed: int = 0
) -> Correlation:
    """Every metric of ``x`` with every one of ``y``.

    Raises:
        BadInputError: a metric is in no result, or a pair has fewer than ``FEWEST`` models.
    """
    xs, ys, zs = (list({m.name: m for m in map(results.measure, names)}.values()) for names in (x, y, given))
    wanted = [(a, b) for a in xs for b in ys if a.name != b.name]
    if not wanted:
        raise BadInputError(f"--x and --y both name {xs[0].name}; give two metrics")
    pairs = tuple(_pair(results, a, b, zs, seed) for a, b in wanted)
    return Correlation(results, tuple(z.name for z in zs), seed, pairs)


def _pair(results: Collection, x: Measure, y: Measure, given: Sequence[Measure], seed: int) -> Pair:
    there = ~(np.isnan(x.values) | np.isnan(y.values))
    models = [int(m) for m in np.flatnonzero(there)]
    if len(models) < FEWEST:
        names = ", ".join(results.models[m] for m in models) or "none"
        raise BadInputError(
            f"{len(models)} models have both {x.name} and {y.name} ({names}); a correlation needs at least {FEWEST}"
        )
    a, b = x.of(models), y.of(models)
    notes = [*_missing(results, x, y), *_notes(results, models, (a, b))]
    estimates = [_estimate("Spearman", spearman, [a, b], seed), _estimate("Kendall", kendall, [a, b], seed)]
    positive = [(m.values > 0) & np.isfinite(m.values) for m in (a, b)]  # what has a logarithm
    logarithms = int((positive[0] & positive[1]).sum())
    estimates.append(_estimate("Pearson of logs", log_pearson, [a, b], seed, n_models=logarithms))
    others = [z for z in given if z.name not in (x.name, y.name)]
    if others:
        known = [m for m in models if not any(np.isnan(z.values[m]) for z in others)]
        name = f"Spearman given {', '.join(z.name for z in others)}"
        if len(known) >= FEWEST + len(others):
            estimates.append(_estimate(name, partial_spearman, [m.of(known) for m in (x, y, *others)], seed))
        else:
            notes.append(f"{name}: {len(known)} models have all of them, which is too few")
    notes += _undefined(estimates, a, b)
    return Pair(a, b, tuple(results.models[m] for m in models), tuple(estimates), tuple(dict.fromkeys(notes)))


def _estimate(
    name: str,
    coefficient: Callable[..., Floats],
    measures: Sequence[Measure],
    seed: int,
    n_models: int | None = None,
) -> Estimate:
    columns = [measure.values for measure in measures]
    n = len(columns[0]) if n_models is None else n_models
    value = float(coefficient(*columns))
    if not np.isfinite(value) or n < FEWEST:
        return Estimate(name, n, None, None, None)
    return Estimate(name, n, value, over_models(coefficient, columns, seed), over_items(coefficient, measures, seed))


def _missing(results: Collection, x: Measure, y: Measure) -> list[str]:
    """Models that are left out of a pair."""
    found = []
    for measure, other in ((x, y), (y, x)):
        without = np.isnan(measure.values) & ~np.isnan(other.values)
        names = [results.models[m] for m in np.flatnonzero(without)]
        if names:
            found.append(f"left out, without {measure.name}: {', '.join(names)}")
    return found


def _notes(results: Collection, models: Sequence[int], measures: Sequence[Measure]) -> list[str]:
    """Failed runs, and values over fewer items than others' are."""
    found = []
    for measure in measures:
        names = [results.models[m] for m in models]
        failed = [name for name, value in zip(names, measure.values, strict=True) if np.isinf(value)]
        if failed:
            found.append(f"{measure.name}: so many runs failed that they rank last, alike: {', '.join(failed)}")
        some = np.isinf(measure.pieces).any((1, 2)) & ~np.isinf(measure.values)
        partly = [name for name, flag in zip(names, some, strict=True) if flag]
        if partly:
            found.append(f"{measure.name}: a failed run counts as worse than every value: {', '.join(partly)}")
        counts = measure.counts()
        fewer = [f"{name} {n}" for name, n in zip(names, counts, strict=True) if n < max(counts)]
        if fewer:
            found.append(f"{measure.name} is over fewer than {max(counts)} {measure.items}: {', '.join(fewer)}")
        found += _unseen(results, models, measure)
    return found


def _unseen(results: Collection, models: Sequence[int], measure: Measure) -> list[str]:
    """Values below two of their own errors, where these are known: their order is chance."""
    error = results.measures.get(f"{measure.name}_error")
    if error is None:
        return []
    below = int((measure.values < 2 * error.of(list(models)).values).sum())
    return [f"{measure.name} of {below} models is below two of its errors: their order is chance"] if below else []


def _undefined(estimates: Sequence[Estimate], x: Measure, y: Measure) -> list[str]:
    """Why a coefficient is over fewer models, or none at all."""
    constant = [m.name for m in (x, y) if len(np.unique(m.values)) == 1]
    if constant:
        return [f"{name} is the same for every model" for name in constant]
    return [
        f"Pearson of logs is over {e.n_models} of {len(x.values)} models: the others are zero or failed"
        for e in estimates
        if e.name == "Pearson of logs" and e.n_models < len(x.values)
    ]


def _measure_json(measure: Measure) -> dict[str, Any]:
    values = [float(value) if np.isfinite(value) else "failed" for value in measure.values]
    seconds = [None if np.isnan(second) else round(float(second), 3) for second in measure.seconds]
    facts: Mapping[str, Any] = {"metric": measure.name, "unit": measure.unit, "source": measure.source}
    return {**facts, "over": measure.over, "items": measure.items, "values": values, "seconds": seconds}
