"""Cards of the checkpoints inside the sevenn package and of a user's own. Imports nothing heavy, opens nothing."""

from __future__ import annotations

from pathlib import Path

from bsct_zoo.atoms.elements import SYMBOLS
from bsct_zoo.errors import BadInputError
from bsct_zoo.plugins.cards import ModelCard

PARK_2024 = "Y. Park, J. Kim, S. Hwang, S. Han, J. Chem. Theory Comput. 20, 4857 (2024)"
KIM_2025 = "J. Kim et al., J. Am. Chem. Soc. 147, 1042 (2025)"
_PBE = "PBE+U (Materials Project)"
_R2SCAN = "r2SCAN (Materials Project)"
_MPTRJ = (*range(1, 84), *range(89, 95))  # the 89 elements of MPtrj
_FACTS = "the weights are a pickle that comes with the installed package sevenn; it is read only if its sha256 is this"


def _card(
    name: str,
    title: str,
    level: str,
    file: str,
    sha256: str,
    parameters: int,
    data: str,
    elements: tuple[int, ...] = _MPTRJ,
    citation: str = PARK_2024,
    **notes: str,
) -> ModelCard:
    return ModelCard(
        name=name,
        title=title,
        level_of_theory=level,
        licence="MIT",
        source="package sevenn",
        elements=tuple(SYMBOLS[z] for z in elements),
        parameters=parameters,
        citation=citation,
        notes={"training data": data, **notes, "file": file, "sha256": sha256, "trust": _FACTS},
    )


def _multi_fidelity(name: str, title: str, level: str, modal: str, elements: tuple[int, ...]) -> ModelCard:
    return _card(
        name,
        title,
        level,
        "SevenNet_MF_0/checkpoint_sevennet_mf_0.pth",
        "81791329b37d445f46b531578c182c41792d98c7814222c9e5dde276402225fd",
        845_896,
        "MPtrj (PBE, PBE+U) and MP-r2SCAN together",
        elements=elements,
        citation=KIM_2025,
        modal=modal,
    )


SHIPPED = (
    _card(
        "0",
        "SevenNet-0 (11 July 2024)",
        _PBE,
        "SevenNet_0__11Jul2024/checkpoint_sevennet_0.pth",
        "7052cb42b7b3be42b40b97fa0d21077a48c54b5548948fc4dcf346629f813c36",
        842_440,
        "MPtrj",
    ),
    _card(
        "0-22may2024",
        "SevenNet-0 (22 May 2024), superseded",
        _PBE,
        "SevenNet_0__22May2024/checkpoint_sevennet_0.pth",
        "5d389fafd512e6ae2830d74d0b66ffc49a55d3832653ff8e7bf7f1343013c1d1",
        842_440,
        "MPtrj",
    ),
    _card(
        "l3i5",
        "SevenNet-l3i5, features up to l = 3",
        _PBE,
        "SevenNet_l3i5/checkpoint_l3i5.pth",
        "a7ff190d41efe5b8317a03d20a468e4036a1a3e64e0b14fdbab64ac3f4bfc09d",
        1_171_144,
        "MPtrj",
    ),
    # No r2SCAN calculation of the training data holds ytterbium.
    _multi_fidelity(
        "mf-0", "SevenNet-MF-0, its r2SCAN fidelity", _R2SCAN, "R2SCAN", tuple(z for z in _MPTRJ if z != 70)
    ),
    _multi_fidelity("mf-0-pbe", "SevenNet-MF-0, its PBE fidelity", _PBE, "PBE", _MPTRJ),
)


def file_card(path: str) -> ModelCard:
    """Card of a user's own checkpoint, as SevenNet's training writes it: a pickle.

    Raises:
        BadInputError: it is missing or of another kind.
    """
    file = Path(path)
    if file.suffix not in (".pth", ".pt"):
        raise BadInputError(f"'{path}' is not a checkpoint of SevenNet (.pth); compiled (deployed) models are not read")
    if not file.is_file():
        raise BadInputError(f"there is no file {path}")
    return ModelCard(
        name=file.name,
        title=f"SevenNet from {file.name}",
        level_of_theory="unknown",
        licence="unknown",
        source="a user's file",
        checkpoint=str(file.resolve()),
        executes_code=True,
    )
