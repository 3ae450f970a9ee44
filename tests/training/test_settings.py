from dataclasses import dataclass
from typing import Literal

import pytest

from bsct_zoo.errors import BadInputError, UnknownNameError
from bsct_zoo.training.settings import Optimiser, parse_settings, settings_for


@dataclass(frozen=True)
class Shape:
    elements: tuple[int, ...]
    layers: tuple[int, ...] = (64, 64)
    hidden: str = "32x0e"
    graph: Literal["soft", "hard"] = "soft"
    learned: bool = False
    cutoff: float = 5.0
    head: str | None = None


def chosen(*texts):
    return settings_for(parse_settings(texts), Optimiser, Shape, fixed=("elements",))


def test_settings_go_where_they_belong_with_their_types():
    optimiser, shape = chosen("lr=1", "batch-atoms=64", "layers=8,16", "hidden=48x0e + 48x1o", "learned=true", "head=a")
    assert optimiser == {"lr": 1.0, "batch_atoms": 64} and isinstance(optimiser["lr"], float)
    assert shape == {"layers": (8, 16), "hidden": "48x0e + 48x1o", "learned": True, "head": "a"}
    assert chosen("layers=8")[1] == {"layers": (8,)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lr=fast", "must be a number"),
        ("lr=true", "must be a number"),
        ("batch_atoms=1.5", "must be a whole number"),
        ("learned=1", "true or false"),
        ("graph=x", "choose one of soft, hard"),
        ("layers=8,x", "must be a whole number"),
        ("lr", "write lr=VALUE"),
        ("=5", "write KEY=VALUE"),
    ],
)
def test_what_does_not_fit(text, message):
    with pytest.raises(BadInputError, match=message):
        chosen(text)


def test_what_is_not_there_names_the_nearest_and_what_comes_from_data_is_not_there():
    with pytest.raises(UnknownNameError, match="did you mean cutoff"):
        chosen("cutof=4")
    with pytest.raises(UnknownNameError):
        chosen("elements=1")


@pytest.mark.parametrize(
    "change", [{"lr": 0}, {"batch_atoms": 0}, {"ema_decay": 1.0}, {"clip": -1}, {"weight_decay": -1}]
)
def test_an_optimiser_that_cannot_be(change):
    with pytest.raises(BadInputError):
        Optimiser(**{"lr": 1e-3, **change})
