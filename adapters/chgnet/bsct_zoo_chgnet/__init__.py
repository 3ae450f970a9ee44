"""CHGNet: the universal potentials for crystals that its package brings, and a user's own checkpoints."""

from bsct_zoo import hookimpl
from bsct_zoo.plugins.cards import Adapter, EnvironmentSpec, Option


@hookimpl
def register_adapters() -> list[Adapter]:
    """The one adapter of this plugin."""
    from bsct_zoo_chgnet.files import DENG_2023, SHIPPED

    return [
        Adapter(
            name="chgnet",
            summary="graph network of atoms, bonds and angles, universal for crystals",
            loader="bsct_zoo_chgnet.loader:load",
            calculator="bsct_zoo_chgnet.calculator:load",
            file_card="bsct_zoo_chgnet.files:file_card",
            cards=SHIPPED,
            environment=EnvironmentSpec(requirements=("chgnet>=0.4.1,<0.5",)),
            options=(Option("level_of_theory", str, "", "what a user's own checkpoint imitates, for the tables"),),
            citation=DENG_2023,
        )
    ]
