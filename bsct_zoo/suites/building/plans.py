"""From structures to scans without a reference: which frames are to be computed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
from ase.data import chemical_symbols
from numpy.typing import NDArray

from bsct_zoo.atoms.charge_spin import lowest_spin
from bsct_zoo.atoms.smiles import seed_of
from bsct_zoo.atoms.structure import Structure
from bsct_zoo.errors import BadInputError
from bsct_zoo.suites.building.crystal_scans import crystal_scans
from bsct_zoo.suites.building.settings import BuildSettings
from bsct_zoo.suites.building.sites import Choice, Site, find_sites, fitting
from bsct_zoo.suites.geometry import bond_scan
from bsct_zoo.suites.rotation import angle_scan, torsion_scan
from bsct_zoo.suites.scan import Scan
from bsct_zoo.suites.suite import Suite
from bsct_zoo.suites.translation import dimer_scan, shift_scan

Floats = NDArray[np.float64]
_DIGITS = 8  # of positions, so that the same frames have the same bytes on every machine


def plan(structures: Sequence[Structure], settings: BuildSettings) -> tuple[list[Scan], Counter[str]]:
    """The scans that ``settings`` ask of ``structures``, and how many were left out, by reason.

    Raises:
        BadInputError: nothing is left to scan; says why.
    """
    left_out: Counter[str] = Counter()
    if settings.kind == "dimer":
        scans = list(_dimers(structures, settings, left_out))
    elif settings.kind == "strain":
        scans = list(crystal_scans(structures, settings, left_out))
    else:
        sites, left_out = find_sites(structures, settings.kind, settings.choice)
        scans = list(_sites(sites, settings, left_out))
    if not scans:
        why = [f"{reason} ({count})" for reason, count in left_out.items()]
        why += _at_hand(structures, settings)
        raise BadInputError(f"there is no {settings.kind} to scan: {'; '.join(why)}")
    if settings.limit is not None:
        suite = Suite("", "", None, "", "", tuple(scans))
        scans = list(suite.select(limit=settings.limit, seed=settings.seed).scans)
    return [
        replace(scan, positions=np.round(scan.positions, _DIGITS), cell=np.round(scan.cell, _DIGITS)) for scan in scans
    ], left_out


def _at_hand(structures: Sequence[Structure], settings: BuildSettings) -> Iterator[str]:
    """What could be scanned instead."""
    if settings.kind == "dimer" or settings.kind == "strain":
        if settings.choice.only:
            yield "--only leaves none"
        return
    everything, _ = find_sites(structures, settings.kind, Choice(hydrogens=True))
    groups = sorted({site.group for site in everything})
    if groups:
        yield f"types at hand are {', '.join(groups)}"
    if any("H" in group.split("-") for group in groups):
        yield "those with hydrogen need --hydrogens"


def _sites(sites: Sequence[Site], settings: BuildSettings, left_out: Counter[str]) -> Iterator[Scan]:
    for site in sites:
        structure = site.structure
        x = structure.positions if structure.periodic else structure.positions - structure.positions.mean(0)
        try:
            if site.kind == "atom":
                yield from _atom(site, x, settings)
            else:
                coordinate, frames, notes = _moved(site, x, settings)
                yield _scan(site, coordinate, frames, notes)
        except ValueError as error:
            left_out[_without_atoms(str(error))] += 1


def _moved(site: Site, x: Floats, settings: BuildSettings) -> tuple[Floats, Floats, dict[str, Any]]:
    start, stop = settings.range
    if site.kind == "bond":
        i, j = site.atoms
        return *bond_scan(x, site.structure.numbers, i, j, site.labels, settings.frames, start, stop), {}
    turn = site.labels == 1
    if site.kind == "angle":
        i, j, k = site.atoms
        coordinate, frames, reach = angle_scan(x, i, j, k, turn, settings.frames, start, stop)
    else:
        i, j, k, m = site.atoms
        coordinate, frames, reach = torsion_scan(x, i, j, k, m, turn, settings.frames)
    return coordinate, frames, {"radius": round(reach, 6)}


def _atom(site: Site, x: Floats, settings: BuildSettings) -> Iterator[Scan]:
    (atom,) = site.atoms
    random = np.random.default_rng(seed_of("atom", settings.seed, site.structure.name, atom))
    for number in range(settings.directions):
        direction = random.normal(size=3)
        coordinate, frames = shift_scan(x, site.labels == 1, direction, settings.frames, settings.reach)
        yield _scan(site, coordinate, frames, {}, f"-{number}")


def _scan(site: Site, coordinate: Floats, frames: Floats, notes: dict[str, Any], suffix: str = "") -> Scan:
    structure = site.structure
    place = "-".join(map(str, site.atoms))
    return Scan(
        id=f"{site.group}/{structure.name}-{place}{suffix}",
        kind=site.kind,
        group=site.group,
        atomic_numbers=structure.numbers,
        coordinate=coordinate,
        positions=frames,
        indices=site.atoms,
        labels=site.labels,
        charge=structure.charge,
        spin=structure.spin,
        cell=structure.cell,
        pbc=structure.pbc,
        notes=notes | ({"smiles": structure.smiles} if structure.smiles else {}),
    )


def _without_atoms(text: str) -> str:
    """A reason without the numbers of its atoms, so that reasons can be counted."""
    head, colon, tail = text.partition(": ")
    return tail if colon else head


# -- two molecules, two atoms ------------------------------------------------------------------------------------


def _dimers(structures: Sequence[Structure], settings: BuildSettings, left_out: Counter[str]) -> Iterator[Scan]:
    molecules, only = [structure for structure in structures if not structure.periodic], settings.choice.only
    if len(molecules) < len(structures):
        left_out["crystals make no dimers"] += len(structures) - len(molecules)
    elements = sorted({int(z) for structure in molecules for z in structure.numbers}, key=lambda z: chemical_symbols[z])
    for first, second in combinations_with_replacement(elements, 2):
        group = f"{chemical_symbols[first]}-{chemical_symbols[second]}"
        if not only or fitting(group, only):
            yield from _atom_pair(first, second, group, settings)
    for one, other in combinations_with_replacement([m for m in molecules if len(m.numbers) > 1], 2):
        if not only or fitting("molecules", only) or fitting(f"{one.name}+{other.name}", only):
            yield from _molecule_pair(one, other, settings, left_out)


def _atom_pair(first: int, second: int, group: str, settings: BuildSettings) -> Iterator[Scan]:
    """A pair of atoms over the range of a bond scan, turned as a whole so that asphericity can be told."""
    numbers = np.array([first, second], dtype=np.int64)
    random = np.random.default_rng(seed_of("pair", settings.seed, group))
    for turn in range(settings.directions):
        axis = np.array([0.0, 0.0, 1.0]) if turn == 0 else random.normal(size=3)
        place = np.stack([-0.5 * axis, 0.5 * axis])
        coordinate, frames = bond_scan(place, numbers, 0, 1, np.array([0, 1]), settings.frames)
        yield Scan(
            id=f"{group}/turn-{turn}",
            kind="dimer",
            group=group,
            atomic_numbers=numbers,
            coordinate=coordinate,
            positions=frames,
            indices=(0, 1),
            labels=np.array([0, 1]),
            spin=lowest_spin(numbers, 0),
            notes={"turn": turn},
        )


def _molecule_pair(one: Structure, other: Structure, settings: BuildSettings, left_out: Counter[str]) -> Iterator[Scan]:
    """Two rigid molecules, in relative orientations that are drawn, from contact on."""
    name = f"{one.name}+{other.name}"
    random = np.random.default_rng(seed_of("dimer", settings.seed, name))
    numbers = np.concatenate([one.numbers, other.numbers])
    charge = one.charge + other.charge
    for number in range(settings.directions):
        turn, _ = np.linalg.qr(random.normal(size=(3, 3)))
        turn *= np.linalg.det(turn)  # a rotation, not a mirror
        direction = random.normal(size=3)
        second = (other.positions - other.positions.mean(0)) @ turn
        try:
            coordinate, frames = dimer_scan(
                one.positions, one.numbers, second, other.numbers, direction, settings.frames, *settings.range
            )
        except ValueError as error:
            left_out[str(error)] += 1
            continue
        yield Scan(
            id=f"molecules/{name}-{number}",
            kind="dimer",
            group="molecules",
            atomic_numbers=numbers,
            coordinate=coordinate,
            positions=frames,
            labels=np.repeat([0, 1], [len(one.numbers), len(other.numbers)]),
            charge=charge,
            spin=lowest_spin(numbers, charge),
            notes={"smiles": f"{one.smiles}.{other.smiles}"} if one.smiles and other.smiles else {},
        )
