"""SevenNet: the universal potentials that its package brings, and a user's own checkpoints."""

from bsct_zoo import hookimpl
from bsct_zoo.plugins.cards import Adapter, EnvironmentSpec, Needs, Option


@hookimpl
def register_adapters() -> list[Adapter]:
    """The one adapter of this plugin."""
    from bsct_zoo_sevennet.files import PARK_2024, SHIPPED

    return [
        Adapter(
            name="sevennet",
            aliases=("7net",),
            summary="equivariant message passing, universal for crystals",
            loader="bsct_zoo_sevennet.loader:load",
            calculator="bsct_zoo_sevennet.calculator:load",
            file_card="bsct_zoo_sevennet.files:file_card",
            cards=SHIPPED,
            environment=EnvironmentSpec(requirements=("sevenn>=0.13,<0.14",)),
            options=(
                Option("modal", str, "", "which fidelity of a user's own multi-fidelity checkpoint"),
                Option("level_of_theory", str, "", "what a user's own checkpoint imitates, for the tables"),
                Option(
                    "accelerate",
                    str,
                    "",
                    "cueq (cuEquivariance) or oeq (OpenEquivariance)",
                    choices=("cueq", "oeq"),
                    needs={
                        "cueq": Needs(("cuequivariance-torch>=0.7,<0.10",), cuda=True),
                        "oeq": Needs(("openequivariance>=0.4",), cuda=True),
                    },
                ),
            ),
            citation=PARK_2024,
        )
    ]
