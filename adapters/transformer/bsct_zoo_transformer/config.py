"""Every choice of the edge Transformer's design."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bsct_zoo.errors import BadInputError
from bsct_zoo.runtime.designs import require_range


@dataclass(frozen=True)
class TransformerConfig:
    """The choices; a checkpoint keeps them.

    Attributes:
        elements: atomic numbers it knows.
        reference_energies: energy in eV of an atom of each element, added to what is learned.
        graph: "soft_knn" (differentiable), "hard_knn" (jumps when neighbours swap rank) or "radius".
        k: neighbours of an atom.
        r_cut: cut-off in Å.
        rank_width: width s of the soft rank in Å.
        softmax_width: width c of the soft maximum over ranks and distance.
        attention: "cosine" (bounded logits) or "dot".
        temperature_floor: smallest temperature of cosine attention.
        learn_temperature: whether heads may raise theirs.
        n_basis: Gaussians of the radial basis.
        basis_width: their standard deviation in Å; narrow ones make ripples.
        n_angular: Legendre polynomials of the angle between two edges at an atom, a term of the logits; 0 for none.
        directions: whether edges also know their direction in space, as in the paper; rotations are then learned.
        repulsion: of two atoms, which rules at half the length of a bond, added to what tokens say: "learned", with a
            charge and a decay for each element; "zbl", that of bare nuclei; "none" leaves it to the tokens.
        width: of a token.
        hidden: width inside the perceptron on each edge of a block.
        atom_hidden: width inside the perceptron on each atom of a block; 0 for none.
        heads: of the attention.
        blocks: their number.
        serial: whether the perceptron of a block follows its attention, as in the Swin Transformer; beside it if not.
        charges: whether total charge and multiplicity enter; if not, every system is taken for a neutral singlet.
        forces: "gradient" of the energy, or "direct" from a head of their own.
        energy_scale: eV of an output of one.
    """

    elements: tuple[int, ...]
    reference_energies: tuple[float, ...]
    graph: Literal["soft_knn", "hard_knn", "radius"] = "soft_knn"
    k: int = 16
    r_cut: float = 6.0
    rank_width: float = 0.2
    softmax_width: float = 0.1
    attention: Literal["cosine", "dot"] = "cosine"
    temperature_floor: float = 0.1
    learn_temperature: bool = True
    n_basis: int = 32
    basis_width: float = 0.4
    n_angular: int = 6
    directions: bool = False
    repulsion: Literal["learned", "zbl", "none"] = "learned"
    width: int = 64
    hidden: int = 64
    atom_hidden: int = 432
    heads: int = 4
    blocks: int = 2
    serial: bool = False
    charges: bool = False
    forces: Literal["gradient", "direct"] = "gradient"
    energy_scale: float = 1.0

    def __post_init__(self) -> None:
        require_range(self, zero=("n_angular", "atom_hidden"), r_cut=100.0, n_angular=32)
        if self.width % self.heads:
            raise BadInputError(f"heads={self.heads} must divide width={self.width}")
        if self.n_basis < 2:
            raise BadInputError(f"n_basis={self.n_basis} must be 2 or more")


# The design of arXiv:2602.04861 itself, apart from its size: docs/transformer.md says what the paper leaves open.
PAPER: Mapping[str, Any] = {
    "n_angular": 0,
    "directions": True,
    "repulsion": "none",
    "atom_hidden": 0,
    "serial": True,
}
