"""The list of suites, what one of them holds, its scans, and a drawing of one."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase.data import chemical_symbols
from rich.console import Console

from bsct_zoo.metrics.reference_free import force_along
from bsct_zoo.report.curve import draw
from bsct_zoo.report.listing import ListColumn, draw_facts, draw_list
from bsct_zoo.suites.scan import Scan
from bsct_zoo.suites.suite import Suite


@dataclass(frozen=True)
class SuiteEntry:
    """A line of the list of suites; ``state`` is "here", "import", or what is wrong with the file."""

    name: str
    title: str = ""
    n_scans: int | None = None
    level_of_theory: str = ""
    licence: str = ""
    state: str = "here"


def draw_suites(entries: Sequence[SuiteEntry], to: Console) -> None:
    """Print a line for each suite; where they stand only if one of them is not here."""
    levels = [one.level_of_theory for one in entries]
    methods = [re.split(r"/| \(", level)[0] for level in levels]  # without basis set and settings
    states = [one.state for one in entries]
    columns = [
        ListColumn("suite", [one.name for one in entries]),
        ListColumn("scans", ["" if one.n_scans is None else str(one.n_scans) for one in entries], right=True),
        ListColumn("level of theory", levels, short=methods),
        *([ListColumn("state", states)] if set(states) != {"here"} else []),
        ListColumn("licence", [one.licence for one in entries], optional=True),
        ListColumn("what", [one.title for one in entries], cut=True),
    ]
    draw_list(columns, to)


def draw_suite(suite: Suite, to: Console) -> None:
    """Print what a suite holds and how it was made."""
    groups = Counter(scan.group for scan in suite.scans)
    atoms = [scan.n_atoms for scan in suite.scans]
    frames = sum(scan.n_frames for scan in suite.scans)
    missing = sum(int((~scan.referenced).sum()) for scan in suite.scans)
    elements = sorted({z for scan in suite.scans for z in scan.atomic_numbers.tolist()})
    facts = {
        "suite": suite.name,
        "title": suite.title,
        "level of theory": suite.level_of_theory or "none",
        "scans": f"{len(suite.scans)}: " + ", ".join(f"{group} {count}" for group, count in groups.items()),
        "frames": str(frames) if missing in (0, frames) else f"{frames}, {missing} without a reference",
        "atoms": f"{min(atoms)} to {max(atoms)}, mean {sum(atoms) / len(atoms):.1f}",
        "flagged": ", ".join(scan.id for scan in suite.scans if scan.notes.get("flags")),
        "elements": " ".join(chemical_symbols[z] for z in elements),
        "licence": suite.licence,
        "cite": suite.citation,
        "sha256": suite.sha256,
        **{key.replace("_", " "): _text(value) for key, value in suite.made_by.items()},
    }
    draw_facts(facts, to)


def draw_scans(scans: Sequence[Scan], to: Console) -> None:
    """Print a line for each scan: id, atoms, frames, range, and problems of its reference."""
    draw_list(
        [
            ListColumn("scan", [scan.id for scan in scans]),
            ListColumn("atoms", [str(scan.n_atoms) for scan in scans], right=True),
            ListColumn("frames", [str(scan.n_frames) for scan in scans], right=True),
            ListColumn(
                "range, Å", [f"{scan.coordinate[0]:.2f} to {scan.coordinate[-1]:.2f}" for scan in scans], right=True
            ),
            ListColumn("flagged", ["; ".join(scan.notes.get("flags", ())) for scan in scans], cut=True),
        ],
        to,
    )


def curve_text(scan: Scan) -> str:
    """Energy and force of a scan over its coordinate, in 80 columns."""
    lines = [f"flagged: {flag}" for flag in scan.notes.get("flags", ())]
    if scan.energy is None or scan.forces is None or not scan.referenced.any():
        return "\n".join([*lines, "there is no reference to draw"])
    lines += ["", "energy above the minimum, eV"]
    lines += draw(scan.coordinate, scan.energy - np.nanmin(scan.energy))
    if not scan.strained:
        force = force_along(scan.coordinate, scan.positions, scan.forces)
        lines += ["", "force along the scan, eV/Å, as asinh(f / 10 eV/Å)"]
        lines += draw(scan.coordinate, np.arcsinh(force / 10))
    return "\n".join(lines)


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_text(inner)}" for key, inner in value.items())
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)
