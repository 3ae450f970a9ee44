"""The card of a level of theory, from its text. Imports nothing of PySCF."""

from __future__ import annotations

import re

from bsct_zoo.errors import BadInputError
from bsct_zoo.plugins.cards import ModelCard

# How people write what PySCF takes; anything else stands as it was typed.
_METHODS = {
    "hf": "HF",
    "wb97m-d3bj": "ωB97M-D3(BJ)",
    "wb97x-d3bj": "ωB97X-D3(BJ)",
    "wb97m-v": "ωB97M-V",
    "b3lyp": "B3LYP",
    "b3lyp-d3bj": "B3LYP-D3(BJ)",
    "pbe": "PBE",
    "pbe-d3bj": "PBE-D3(BJ)",
    "pbe0": "PBE0",
    "pbe0-d3bj": "PBE0-D3(BJ)",
    "r2scan": "r2SCAN",
}


def file_card(text: str) -> ModelCard:
    """Card of the level of theory ``text``, "METHOD/BASIS".

    Raises:
        BadInputError: it is not of that form.
    """
    if not re.fullmatch(r"[\w*+(),-]+/[\w*+(),-]+", text):
        raise BadInputError(f"'{text}' is not a level of theory; write METHOD/BASIS, as in pyscf:wb97m-d3bj/def2-svp")
    method, _, basis = text.partition("/")
    return ModelCard(
        name=text.lower(),
        title=f"{method}/{basis} by PySCF",
        level_of_theory=f"{_METHODS.get(method.lower(), method)}/{basis}",
        licence="Apache-2.0",
        source="package pyscf",
        notes={"method": method.lower(), "basis": basis},
    )
