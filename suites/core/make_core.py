"""Make the core suite: bond scans of small molecules at GFN2-xTB, four for each of fourteen bond types.

    python -m suites.core.make_core

Run from the root of the repository. Scans that the file holds already stand as they are, unless ``--again``. The
builder's own parts embed, cut, scan and write; what `suites build` does not take are the bonds of `molecules.smi`, one
for each molecule, and a tighter minimum to start from.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from ase.optimize import BFGS

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.atoms.smiles import read_smiles
from bsct_zoo.atoms.structure import Structure
from bsct_zoo.models.naming import parse_model
from bsct_zoo.potentials.bridges import PotentialCalculator
from bsct_zoo.potentials.potential import Potential
from bsct_zoo.runtime.load import load_potential
from bsct_zoo.suites.building.sites import make_site
from bsct_zoo.suites.building.validate import validate
from bsct_zoo.suites.frames import frames_of
from bsct_zoo.suites.geometry import bond_scan
from bsct_zoo.suites.scan import Scan
from bsct_zoo.suites.suite import Suite
from bsct_zoo.suites.suite_file import read_suite, write_suite
from suites.making import CITATION, GFN2, refuse_trained

HERE = Path(__file__).parent
SEED = 0
FRAMES = 100
FMAX = 0.002  # eV/Å
STEPS = 500


def relaxed(structure: Structure, potential: Potential) -> Structure:
    """The molecule at a minimum of the reference."""
    atoms = structure.to_atoms()
    atoms.calc = PotentialCalculator(potential)
    if not BFGS(atoms, logfile=None).run(fmax=FMAX, steps=STEPS):
        raise ValueError(f"{structure.smiles} did not relax to {FMAX} eV/Å within {STEPS} steps")
    return replace(structure, positions=atoms.get_positions())


def planned(structure: Structure) -> Scan:
    """The scan of the bond that a line of `molecules.smi` names, without a reference."""
    group, name, i, j = structure.name.split()
    site = make_site(structure, "bond", (int(i), int(j)))
    if site.group != group:
        raise ValueError(f"{structure.smiles}: bond ({i}, {j}) is {site.group}, not {group}")
    x = structure.positions - structure.positions.mean(0)
    coordinate, frames = bond_scan(x, structure.numbers, *site.atoms, site.labels, FRAMES)
    return Scan(
        id=f"{group}/{name}",
        kind="bond",
        group=group,
        atomic_numbers=structure.numbers,
        coordinate=coordinate,
        positions=np.round(frames, 8),
        indices=site.atoms,
        labels=site.labels,
        charge=structure.charge,
        spin=structure.spin,
        notes={"smiles": structure.smiles},
    )


def labelled(scan: Scan, potential: Potential) -> Scan:
    """The scan with its reference; NaN where the self-consistency does not converge."""
    found = potential.compute(AtomsBatch.join(frames_of(scan)))
    forces = found.forces.numpy().reshape(scan.positions.shape)
    return replace(scan, energy=found.energy.numpy(), forces=forces)


def main() -> None:
    """Make every scan, write the suite, say what its check finds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=HERE / "bsct_zoo_core" / "core.npz")
    parser.add_argument("--again", action="store_true", help="make the scans anew that the file holds")
    options = parser.parse_args()
    out = options.out
    kept = {scan.id: scan for scan in read_suite(out).scans} if out.exists() and not options.again else {}
    source = HERE / "molecules.smi"
    refuse_trained(source)
    torch.set_num_threads(1)
    spec = parse_model(GFN2)
    scans = []
    with load_potential(spec.adapter, spec.card, device="cpu", options=spec.options) as potential:
        structures, left_out = read_smiles(source, SEED)
        if left_out:
            raise ValueError(f"{source}: {left_out}")
        for structure in structures:
            group, name, *_ = structure.name.split()
            scan = kept.get(f"{group}/{name}") or labelled(planned(relaxed(structure, potential)), potential)
            scans.append(replace(scan, notes={"smiles": structure.smiles}))
            print(scans[-1].id, flush=True)
        level = potential.info.level_of_theory
    suite = Suite(
        name="core",
        title="Bond scans of small molecules, four for each of fourteen bond types",
        level_of_theory=level,
        licence="MIT",
        citation=f"{CITATION} Test: Liu, Qu, Kreiman, Blau, Krishnapriyan, arXiv:2602.04861.",
        scans=tuple(scans),
        made_by={
            "command": "python -m suites.core.make_core",
            "seed": SEED,
            "reference": GFN2,
            "versions": {name: version(name) for name in ("ase", "numpy", "rdkit", "tblite")},
        },
    )
    for finding in validate(suite):
        print(f"{finding.kind}: {finding.scan}: {finding.text}")
    print(f"{len(scans)} scans, sha256 {write_suite(out, suite)}")


if __name__ == "__main__":
    main()
