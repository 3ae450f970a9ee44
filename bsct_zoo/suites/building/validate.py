"""Is a suite what it says: units, gaps, jumps and roughness of the reference itself, scans that are there twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from bsct_zoo.metrics.roughness import force_roughness
from bsct_zoo.suites.building.units import explain, odd_distances, odd_stiffness, ratio
from bsct_zoo.suites.scan import Scan
from bsct_zoo.suites.suite import Suite

Floats = NDArray[np.float64]
Kind = Literal["units", "missing", "broken", "jump", "rough", "duplicate"]
JUMP = 2e-3  # eV between an energy step and its work that the smoothness of the curve does not explain
ROUGH = 0.02  # of ``force_roughness``: a ripple of 0.2 eV/Å, or of two per cent where the force is large
_FLAT = 5e-3  # eV: work of all steps together below which a scan says nothing of units
_OFF = 0.05  # how far the energy may be from the integral of its forces
_TOGETHER = 0.9  # correlation of energy steps and work
_NET = 0.1  # eV/Å of net force, or eV of net torque, of an isolated molecule
_SAME = 3  # decimals of a distance in Å that tell two scans apart


@dataclass(frozen=True)
class SuiteFault:
    """One thing that is wrong with a scan, by its id, or with the suite as a whole (""); ``text`` has the figures."""

    scan: str
    kind: Kind
    text: str


def validate(suite: Suite) -> list[SuiteFault]:
    """Everything that is wrong with ``suite``, the suite as a whole first, then scan by scan."""
    scans = list(suite.scans)
    found = [SuiteFault("", "units", text) for text in (odd_distances(scans), odd_stiffness(scans)) if text]
    for scan in scans:
        found += [SuiteFault(scan.id, kind, text) for kind, text in _reference(scan)]
    return found + list(_duplicates(scans))


def flags_of(findings: list[SuiteFault], scan: str) -> list[str]:
    """What to keep with a scan: the faults of its reference that no model can be blamed for."""
    return [f"{f.kind}: {f.text}" for f in findings if f.scan == scan and f.kind != "duplicate"]


# -- the reference of one scan -----------------------------------------------------------------------------------


def work_of(scan: Scan) -> tuple[Floats, Floats]:
    """Work against the reference forces over each step, [n_frames - 1] eV, and how uncertain its quadrature is.

    Forces along the path are integrated by the cubic through four frames. How uncertain that is comes from a quarter of
    what the trapezoidal rule differs by from it, and from twice what the quintic through six frames does, whichever is
    more, of the step and its neighbours: the former where frames are near each other, the latter where they are not.
    """
    assert scan.forces is not None
    velocity = CubicSpline(scan.coordinate, scan.positions, axis=0)(scan.coordinate, 1)  # arcs are no straight steps
    along = (scan.forces * velocity).sum(axis=(1, 2))
    step = np.diff(scan.coordinate)
    simple = 0.5 * (along[1:] + along[:-1])
    better, doubt = simple.copy(), np.zeros_like(simple)
    if len(along) > 3 and np.allclose(step, step[0], rtol=1e-3):
        better[1:-1] = np.convolve(along, (-1, 13, 13, -1), "valid") / 24
        better[0] = along[:4] @ (9, 19, -5, 1) / 24
        better[-1] = along[-4:] @ (1, -5, 19, 9) / 24
        better = np.where(np.isfinite(better), better, simple)
        doubt = 0.25 * np.abs(better - simple)
        doubt[[0, -1]] *= 4  # one-sided
        if len(along) > 5:
            quintic = np.convolve(along, (11, -93, 802, 802, -93, 11), "valid") / 1440
            finer = np.where(np.isfinite(quintic), 2 * np.abs(quintic - better[2:-2]), 0.0)
            doubt[2:-2] = np.maximum(doubt[2:-2], finer)
    doubt = np.where(np.isfinite(doubt), doubt, 0.0) * step
    padded = np.concatenate([doubt[1:2], doubt, doubt[-2:-1]])
    return -better * step, np.maximum(np.maximum(padded[:-2], padded[2:]), doubt)


def _reference(scan: Scan) -> Iterator[tuple[Kind, str]]:
    if scan.energy is None or scan.forces is None:
        return
    missing = int((~scan.referenced).sum())
    if missing:
        first = int(np.argmin(scan.referenced))
        where = f"first at {scan.coordinate[first]:.3g} Å"
        yield "missing", f"{missing} of {scan.n_frames} frames have no reference, {where}"
    yield from _misplaced(scan)
    if scan.referenced.sum() < 4:
        return
    if scan.strained:  # stress does work there, which no suite keeps
        yield from _bent(scan)
        return
    yield from _unbalanced(scan)
    steps = np.diff(scan.energy)
    work, doubt = work_of(scan)
    there = np.isfinite(steps) & np.isfinite(work)
    if np.abs(work[there]).sum() < _FLAT and np.abs(steps[there]).sum() < _FLAT:
        return
    still = there & (steps == 0) & (np.abs(work) > JUMP)
    if still.any():
        frame = int(np.argmax(still))
        yield "broken", f"frames {frame} and {frame + 1} have the same energy to the last digit"
    factor, together = ratio(steps[there], work[there])
    if together < _TOGETHER:
        yield "broken", f"energies do not follow the forces (correlation {together:.2f})"
        return
    if abs(factor - 1) > _OFF and np.abs(steps - work)[there].sum() > 2 * doubt[there].sum():
        like = explain(factor)
        text = f"energy steps are {factor:.4g} times the work of the forces"
        yield "units" if like else "broken", f"{text}: {like}" if like else text
        return
    yield from _jumps(scan, steps - work, doubt, there)
    rough = force_roughness(scan.coordinate, scan.positions, np.where(np.isfinite(scan.forces), scan.forces, 0.0))
    if rough is not None and rough > ROUGH and not missing:
        yield "rough", f"the reference's own force has a roughness of {rough:.3f}"


def _jumps(scan: Scan, gap: Floats, doubt: Floats, there: NDArray[np.bool_]) -> Iterator[tuple[Kind, str]]:
    """Steps of the energy that its forces know nothing of: another state of the self-consistency."""
    beyond = np.where(there, np.abs(gap) - doubt, 0.0)
    for k in np.flatnonzero(beyond > JUMP)[:3]:
        where = 0.5 * (scan.coordinate[k] + scan.coordinate[k + 1])
        yield "jump", f"the energy jumps by {1000 * gap[k]:+.1f} meV at {where:.3g} Å"


def _bent(scan: Scan) -> Iterator[tuple[Kind, str]]:
    """Jumps of the energy alone: fourth differences that stand out from those around them."""
    assert scan.energy is not None
    bend = np.abs(np.diff(scan.energy, 4))
    for k, value in enumerate(bend):
        around = np.concatenate([bend[max(0, k - 9) : max(0, k - 4)], bend[k + 5 : k + 10]])
        around = around[np.isfinite(around)]
        if np.isfinite(value) and len(around) and value > max(5 * JUMP, 20 * float(around.max())):
            yield "jump", f"the energy jumps near {scan.coordinate[k + 2]:.3g} Å"
            return


def _unbalanced(scan: Scan) -> Iterator[tuple[Kind, str]]:
    """Net force or torque on a molecule: forces of other atoms, or of another frame."""
    assert scan.forces is not None
    if any(scan.pbc):
        return
    forces = scan.forces[scan.referenced]
    x = scan.positions[scan.referenced]
    x = x - x.mean(axis=1, keepdims=True)
    largest = np.linalg.norm(forces, axis=-1).max(axis=1)
    net = np.linalg.norm(forces.sum(axis=1), axis=1)
    torque = np.linalg.norm(np.cross(x, forces).sum(axis=1), axis=1)
    arm = np.linalg.norm(x, axis=-1).max(axis=1)
    for name, found, size in (("force", net, largest), ("torque", torque, largest * arm)):
        bad = (found > _NET) & (found > 0.01 * size)
        if bad.any():
            worst = int(np.argmax(np.where(bad, found, 0)))
            where = int(np.flatnonzero(scan.referenced)[worst])
            yield "broken", f"frame {where} has a net {name} of {found[worst]:.2g}, which no molecule has"


def _misplaced(scan: Scan) -> Iterator[tuple[Kind, str]]:
    """A coordinate that is not what the atoms do."""
    if scan.kind == "bond" and len(scan.indices) == 2 and not any(scan.pbc):
        i, j = scan.indices
        length = np.linalg.norm(scan.positions[:, j] - scan.positions[:, i], axis=1)
        off = float(np.abs(length - scan.coordinate).max())
        if off > 1e-3:
            yield "broken", f"the coordinate is up to {off:.2g} Å off the distance of atoms {i} and {j}"


# -- scans that are there twice ----------------------------------------------------------------------------------


def _duplicates(scans: list[Scan]) -> Iterator[SuiteFault]:
    """Scans of the same frames, whether moved, turned or mirrored; those that are turned on purpose say so."""
    seen: dict[object, Scan] = {}
    for scan in scans:
        key = _shape(scan)
        other = seen.setdefault(key, scan)
        if other is not scan and not ("turn" in scan.notes and "turn" in other.notes):
            yield SuiteFault(scan.id, "duplicate", f"its frames are those of {other.id}, moved or turned")


def _shape(scan: Scan) -> object:
    """What stays of three frames when a scan is moved, turned, or its atoms are listed in another order."""
    if any(scan.pbc):
        return scan.frames_sha256()
    parts = []
    for frame in (0, scan.n_frames // 2, scan.n_frames - 1):
        x = scan.positions[frame]
        distance = np.linalg.norm(x[:, None] - x, axis=-1)
        z = scan.atomic_numbers
        rows = sorted((int(z[a]), *np.round(np.sort(distance[a]), _SAME).tolist()) for a in range(len(z)))
        parts.append(tuple(rows))
    return (scan.n_frames, scan.charge, scan.spin, *parts)
