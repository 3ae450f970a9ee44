"""The Transformer of arXiv:2602.04861: attention between the edges of a differentiable k-nearest-neighbour graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bsct_zoo import hookimpl
from bsct_zoo.plugins.cards import Adapter, EnvironmentSpec

if TYPE_CHECKING:
    import typer


@hookimpl
def register_adapters() -> list[Adapter]:
    """The one adapter of this plugin."""
    from bsct_zoo_transformer.files import shipped

    return [
        Adapter(
            name="transformer",
            aliases=("mindscaip",),
            summary="edge Transformer with a differentiable kNN graph",
            loader="bsct_zoo_transformer.loader:load",
            file_card="bsct_zoo_transformer.files:file_card",
            cards=shipped(),
            environment=EnvironmentSpec(requirements=("vesin>=0.3",)),
            trainer="bsct_zoo_transformer.training:train",
            trains_stress=True,
            trains_charge=True,
            training_requirements=("lightning>=2.6,<3",),
            citation="Liu, Qu, Kreiman, Blau, Krishnapriyan, arXiv:2602.04861",
        )
    ]


@hookimpl
def register_commands(app: typer.Typer) -> None:
    """``bsct-zoo ablate transformer``."""
    from bsct_zoo_transformer.command import app as ablate

    app.add_typer(ablate, name="ablate")
