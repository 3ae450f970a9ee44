"""Is the closed-shell state of the reference stable? For each frame of the suite, into ``stability.csv``, and a table.

    pip install pyscf pyscf-dispersion
    python -m suites.core_dft.check_stability

Run from the root of the repository, after the suite is made; about half an hour of one core, and given again after a
kill it goes on where it was. A state is *internally* unstable if another closed-shell one is lower, which would be a
wrong reference; *externally* if one with unpaired electrons is, as beyond the length at which a bond breaks. Here the
eigenvalues have the same functional in a smaller basis on a coarse grid: only their sign is asked for.
"""

from __future__ import annotations

import csv
import sys
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from ase.data import chemical_symbols
from ase.units import Hartree
from pyscf import dft, gto

from bsct_zoo.files import atomic_write
from bsct_zoo.suites.scan import Scan
from bsct_zoo.suites.suite_file import read_suite

HERE = Path(__file__).parent
FILE = HERE / "stability.csv"
HEAD = ("scan", "frame", "coordinate", "gap_ev", "internally_stable", "externally_stable")
METHOD, BASIS, GRID = "wb97m-d3bj", "def2-svp", 0


def main() -> None:
    """Add what is missing, and print the table."""
    suite = read_suite(HERE / "bsct_zoo_core_dft" / "core-dft.npz")
    known: dict[str, list[dict[str, str]]] = {}
    if FILE.exists():
        for row in csv.DictReader(FILE.read_text(encoding="utf-8").splitlines()):
            known.setdefault(row["scan"], []).append(row)
    for scan in suite.scans:
        if scan.id in known:
            continue
        known[scan.id] = [
            dict(zip(HEAD, (scan.id, str(frame), f"{place:.4f}", *stability(scan, frame)), strict=True))
            for frame, place in enumerate(scan.coordinate)
        ]
        rows = [row for one in suite.scans for row in known.get(one.id, ())]
        atomic_write(FILE, "".join(",".join(row) + "\n" for row in (HEAD, *(row.values() for row in rows))).encode())
        print(scan.id, file=sys.stderr, flush=True)
    print(table([row for one in suite.scans for row in known[one.id]]))


def table(rows: list[dict[str, str]]) -> str:
    """For each scan, where unpaired electrons would be lower and where another closed shell would, in Å."""
    out = ["| scan | smallest gap eV | externally unstable at Å | internally unstable at Å |", "|---|---:|---|---|"]
    for scan, frames in groupby(rows, key=itemgetter("scan")):
        own = list(frames)
        places = [
            ranges([row["coordinate"] for row in own], [row[column] == "0" for row in own])
            for column in ("externally_stable", "internally_stable")
        ]
        out.append(f"| {scan} | {min(float(row['gap_ev']) for row in own):.1f} | {places[0]} | {places[1]} |")
    return "\n".join(out)


def ranges(coordinate: list[str], unstable: list[bool]) -> str:
    """First and last coordinate of each run of unstable frames."""
    found = []
    for bad, frames in groupby(zip(unstable, coordinate, strict=True), key=itemgetter(0)):
        if bad:
            own = [f"{float(value):.2f}" for _, value in frames]
            found.append(own[0] if len(own) == 1 else f"{own[0]} to {own[-1]}")
    return ", ".join(found) or "–"


def stability(scan: Scan, frame: int) -> tuple[str, str, str]:
    """Gap between the highest occupied and the lowest empty orbital, and whether the state is stable within and out."""
    symbols = [chemical_symbols[z] for z in scan.atomic_numbers]
    heavy = {symbol: BASIS for symbol, z in zip(symbols, scan.atomic_numbers, strict=True) if z > 36}
    atoms = list(zip(symbols, scan.positions[frame].tolist(), strict=True))
    molecule = gto.M(atom=atoms, basis=BASIS, ecp=heavy, charge=scan.charge, verbose=0)
    field = dft.RKS(molecule, xc=METHOD).density_fit()
    field.grids.level = GRID
    field.kernel()
    if not field.converged:
        field = field.newton()
        field.kernel()
    filled = field.mo_occ > 0
    gap = (field.mo_energy[~filled].min() - field.mo_energy[filled].max()) * Hartree
    words = {"return_status": True, "nroots": 1, "tol": 1e-3}
    within = field.stability(internal=True, external=False, **words)[2]
    out = field.stability(internal=False, external=True, **words)[3]
    return f"{gap:.3f}", str(int(within)), str(int(out))


if __name__ == "__main__":
    main()
