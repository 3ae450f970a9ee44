"""fairchem-core 2: a small eSCAIP of ours, UMA and its kin from the hub, and a user's own inference checkpoints."""

from bsct_zoo import hookimpl
from bsct_zoo.plugins.cards import Adapter, EnvironmentSpec, Option


@hookimpl
def register_adapters() -> list[Adapter]:
    """The one adapter of this plugin."""
    from bsct_zoo_fairchem.files import shipped
    from bsct_zoo_fairchem.pretrained import pretrained

    return [
        Adapter(
            name="fairchem",
            summary="UMA, eSEN, eSCAIP and AllScAIP of fairchem-core 2",
            loader="bsct_zoo_fairchem.loader:load",
            file_card="bsct_zoo_fairchem.files:file_card",
            cards=(*shipped(), *pretrained()),
            environment=EnvironmentSpec(
                requirements=("fairchem-core~=2.24.0", "vesin>=0.3"),
                # Kernels of "UMA Nitro", another neighbour list, and samplers of the trainer: 0.8 GB that nothing here
                # imports, and that fairchem-core does without.
                overrides=(
                    'cuda-python; sys_platform == "never"',
                    'numba; sys_platform == "never"',
                    'nvalchemi-toolkit-ops; sys_platform == "never"',
                    'nvidia-cutlass-dsl; sys_platform == "never"',
                ),
            ),
            fetcher="bsct_zoo_fairchem.hub:fetch",
            fetcher_variables=("HF_TOKEN", "HF_ENDPOINT"),
            trainer="bsct_zoo_fairchem.training:train",
            options=(
                Option(
                    "task", str, "", "which task of a model with several, as omol or omat; the only one if not given"
                ),
                Option("level_of_theory", str, "", "what a user's own model imitates, for the tables"),
            ),
            citation="B. M. Wood et al., UMA, arXiv:2506.23971",
        )
    ]
