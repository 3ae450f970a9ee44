"""Cards of the checkpoints inside the chgnet package and of a user's own. Imports nothing heavy, opens nothing."""

from __future__ import annotations

from pathlib import Path

from bsct_zoo.atoms.elements import SYMBOLS
from bsct_zoo.errors import BadInputError
from bsct_zoo.plugins.cards import ModelCard

DENG_2023 = "B. Deng et al., Nat. Mach. Intell. 5, 1031 (2023)"
HUANG_2025 = "X. Huang et al., npj Comput. Mater. 11 (2025), Cross-functional transferability in foundation MLIPs"
_PBE = "PBE+U (Materials Project)"
_MPTRJ = (*range(1, 84), *range(89, 95))  # the 89 elements of MPtrj; the network has weights for all up to 94
_FACTS = "the weights are a pickle that comes with the installed package chgnet; it is read only if its sha256 is this"


def _card(
    name: str,
    title: str,
    file: str,
    sha256: str,
    parameters: int,
    data: str,
    level: str = _PBE,
    elements: tuple[int, ...] = _MPTRJ,
    citation: str = DENG_2023,
) -> ModelCard:
    return ModelCard(
        name=name,
        title=title,
        level_of_theory=level,
        licence="BSD-3-Clause-LBNL",
        source="package chgnet",
        elements=tuple(SYMBOLS[z] for z in elements),
        parameters=parameters,
        citation=citation,
        notes={"training data": data, "file": file, "sha256": sha256, "trust": _FACTS},
    )


SHIPPED = (
    _card(
        "0.3.0",
        "CHGNet 0.3.0",
        "0.3.0/chgnet_0.3.0_e29f68s314m37.pth.tar",
        "d14ab7c0f093efe64b60a7bcd540bca10e74fb7f46c86108a079af60524659d1",
        412_525,
        "MPtrj",
    ),
    _card(
        "0.2.0",
        "CHGNet 0.2.0, of the paper; superseded",
        "0.2.0/chgnet_0.2.0_e30f77s348m32.pth.tar",
        "ef624f78b6db9d315b4ef256f1bb3207449924191b91720dc17d3f60c5df980e",
        400_438,
        "MPtrj",
    ),
    _card(
        "r2scan",
        "CHGNet 0.3.0 tuned to r2SCAN",
        "r2scan/chgnet_r2scan_transfer_learning_e15f36s161m23.pth.tar",
        "8eba3db0f35a2788bb3ae22885ad340591e27996f213c6643af522a633b50dad",
        412_525,
        "MPtrj, then MP-r2SCAN",
        level="r2SCAN (Materials Project)",
        elements=tuple(z for z in _MPTRJ if z != 70),  # its reference energies hold no ytterbium
        citation=HUANG_2025,
    ),
)


def file_card(path: str) -> ModelCard:
    """Card of a user's own checkpoint, as CHGNet's trainer writes it: a pickle.

    Raises:
        BadInputError: it is missing or of another kind.
    """
    file = Path(path)
    if not file.name.endswith((".pth.tar", ".pth", ".pt")):
        raise BadInputError(f"'{path}' is not a checkpoint of CHGNet (.pth.tar, .pth or .pt)")
    if not file.is_file():
        raise BadInputError(f"there is no file {path}")
    return ModelCard(
        name=file.name,
        title=f"CHGNet from {file.name}",
        level_of_theory="unknown",
        licence="unknown",
        source="a user's file",
        checkpoint=str(file.resolve()),
        executes_code=True,
    )
