"""Make the suite of bonds at a level of density functional theory, through the adapter ``pyscf`` in its environment.

    python -m suites.core_dft.make_core_dft

Run from the root of the repository. Three to five hours of one core; given again after a kill it goes on where it was.
``molecules.sdf`` has the minima of the reference; a molecule of ``molecules.smi`` that is not there is relaxed first.
"""

from __future__ import annotations

import sys
from pathlib import Path

from rdkit import Chem

import bsct_zoo as bz
from bsct_zoo.atoms.smiles import read_sdf, read_smiles
from bsct_zoo.atoms.structure import Structure
from bsct_zoo.suites.building.relaxing import relax
from bsct_zoo.suites.building.settings import BuildSettings
from bsct_zoo.suites.building.sites import Choice
from suites.making import GFN2, make, refuse_trained

MOLECULES = Path(__file__).with_name("molecules.smi")
MINIMA = MOLECULES.with_suffix(".sdf")
# Single but for methanimine's. Where a double bond breaks, one closed-shell determinant is seldom
# enough: the self-consistency jumps from state to state, as for nitrous acid's at 2.4 Å, and no model can be judged by
# that. Small rigid molecules, whose frames take a few seconds each.
BONDS = (
    *("[CH3]-C", "C-N", "[CH2]=[NH]", "C-O", "[CX2,CX3]-S", "C-P", "N-N", "N-O", "N-P", "O-P", "S-S"),
    *("C-F", "C-Cl", "C-Br", "C-I"),
)
# Fitted densities, and PySCF's grid 2: forces are within 0.3 meV/Å of those of grid 4 (compare_grids.py).
REFERENCE = "pyscf:wb97m-d3bj/def2-tzvp@density_fit=true,grid=2"


def relax_missing() -> None:
    """Add the minima that are not there, each as soon as it is found, from the minimum of GFN2-xTB."""
    known = {structure.name for structure in read_sdf(MINIMA)[0]} if MINIMA.exists() else set()
    left = [structure for structure in read_smiles(MOLECULES, seed=0)[0] if structure.name not in known]
    if not left:
        return
    with bz.load(GFN2, device="cpu") as start, bz.load(REFERENCE, device="cpu") as reference:
        for structure in left:
            for potential in (start, reference):
                place(structure, relax(structure, potential))
            with MINIMA.open("a") as file:
                file.write(Chem.MolToMolBlock(structure.graph) + "$$$$\n")
            print(f"relaxed {structure.name}", file=sys.stderr)


def place(structure: Structure, relaxed: tuple[object, str]) -> None:
    """Move the atoms to where a relaxation ended."""
    positions, problem = relaxed
    if problem:
        raise RuntimeError(f"{structure.name}: {problem}")
    structure.positions[:] = positions
    structure.graph.GetConformer().SetPositions(structure.positions)
    structure.graph.SetProp("_Name", structure.name)


if __name__ == "__main__":
    refuse_trained(MOLECULES)
    relax_missing()
    make(
        "core-dft",
        "Bond scans of molecules of three to seven atoms",
        MINIMA,
        BuildSettings("bond", frames=40, choice=Choice(smarts=BONDS)),
        reference=REFERENCE,
        cite="Reference: Najibi, Goerigk, J. Chem. Theory Comput. 14, 5725 (2018), doi:10.1021/acs.jctc.8b00842; "
        "Sun et al., J. Chem. Phys. 153, 024109 (2020), doi:10.1063/5.0006074.",
    )
