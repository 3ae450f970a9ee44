"""Any ASE calculator as a model: ``ase:package.module.Class@argument=value,...``."""

from bsct_zoo import hookimpl
from bsct_zoo.plugins import calculator_cards
from bsct_zoo.plugins.cards import Adapter


@hookimpl
def register_adapters() -> list[Adapter]:
    """The one adapter of this plugin."""
    return [
        Adapter(
            name="ase",
            summary="any ASE calculator by its import path, one frame at a time",
            loader=calculator_cards.LOADER,
            file_card="bsct_zoo_ase.files:file_card",
            cards=(),
            free_options=True,
            options=calculator_cards.OPTIONS,
            citation="A. H. Larsen et al., J. Phys.: Condens. Matter 29, 273002 (2017)",
        )
    ]
