"""NequIP and Allegro: a user's packaged or compiled models, and checkpoints trained here."""

from bsct_zoo import hookimpl
from bsct_zoo.plugins.cards import Adapter, EnvironmentSpec, Needs, Option


@hookimpl
def register_adapters() -> list[Adapter]:
    """The one adapter of this plugin."""
    from bsct_zoo_nequip.files import shipped

    return [
        Adapter(
            name="nequip",
            aliases=("allegro",),
            summary="E(3)-equivariant message passing by tensor products",
            loader="bsct_zoo_nequip.loader:load",
            calculator="bsct_zoo_nequip.calculator:load",
            file_card="bsct_zoo_nequip.files:file_card",
            cards=shipped(),
            environment=EnvironmentSpec(
                requirements=("nequip>=0.19,<0.20", "nequip-allegro>=0.8,<0.9", "vesin>=0.3"),
            ),
            options=(
                Option("level_of_theory", str, "", "what a user's own model imitates, for the tables"),
                Option(
                    "accelerate",
                    str,
                    "",
                    "oeq (OpenEquivariance) or compile (torch.compile)",
                    choices=("oeq", "compile"),
                    needs={"oeq": Needs(("openequivariance>=0.4",), cuda=True)},
                ),
            ),
            trainer="bsct_zoo_nequip.training:train",
            trains_stress=True,
            citation="S. Batzner et al., Nat. Commun. 13, 2453 (2022); C. W. Tan et al., arXiv:2504.16068",
        )
    ]
