"""ANI-2xt: a network of atomic environments for organic molecules, from Auto3D."""

from bsct_zoo import hookimpl
from bsct_zoo.plugins.cards import Adapter, EnvironmentSpec


@hookimpl
def register_adapters() -> list[Adapter]:
    """The one adapter of this plugin."""
    from bsct_zoo_ani2xt.files import CARD, LIU_2022

    return [
        Adapter(
            name="ani2xt",
            summary="network of atomic environments, for organic molecules",
            loader="bsct_zoo_ani2xt.loader:load",
            calculator="bsct_zoo_ani2xt.calculator:load",
            cards=(CARD,),
            environment=EnvironmentSpec(requirements=("auto3d[ani,ase]==3.2.3",)),
            citation=LIU_2022,
        )
    ]
