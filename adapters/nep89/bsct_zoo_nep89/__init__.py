"""NEP89: a neuroevolution potential of 89 elements, fast on CPUs."""

from bsct_zoo import hookimpl
from bsct_zoo.plugins.cards import Adapter, EnvironmentSpec

# What the graphical program around the weights asks for, and reading them does not.
_UNUSED = (
    "PySide6",
    "PySide6-Fluent-Widgets",
    "loguru",
    "pyqtgraph",
    "PyOpenGL",
    "vispy",
    "requests",
    "SQLAlchemy",
)


@hookimpl
def register_adapters() -> list[Adapter]:
    """The one adapter of this plugin."""
    from bsct_zoo_nep89.files import CARD, LIANG_2025

    return [
        Adapter(
            name="nep89",
            summary="neuroevolution potential, universal for crystals and molecules, fast on CPUs",
            loader="bsct_zoo_nep89.loader:load",
            calculator="bsct_zoo_nep89.calculator:load",
            cards=(CARD,),
            environment=EnvironmentSpec(
                requirements=("neptrainkit==3.1.5", "nep-adapters==1.0.3"),
                overrides=tuple(f"{name} ; python_version < '3'" for name in _UNUSED),
            ),
            citation=LIANG_2025,
        )
    ]
