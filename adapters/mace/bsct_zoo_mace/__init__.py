"""MACE: our small checkpoint, the published families by name, and a user's own ``.model`` files."""

from bsct_zoo import hookimpl
from bsct_zoo.plugins.cards import Adapter, EnvironmentSpec, Needs, Option


@hookimpl
def register_adapters() -> list[Adapter]:
    """The one adapter of this plugin."""
    from bsct_zoo_mace.files import shipped
    from bsct_zoo_mace.published import published

    return [
        Adapter(
            name="mace",
            summary="equivariant message passing with many-body products",
            loader="bsct_zoo_mace.loader:load",
            calculator="bsct_zoo_mace.calculator:load",
            file_card="bsct_zoo_mace.files:file_card",
            cards=(*shipped(), *published()),
            environment=EnvironmentSpec(requirements=("mace-torch>=0.3.16,<0.4", "vesin>=0.3")),
            trainer="bsct_zoo_mace.training:train",
            trains_stress=True,
            options=(
                Option("head", str, "", "which head of a multi-head model; the one called default if not given"),
                Option("level_of_theory", str, "", "what a user's own model imitates, for the tables"),
                Option(
                    "accelerate",
                    str,
                    "",
                    "cueq (cuEquivariance), oeq (OpenEquivariance) or compile (torch.compile)",
                    choices=("cueq", "oeq", "compile"),
                    needs={
                        "cueq": Needs(("cuequivariance-torch>=0.2",)),
                        "oeq": Needs(("openequivariance>=0.4",), cuda=True),
                    },
                ),
            ),
            citation="I. Batatia et al., NeurIPS 2022, arXiv:2206.07697",
        )
    ]
