"""From the trace of a batch of runs to the figures of each run."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from ase import units

from bsct_zoo.dynamics.slope import Slope, mean_error, slope
from bsct_zoo.dynamics.trace import Floats, Trace
from bsct_zoo.plugins.checks import CheckRun

_MILLI = 1000.0
# ps; a shorter run has no drift. Velocity Verlet makes the conserved energy swing with every vibration. Least squares
# through a swing of amplitude A and period T over a time L gives a slope of up to 6 A T / (pi L^2): it changes by less
# than half of A over L only if L is four periods. Of the fastest common vibration, the C-H stretch of 3000 1/cm
# (T. Shimanouchi, Tables of Molecular Vibrational Frequencies, NSRDS-NBS 39, 1972), these are 44 fs.
SHORTEST_DRIFT = 0.044
FEWEST_DRIFT = 8  # samples, and blocks of the error of a slope (``slope``)
CURVE = 250  # samples of a run that results keep
FITTED = ("drift", "drift_error", "relative_drift", "fluctuation")  # what the line through a run gives


def run_of(
    trace: Trace,
    index: int,
    name: str,
    seed: int,
    n_atoms: int,
    wanted: Mapping[str, str],
    heat_rate: tuple[float, float] | None,
) -> CheckRun:
    """The figures named in ``wanted`` of one run.

    Args:
        trace: of the batch.
        index: of the run in it.
        name: of its system.
        seed: of its start.
        n_atoms: of its system.
        wanted: names of figures.
        heat_rate: temperature of the bath at the start in K, and its change in K/ps; None without a ramp.
    """
    exploded = int(trace.failed_at[index])
    broken = _broken(trace, index)
    events = [step for step in (exploded, *(step for step, _ in broken)) if step >= 0]
    failure = min(events) if events else None
    times, energies, kinetic = _series(trace, index, n_atoms)
    whole = exploded < 0 and len(times) >= 3
    long = len(times) >= FEWEST_DRIFT and times[-1] >= SHORTEST_DRIFT
    line = slope(times, energies) if whole and long else None
    at = None if failure is None else _ps(trace, failure)
    values = _energy_figures(trace, index, n_atoms, whole, line, kinetic) | {
        "bonds_broken": float(len(broken)),
        "failure_time": at,
        "simulated_time": _ps(trace, max(int(trace.lasted[index]), 0)),
        "failure_temperature": None if at is None or heat_rate is None else heat_rate[0] + heat_rate[1] * at,
    }
    message = _message(trace, index, broken, exploded)
    failed = exploded >= 0 or (broken and heat_rate is None)
    figures = {figure: values[figure] for figure in wanted}
    curves = _curves(times, energies, _temperature(trace, index, n_atoms, kinetic))
    return CheckRun(name, "failed" if failed else "ok", message, figures, seed, curves)


def _curves(times: Floats, energies: Floats, temperature: Floats) -> dict[str, Floats]:
    """At most ``CURVE`` samples of a run, its first and its last among them."""
    kept = np.unique(np.linspace(0, len(times) - 1, min(CURVE, len(times))).round().astype(int))
    return {"time": times[kept], "energy": energies[kept], "temperature": temperature[kept]} if len(times) else {}


def _energy_figures(
    trace: Trace, index: int, n_atoms: int, whole: bool, line: Slope | None, kinetic: Floats
) -> dict[str, float | None]:
    """Figures of a run that went to its end (``whole``); of one that did not, only its highest temperature.

    Without a ``line`` those that it gives are missing.
    """
    temperature = _temperature(trace, index, n_atoms, kinetic)
    found: dict[str, float | None] = {
        "max_temperature": float(trace.max_temperature[index]) if len(temperature) else None
    }
    found |= dict.fromkeys((*FITTED, "largest_jump", "temperature", "temperature_error"))
    if whole:
        found |= {
            "largest_jump": float(trace.largest_jump[index]) * _MILLI / n_atoms,
            "temperature": float(temperature.mean()),
            "temperature_error": mean_error(temperature),
        }
    if line is not None:
        spread = float(kinetic.std())
        found |= {
            "drift": line.value,
            "drift_error": line.error,
            "relative_drift": line.value / spread if spread > 0 else None,
            "fluctuation": line.spread,
        }
    return found


def _temperature(trace: Trace, index: int, n_atoms: int, kinetic: Floats) -> Floats:
    """[n_samples] K of ``kinetic`` in meV/atom."""
    temperature: Floats = 2 * kinetic * n_atoms / _MILLI / (float(trace.dof[index]) * units.kB)
    return temperature


def _series(trace: Trace, index: int, n_atoms: int) -> tuple[Floats, Floats, Floats]:
    """Times in ps, conserved energy from its start and kinetic energy in meV/atom, as far as the run was sound."""
    n = int(trace.lasted[index]) // trace.every + 1 if trace.lasted[index] >= 0 else 0
    conserved, kinetic = trace.conserved[:n, index], trace.kinetic[:n, index]
    times: Floats = np.arange(n, dtype=np.float64) * trace.every * trace.dt / (1000 * units.fs)
    return times, (conserved - conserved[:1]) * _MILLI / n_atoms, kinetic * _MILLI / n_atoms


def _broken(trace: Trace, index: int) -> list[tuple[int, str]]:
    """Step and name of every bond of a run that broke, first things first."""
    mine = np.flatnonzero((trace.bonds.owner == index) & (trace.broken_at >= 0))
    return sorted((int(trace.broken_at[bond]), trace.bonds.names[bond]) for bond in mine)


def _message(trace: Trace, index: int, broken: list[tuple[int, str]], exploded: int) -> str:
    parts = []
    if exploded == 0:
        parts.append(f"failed at the start: {trace.reasons[index]}")
    elif exploded > 0:
        parts.append(f"failed at {_ps(trace, exploded):.3g} ps: {trace.reasons[index]}")
    if broken:
        more = f" and {len(broken) - 1} more" if len(broken) > 1 else ""
        parts.append(f"{broken[0][1]} broke at {_ps(trace, broken[0][0]):.3g} ps{more}")
    return "; ".join(parts)


def _ps(trace: Trace, step: int) -> float:
    return step * trace.dt / (1000 * units.fs)
