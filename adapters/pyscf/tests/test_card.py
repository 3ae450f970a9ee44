"""Levels of theory by text; nothing of PySCF is needed for it."""

import pytest
from bsct_zoo_pyscf.files import file_card

from bsct_zoo.errors import BadInputError


def test_the_card_says_the_level_as_people_write_it():
    assert file_card("wb97m-d3bj/def2-TZVPPD").level_of_theory == "ωB97M-D3(BJ)/def2-TZVPPD"
    assert file_card("HF/sto-3g").notes == {"method": "hf", "basis": "sto-3g"}
    for text in ("b3lyp", "b3lyp/", "b3lyp/def2-svp/x", "a b/c"):
        with pytest.raises(BadInputError, match="METHOD/BASIS"):
            file_card(text)
