"""Hartree-Fock and density functionals through PySCF: ``pyscf:METHOD/BASIS``. Imports nothing heavy."""

from bsct_zoo import hookimpl
from bsct_zoo.plugins.cards import Adapter, EnvironmentSpec, Option


@hookimpl
def register_adapters() -> list[Adapter]:
    """The one adapter of this plugin."""
    return [
        Adapter(
            name="pyscf",
            summary="Hartree-Fock and density functionals, pyscf:METHOD/BASIS",
            loader="bsct_zoo_pyscf.loader:load",
            file_card="bsct_zoo_pyscf.files:file_card",
            cards=(),
            environment=EnvironmentSpec(requirements=("pyscf>=2.9,<3", "pyscf-dispersion>=1.3,<2")),
            options=(
                Option("grid", int, 4, "level of the integration grid, 0 to 9"),
                Option("conv_tol", float, 1e-9, "change of the energy at which it is converged, Hartree"),
                Option("max_cycle", int, 100, "of the self-consistency"),
                Option("density_fit", bool, False, "fit the density in an auxiliary basis"),
                Option(
                    "fallback_scf", bool, False, "for hard frames: previous guess, level shift, smearing", ("steady",)
                ),
            ),
            citation="Q. Sun et al., J. Chem. Phys. 153, 024109 (2020), doi:10.1063/5.0006074",
        )
    ]
