"""Any ASE calculator as a model: ``ase:package.module.Class@argument=value,...``."""

from bsct_zoo import hookimpl
from bsct_zoo.plugins.cards import Adapter, Option


@hookimpl
def register_adapters() -> list[Adapter]:
    """The one adapter of this plugin."""
    return [
        Adapter(
            name="ase",
            summary="any ASE calculator by its import path, one frame at a time",
            loader="bsct_zoo_ase.loader:load",
            file_card="bsct_zoo_ase.files:file_card",
            cards=(),
            free_options=True,
            options=(
                Option("level_of_theory", str, "", "what the calculator imitates, for the tables"),
                Option("licence", str, "", "of its weights, for the tables"),
            ),
            citation="A. H. Larsen et al., J. Phys.: Condens. Matter 29, 273002 (2017)",
        )
    ]
