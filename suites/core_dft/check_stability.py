"""Is the reference's closed-shell state stable? For every frame of the suite, into ``stability.csv``.

    pip install pyscf pyscf-dispersion
    python -m suites.core_dft.check_stability

Run from the root of the repository, after the suite is made; about half an hour of one core, and given again after a
kill it goes on where it was. A state is *internally* unstable if another closed-shell one is lower, which would be a
wrong reference; *externally* if one with unpaired electrons is, as beyond the length at which a bond breaks. Here the
eigenvalues have the same functional in a smaller basis on a coarse grid: only their sign is asked for.
"""

from __future__ import annotations

import csv
from pathlib import Path

from ase.data import chemical_symbols
from pyscf import dft, gto

from bsct_zoo.suites.scan import Scan
from bsct_zoo.suites.suite_file import read_suite

HERE = Path(__file__).parent
FILE = HERE / "stability.csv"
HEAD = ("scan", "frame", "coordinate", "gap_ev", "internally_stable", "externally_stable")
METHOD, BASIS, GRID = "wb97m-d3bj", "def2-svp", 0
HARTREE = 27.211386  # eV


def main() -> None:
    """Add what is missing."""
    suite = read_suite(HERE / "bsct_zoo_core_dft" / "core-dft.npz")
    known = set()
    if FILE.exists():
        with FILE.open(encoding="utf-8") as lines:
            known = {(row["scan"], int(row["frame"])) for row in csv.DictReader(lines)}
    with FILE.open("a", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines, lineterminator="\n")
        if not known:
            writer.writerow(HEAD)
        for scan in suite.scans:
            for frame in range(scan.n_frames):
                if (scan.id, frame) not in known:
                    writer.writerow([scan.id, frame, f"{scan.coordinate[frame]:.4f}", *stability(scan, frame)])
            lines.flush()


def stability(scan: Scan, frame: int) -> tuple[str, int, int]:
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
    gap = (field.mo_energy[~filled].min() - field.mo_energy[filled].max()) * HARTREE
    words = {"return_status": True, "nroots": 1, "tol": 1e-3}
    within = field.stability(internal=True, external=False, **words)[2]
    out = field.stability(internal=False, external=True, **words)[3]
    return f"{gap:.3f}", int(within), int(out)


if __name__ == "__main__":
    main()
