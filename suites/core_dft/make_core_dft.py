"""Make the suite of bonds at a level of density functional theory, through the adapter ``pyscf`` in its environment.

    python -m suites.core_dft.make_core_dft

Run from the root of the repository. Hours of two cores; given again after a kill it goes on where it was.
"""

from __future__ import annotations

from pathlib import Path

from bsct_zoo.suites.building.settings import BuildSettings
from bsct_zoo.suites.building.sites import Choice
from suites.making import make

# Single bonds of the fourteen types of ``core``. Where a double or triple bond breaks, one closed-shell determinant is
# not enough: the self-consistency jumps from state to state (by 1.9 eV at 2.4 Å in nitrous acid), and no model can be
# judged by that.
PAIRS = "6-6 6-7 6-8 6-16 6-15 7-7 7-8 7-15 8-15 16-16 6-9 6-17 6-35 6-53"
BONDS = tuple("[#{}]-[#{}]".format(*pair.split("-")) for pair in PAIRS.split())

if __name__ == "__main__":
    make(
        "core-dft",
        "Bond scans of molecules of four to ten atoms, fourteen bond types",
        Path(__file__).with_name("molecules.smi"),
        BuildSettings("bond", frames=40, choice=Choice(smarts=BONDS)),
        reference="pyscf:wb97m-d3bj/def2-tzvp@grid=3,density_fit=true",
        cite="Reference: Najibi, Goerigk, J. Chem. Theory Comput. 14, 5725 (2018), doi:10.1021/acs.jctc.8b00842; "
        "Sun et al., J. Chem. Phys. 153, 024109 (2020), doi:10.1063/5.0006074.",
    )
