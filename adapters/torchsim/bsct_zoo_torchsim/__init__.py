"""Any TorchSim model: ``torchsim:package.module.Class@argument=value,...``."""

from bsct_zoo import hookimpl
from bsct_zoo.plugins.cards import Adapter, EnvironmentSpec, Option


@hookimpl
def register_adapters() -> list[Adapter]:
    """The one adapter of this plugin."""
    return [
        Adapter(
            name="torchsim",
            summary="any TorchSim ModelInterface by its import path",
            loader="bsct_zoo_torchsim.loader:load",
            file_card="bsct_zoo_torchsim.files:file_card",
            cards=(),
            environment=EnvironmentSpec(requirements=("torch-sim-atomistic>=0.3,<0.7",)),
            free_options=True,
            options=(
                Option("level_of_theory", str, "", "what the model imitates, for the tables"),
                Option("licence", str, "", "of its weights, for the tables"),
                Option("elements", str, "", "symbols that it knows, as H+C+O; any if not given"),
                Option("direct_forces", bool, False, "its forces are not the gradient of its energy"),
                Option("periodic_only", bool, False, "it takes crystals alone; molecules are put into a box for it"),
                Option("charges", bool, False, "hand it charge and spin of every system (TorchSim 0.6)"),
            ),
            citation="O. Cohen et al., AI for Science 1, 025003 (2025), doi:10.1088/3050-287X/ae1799",
        )
    ]
