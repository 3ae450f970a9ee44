"""Designs of models from files and settings: typed, within range, no larger than their file."""

from dataclasses import dataclass
from typing import Literal

import pytest
import torch

from bsct_zoo.errors import BadInputError
from bsct_zoo.runtime.designs import design_of, require_irreps, require_range


@dataclass(frozen=True)
class Design:
    elements: tuple[int, ...]
    reference_energies: tuple[float, ...]
    width: int = 8
    blocks: int = 2
    n_angular: int = 0
    r_cut: float = 5.0
    gated: bool = False
    kind: Literal["soft", "hard"] = "soft"
    irreps: str = "8x0e"

    def __post_init__(self):
        require_range(self, zero=("n_angular",), r_cut=100.0)


SOUND = {"elements": [1, 8], "reference_energies": [-13, -2000.5]}


def test_a_sound_design():
    assert design_of(Design, SOUND | {"r_cut": 6}) == Design((1, 8), (-13.0, -2000.5), r_cut=6.0)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"width": -1}, "width=-1 must be positive"),
        ({"width": 8.0}, "width=8.0 must be a whole number"),
        ({"width": True}, "width=True must be a whole number"),
        ({"width": "two"}, "width=two must be a whole number"),
        ({"n_angular": -1}, "n_angular=-1 must be zero or more"),
        ({"r_cut": 0}, "r_cut=0.0 must be positive"),
        ({"r_cut": float("nan")}, "r_cut=nan must be a number"),
        ({"r_cut": 10**400}, "must be a number"),
        ({"r_cut": 101}, "must be at most 100"),
        ({"kind": "softer"}, "kind=softer is invalid; choose one of soft, hard"),
        ({"elements": 5}, "elements=5 must be a list"),
        ({"elements": [1, 200]}, "must be atomic numbers, each once"),
        ({"elements": [1, 1]}, "must be atomic numbers, each once"),
        ({"elements": [1]}, "every element needs one reference energy"),
        ({"_target_": "os.abort"}, "its config holds '_target_'"),
    ],
)
def test_one_line_names_the_field(wrong, message):
    with pytest.raises(BadInputError, match=message) as caught:
        design_of(Design, SOUND | wrong)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 200


def test_what_lacks_a_field_or_is_none():
    with pytest.raises(BadInputError, match="'reference_energies'"):
        design_of(Design, {"elements": [1]})
    for none in (None, [], 5, "x"):
        with pytest.raises(BadInputError, match="not a table"):
            design_of(Design, none)


def test_a_design_larger_than_its_file_is_refused_before_it_is_built():
    weights = {"w": torch.zeros(64, 64)}
    assert design_of(Design, SOUND | {"width": 1024, "blocks": 64}, weights).width == 1024
    for wrong in ({"width": 30_000}, {"blocks": 65}, {"irreps": "9999x0e"}):
        with pytest.raises(BadInputError, match="does not fit a file of 4096 numbers"):
            design_of(Design, SOUND | wrong, weights)


def test_irreps():
    require_irreps("hidden", "32x0e + 32x1o+2e")
    for wrong in ("banana", "", "32x0e + ", "0x1e", "8x40e", "-1x0e"):
        with pytest.raises(BadInputError, match="must be a sum like"):
            require_irreps("hidden", wrong)
