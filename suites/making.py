"""What the scripts of the shipped suites share: their level of theory, and that none of their molecules was trained on.

Run them from the root of the repository, with RDKit and tblite at hand:

    python -m suites.angles.make_angles
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from rdkit import Chem

from bsct_zoo.evaluation.building import About, build
from bsct_zoo.evaluation.events import Event, Message, Progress
from bsct_zoo.evaluation.reference import open_reference
from bsct_zoo.suites.building.settings import BuildSettings

HERE = Path(__file__).parent
TRAINED = sorted((HERE.parent / "training").glob("*.smi"))
GFN2 = "xtb@electronic_temperature=3000,accuracy=0.1"  # as for ``core``: smooth over the whole of a scan
CITATION = "Reference: Bannwarth, Ehlert, Grimme, J. Chem. Theory Comput. 2019, doi:10.1021/acs.jctc.8b01176."


def make(name: str, title: str, source: Path, settings: BuildSettings, reference: str = GFN2, cite: str = "") -> None:
    """Build the suite ``name`` into its package and say what came out."""
    if source.suffix == ".smi":
        refuse_trained(source)
    package = name.replace("-", "_")
    built = build(
        source,
        HERE / package / f"bsct_zoo_{package}" / f"{name}.npz",
        settings,
        open_reference(reference, device="cpu"),
        About(name, title, "The bsct-zoo authors", "MIT", cite, f"python -m suites.{package}.make_{package}"),
        jobs=os.cpu_count() or 1,
        replace_other=True,
        listen=tell,
    )
    print(file=sys.stderr)
    for scan in built.suite.scans:
        print(f"{scan.id:44s} {scan.n_atoms:3d} atoms {int((~scan.referenced).sum()):3d} without a reference")
    for reason, count in built.left_out.items():
        print(f"left out: {reason} ({count})")
    for finding in built.findings:
        print(f"{finding.kind}: {finding.scan}: {finding.text}")
    print(f"{len(built.suite.scans)} scans, {built.path.stat().st_size / 2**20:.2f} MiB, sha256 {built.suite.sha256}")


def tell(event: Event) -> None:
    """Progress and messages on standard error."""
    if isinstance(event, Progress):
        print(f"\r{event.done} of {event.total} {event.unit}", end="", file=sys.stderr)
    elif isinstance(event, Message):
        print(event.text, file=sys.stderr)


def refuse_trained(source: Path) -> None:
    """Raise `ValueError` if a checkpoint of ours was trained on a molecule of ``source``, or it is not canonical."""
    known = {Chem.CanonSmiles(smiles) for path in TRAINED for smiles in smiles_of(path)}
    for smiles in smiles_of(source):
        if Chem.CanonSmiles(smiles) != smiles:
            raise ValueError(f"{smiles} is not canonical: write {Chem.CanonSmiles(smiles)}")
        if smiles in known:
            raise ValueError(f"{smiles} is a training molecule: a suite must not contain it")


def smiles_of(path: Path) -> list[str]:
    """The molecules of a list."""
    return [line.split()[0] for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")]
