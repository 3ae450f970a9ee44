"""GFN2-xTB and GFN1-xTB through tblite."""

from bsct_zoo import hookimpl
from bsct_zoo.plugins.cards import Adapter, EnvironmentSpec, ModelCard, Option

_GFN2 = "C. Bannwarth, S. Ehlert, S. Grimme, J. Chem. Theory Comput. 15, 1652 (2019)"
_GFN1 = "S. Grimme, C. Bannwarth, P. Shushkov, J. Chem. Theory Comput. 13, 1989 (2017)"


@hookimpl
def register_adapters() -> list[Adapter]:
    """The one adapter of this plugin."""
    return [
        Adapter(
            name="xtb",
            aliases=("tblite",),
            summary="semi-empirical tight binding, GFN2 and GFN1",
            loader="bsct_zoo_xtb.loader:load",
            calculator="bsct_zoo_xtb.calculator:load",
            cards=(
                ModelCard(
                    name="gfn2",
                    title="GFN2-xTB",
                    level_of_theory="GFN2-xTB",
                    licence="LGPL-3.0-or-later",
                    source="package tblite",
                    citation=_GFN2,
                    notes={"method": "GFN2-xTB"},
                ),
                ModelCard(
                    name="gfn1",
                    title="GFN1-xTB",
                    level_of_theory="GFN1-xTB",
                    licence="LGPL-3.0-or-later",
                    source="package tblite",
                    citation=_GFN1,
                    notes={"method": "GFN1-xTB"},
                ),
            ),
            environment=EnvironmentSpec(requirements=("tblite>=0.4",)),
            options=(
                Option("electronic_temperature", float, 300.0, "Fermi smearing in K"),
                Option("accuracy", float, 1.0, "tblite's accuracy; smaller is tighter"),
                Option("max_iterations", int, 250, "of the self-consistency"),
                Option("fallback_scf", bool, False, "for hard frames: previous guess, damping, annealing", ("steady",)),
            ),
            citation=_GFN2,
        )
    ]
