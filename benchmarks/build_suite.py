"""How long it takes to build a suite: the bonds of thirty small drugs, with GFN2-xTB.

    python benchmarks/build_suite.py

It needs RDKit and tblite, and a machine that has nothing else to do. It builds from nothing in a folder that is thrown
away, and prints what it did and how long each part of it took.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
from pathlib import Path
from time import perf_counter

from bsct_zoo.evaluation.building import About, build
from bsct_zoo.evaluation.events import Event, Progress
from bsct_zoo.evaluation.machine import machine
from bsct_zoo.evaluation.reference import open_reference
from bsct_zoo.suites.building.settings import BuildSettings
from bsct_zoo.suites.building.sites import Choice

DRUGS = {
    "acetaminophen": "CC(=O)Nc1ccc(O)cc1",
    "aspirin": "CC(=O)Oc1ccccc1C(=O)O",
    "ibuprofen": "CC(C)Cc1ccc(C(C)C(=O)O)cc1",
    "naproxen": "COc1ccc2cc(C(C)C(=O)O)ccc2c1",
    "caffeine": "Cn1cnc2c1c(=O)n(C)c(=O)n2C",
    "metformin": "CN(C)C(=N)NC(=N)N",
    "isoniazid": "NNC(=O)c1ccncc1",
    "pyrazinamide": "NC(=O)c1cnccn1",
    "phenytoin": "O=C1NC(=O)C(c2ccccc2)(c2ccccc2)N1",
    "valproic-acid": "CCCC(CCC)C(=O)O",
    "gabapentin": "NCC1(CC(=O)O)CCCCC1",
    "levetiracetam": "CCC(C(N)=O)N1CCCC1=O",
    "lidocaine": "CCN(CC)CC(=O)Nc1c(C)cccc1C",
    "procaine": "CCN(CC)CCOC(=O)c1ccc(N)cc1",
    "propranolol": "CC(C)NCC(O)COc1cccc2ccccc12",
    "atenolol": "CC(C)NCC(O)COc1ccc(CC(N)=O)cc1",
    "salbutamol": "CC(C)(C)NCC(O)c1ccc(O)c(CO)c1",
    "diphenhydramine": "CN(C)CCOC(c1ccccc1)c1ccccc1",
    "fluoxetine": "CNCCC(Oc1ccc(C(F)(F)F)cc1)c1ccccc1",
    "bupropion": "CC(NC(C)(C)C)C(=O)c1cccc(Cl)c1",
    "diazepam": "CN1C(=O)CN=C(c2ccccc2)c2cc(Cl)ccc21",
    "ketamine": "CNC1(c2ccccc2Cl)CCCCC1=O",
    "metronidazole": "Cc1ncc([N+](=O)[O-])n1CCO",
    "sulfamethoxazole": "Cc1cc(NS(=O)(=O)c2ccc(N)cc2)no1",
    "trimethoprim": "COc1cc(Cc2cnc(N)nc2N)cc(OC)c1OC",
    "cimetidine": "CN=C(NCCSCc1nc[nH]c1C)NC#N",
    "captopril": "CC(CS)C(=O)N1CCCC1C(=O)O",
    "furosemide": "NS(=O)(=O)c1cc(C(=O)O)c(NCc2ccco2)cc1Cl",
    "hydrochlorothiazide": "NS(=O)(=O)c1cc2c(cc1Cl)NCNS2(=O)=O",
    "fluorouracil": "O=c1[nH]cc(F)c(=O)[nH]1",
}


def main() -> None:
    """Build, and say how long it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", default="xtb:gfn2")
    parser.add_argument("--per-type", type=int, default=4, help="bonds of each type")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    settings = BuildSettings("bond", choice=Choice(per_type=options.per_type))
    finished: dict[str, float] = {}  # seconds after the start at which a stage last said something
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "drugs.smi"
        source.write_text("".join(f"{smiles} {name}\n" for name, smiles in DRUGS.items()))
        reference = open_reference(options.reference, device="cpu")
        before, clock = _spent(), perf_counter()

        def tell(event: Event) -> None:
            if isinstance(event, Progress):
                finished[f"{event.total} {event.unit}"] = perf_counter() - clock

        path = Path(folder) / "drugs.npz"
        built = build(source, path, settings, reference, About("drugs"), jobs=options.jobs, listen=tell)
        wall, spent = perf_counter() - clock, _spent() - before
    scans = built.suite.scans
    missing = sum(int((~scan.referenced).sum()) for scan in scans)
    sizes = [scan.n_atoms for scan in scans]
    print(f"{len(DRUGS)} molecules, those scanned of {min(sizes)} to {max(sizes)} atoms, {options.reference}")
    types, frames = len({scan.group for scan in scans}), sum(scan.n_frames for scan in scans)
    print(f"{len(scans)} scans of {types} bond types, {frames} frames")
    for stage, seconds in finished.items():
        print(f"{stage} after {seconds:.0f} s")
    flagged = sum(bool(scan.notes.get("flags")) for scan in scans)
    print(f"{built.with_fallback} frames with fallback settings, {missing} without an answer, {flagged} scans flagged")
    for reason, count in built.left_out.items():
        print(f"left out: {reason} ({count})")
    load = os.getloadavg()[0]
    print(f"{wall:.0f} s, of which {spent:.0f} s of processors, {options.jobs} workers; load of the machine {load:.1f}")
    print(", ".join(f"{key} {value}" for key, value in machine("cpu").items()))


def _spent() -> float:
    """Seconds of processors of this process and of those that it has ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


if __name__ == "__main__":
    main()
