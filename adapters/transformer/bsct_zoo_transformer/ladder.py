"""The rungs of arXiv:2602.04861: from a plain Transformer to a smooth one, one change at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bsct_zoo.errors import UnknownNameError
from bsct_zoo.plugins.cards import OptionValue


@dataclass(frozen=True)
class Rung:
    """A design on the ladder.

    Attributes:
        name: of its folder, and what ``--rungs`` takes.
        title: for people.
        settings: fields of ``TransformerConfig`` by name; those that are not here are the same on every rung.
    """

    name: str
    title: str
    settings: Mapping[str, OptionValue] = field(default_factory=dict)


NARROW, BROAD = 0.1, 0.4  # Å: half and twice the distance of the centres of 32 Gaussians in 6 Å

LADDER = tuple(
    Rung(name, title, {"graph": graph, "attention": attention, "basis_width": width, "forces": forces})
    for name, title, graph, attention, width, forces in [
        ("hard-knn-direct", "hard kNN, direct", "hard_knn", "dot", NARROW, "direct"),
        ("hard-knn", "hard kNN", "hard_knn", "dot", NARROW, "gradient"),
        ("soft-knn", "+ soft kNN", "soft_knn", "dot", NARROW, "gradient"),
        ("temperature", "+ temperature", "soft_knn", "cosine", NARROW, "gradient"),
        ("broad-basis", "+ broad basis", "soft_knn", "cosine", BROAD, "gradient"),
        ("broad-basis-direct", "all, direct", "soft_knn", "cosine", BROAD, "direct"),
    ]
)


def chosen_rungs(names: Sequence[str]) -> tuple[Rung, ...]:
    """The rungs of these names, in the ladder's order; all of them for no name.

    Raises:
        UnknownNameError: there is no such rung; names the nearest.
    """
    known = [rung.name for rung in LADDER]
    for name in names:
        if name not in known:
            raise UnknownNameError("rung", name, known)
    return tuple(rung for rung in LADDER if not names or rung.name in names)
