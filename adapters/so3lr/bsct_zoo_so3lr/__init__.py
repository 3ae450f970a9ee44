"""SO3LR: short range learned, long range by physics, for organic molecules with charge and spin."""

from bsct_zoo import hookimpl
from bsct_zoo.plugins.cards import Adapter, EnvironmentSpec, Option


@hookimpl
def register_adapters() -> list[Adapter]:
    """The one adapter of this plugin."""
    from bsct_zoo_so3lr.files import CARD, KABYLDA_2025

    return [
        Adapter(
            name="so3lr",
            summary="equivariant transformer with electrostatics and dispersion, organic molecules, charge and spin",
            loader="bsct_zoo_so3lr.loader:load",
            calculator="bsct_zoo_so3lr.calculator:load",
            cards=(CARD,),
            environment=EnvironmentSpec(requirements=("so3krates-torch==0.2.1",)),
            options=(
                Option(
                    "r_max_lr",
                    float,
                    0.0,
                    "long-range cut-off in Å; 0: 1000 for molecules, 12 where there are images",
                    minimum=0.0,
                ),
            ),
            citation=KABYLDA_2025,
        )
    ]
