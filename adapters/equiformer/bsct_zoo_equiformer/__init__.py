"""EquiformerV2: our small checkpoint, and checkpoints of fairchem-core 1.x."""

from bsct_zoo import hookimpl
from bsct_zoo.plugins.cards import Adapter, EnvironmentSpec, Option

# What fairchem-core asks for and neither models nor training touch here; see ``packages`` for what it imports all
# the same. Its own pins of torch and numpy are older than the code needs.
_LEFT_OUT = ("aiohttp", "huggingface-hub", "hydra-core", "numba", "pymatgen", "tensorboard", "torchtnt", "wandb")


@hookimpl
def register_adapters() -> list[Adapter]:
    """The one adapter of this plugin."""
    from bsct_zoo_equiformer.files import shipped

    return [
        Adapter(
            name="equiformer",
            summary="equivariant attention in frames of the edges, direct forces (EquiformerV2)",
            loader="bsct_zoo_equiformer.loader:load",
            calculator="bsct_zoo_equiformer.calculator:load",
            file_card="bsct_zoo_equiformer.files:file_card",
            cards=shipped(),
            environment=EnvironmentSpec(
                requirements=("fairchem-core>=1.10,<2", "e3nn>=0.5.1", "torch-geometric>=2.5", "vesin>=0.3"),
                overrides=("torch>=2.4", "numpy>=1.26", *(f'{name} ; python_version < "3"' for name in _LEFT_OUT)),
                python=">=3.11,<3.13",
            ),
            aliases=("equiformer_v2",),
            options=(Option("level_of_theory", str, "", "what a user's own model imitates, for the tables"),),
            trainer="bsct_zoo_equiformer.training:train",
            citation="Y.-L. Liao et al., ICLR 2024, arXiv:2306.12059",
        )
    ]
