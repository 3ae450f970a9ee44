"""Make the suite of bonds at a level of density functional theory, through the adapter ``pyscf`` in its environment.

    python -m suites.core_dft.make_core_dft

Run from the root of the repository. About eight minutes of one core; given again after a kill it goes on where it was.
"""

from __future__ import annotations

from pathlib import Path

from bsct_zoo.suites.building.settings import BuildSettings
from bsct_zoo.suites.building.sites import Choice
from suites.making import make

# Where the double bond of nitrous acid breaks, one closed-shell determinant is not enough: the self-consistency jumps
# from state to state (by 1.9 eV at 2.4 Å), and no model can be judged by that. The triple bond of cyanic acid likewise.
BONDS = ("C=N", "C-O", "N-O")

if __name__ == "__main__":
    make(
        "core-dft",
        "Bond scans of molecules of four and five atoms",
        Path(__file__).with_name("molecules.smi"),
        BuildSettings("bond", frames=25, choice=Choice(smarts=BONDS)),
        reference="pyscf:wb97m-d3bj/def2-svp@grid=3",
        cite="Reference: Najibi, Goerigk, J. Chem. Theory Comput. 14, 5725 (2018), doi:10.1021/acs.jctc.8b00842; "
        "Sun et al., J. Chem. Phys. 153, 024109 (2020), doi:10.1063/5.0006074.",
    )
