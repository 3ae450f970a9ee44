"""The Transformer of arXiv:2602.04861: attention between the edges of a differentiable k-nearest-neighbour graph."""

from bsct_zoo import hookimpl
from bsct_zoo.cards import Adapter, EnvironmentSpec


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
            training_requirements=("lightning>=2.6,<3",),
            citation="Liu, Qu, Kreiman, Blau, Krishnapriyan, arXiv:2602.04861",
        )
    ]
