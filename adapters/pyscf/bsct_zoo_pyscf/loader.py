"""Load a level of theory of PySCF."""

from __future__ import annotations

from typing import Literal

from pyscf import dft, gto
from pyscf.scf.dispersion import parse_dft

from bsct_zoo.errors import BadInputError
from bsct_zoo.plugins.cards import ModelCard
from bsct_zoo.potentials.potential import Potential
from bsct_zoo_pyscf.potential import PyscfPotential, Settings


def load(
    card: ModelCard,
    device: str,
    dtype: Literal["float32", "float64"],
    grid: int = 4,
    conv_tol: float = 1e-9,
    max_cycle: int = 100,
    density_fit: bool = False,
    fallback_scf: bool = False,
) -> Potential:
    """The level of theory of ``card``; always float64 and on the CPU.

    Raises:
        BadInputError: PySCF knows no such method or basis, or a setting is out of range.
    """
    if not 0 <= grid <= 9 or conv_tol <= 0 or max_cycle < 1:
        raise BadInputError("pyscf wants grid from 0 to 9, conv_tol > 0 and max_cycle >= 1")
    method, basis = card.notes["method"], card.notes["basis"]
    if method != "hf":
        try:
            dft.libxc.parse_xc(parse_dft(method)[0])
        except (KeyError, ValueError, NotImplementedError) as error:
            raise BadInputError(f"PySCF knows no functional '{method}': {error}") from error
    try:
        gto.basis.load(basis, "H")
    except Exception as error:  # it raises several kinds, by version
        raise BadInputError(f"PySCF knows no basis '{basis}' for hydrogen") from error
    settings = Settings(method, basis, grid, conv_tol, max_cycle, density_fit, fallback_scf)
    return PyscfPotential(settings, card.level_of_theory, card.licence)
