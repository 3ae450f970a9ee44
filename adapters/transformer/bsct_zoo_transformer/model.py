"""The whole of the edge Transformer (arXiv:2602.04861, "MinDScAIP") in one file.

Tokens are the directed edges i→j of a differentiable k-nearest-neighbour graph. A block lets the edges that share an
atom attend to each other; between blocks every edge changes places with its reverse, so that blocks alternate between
"shares a source" and "shares a destination" (the shift of the Swin Transformer) and information travels.

Shapes: A atoms, E edges, D most edges at an atom (padded), H heads, W width, S systems.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bsct_zoo.batch import AtomsBatch
from bsct_zoo_transformer.graph import Graph, edge_graph


@dataclass(frozen=True)
class TransformerConfig:
    """Every choice of the design.

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
        n_angular: Legendre polynomials of the angle between edges at an atom, as attention bias and value; 0 for none.
        directions: whether edges also know their direction in space, as in the paper; rotations are then learned.
        width: of a token.
        heads: of the attention.
        blocks: their number.
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
    width: int = 64
    heads: int = 4
    blocks: int = 4
    charges: bool = False
    forces: Literal["gradient", "direct"] = "gradient"
    energy_scale: float = 1.0


class EdgeTransformer(nn.Module):
    """Energy of atomic systems by attention between edges."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        index = torch.full((max(config.elements) + 1,), -1, dtype=torch.long)
        index[list(config.elements)] = torch.arange(len(config.elements))
        self.register_buffer("element_index", index, persistent=False)
        reference = torch.tensor(config.reference_energies, dtype=torch.float64)
        self.register_buffer("reference", reference, persistent=False)
        self.embed = EdgeEmbedding(config)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.blocks))
        self.norm = nn.RMSNorm(config.width, eps=1e-6)
        self.energy_head = mlp(config.width, config.width, 1)
        self.force_head = mlp(config.width, config.width, 1) if config.forces == "direct" else None

    def forward(self, batch: AtomsBatch) -> Tensor:
        """Total energy [S] in eV, float64, differentiable with respect to the positions and the cell."""
        energy, _ = self.energy_and_direct_forces(batch)
        return energy

    def energy_and_direct_forces(self, batch: AtomsBatch) -> tuple[Tensor, Tensor | None]:
        """Energy [S] in eV and, with the direct head, forces [A, 3] in eV/Å."""
        species = self.element_index[batch.atomic_numbers]  # [A]
        graph = edge_graph(batch, self.config)
        h = self.embed(species, batch, graph)  # [E, W]
        for block in self.blocks:
            h = block(h, graph)[graph.reverse]
        h = self.norm(h)
        envelope = graph.envelope[:, None]  # [E, 1]
        edge_energy = (self.energy_head(h) * envelope).squeeze(1) * self.config.energy_scale  # [E]
        atom_energy = self.reference[species].index_add(0, graph.source, edge_energy.double())  # [A]
        energy = torch.zeros(batch.n_systems, dtype=torch.float64, device=h.device)
        energy = energy.index_add(0, batch.system_idx, atom_energy)  # [S]
        if self.force_head is None:
            return energy, None
        along = self.force_head(h) * envelope * graph.direction * self.config.energy_scale  # [E, 3]
        return energy, torch.zeros_like(batch.positions).index_add(0, graph.source, along)


class EdgeEmbedding(nn.Module):
    """First tokens, from distance, the two elements, charge and spin, and the direction if the design has it."""

    CHARGES = 17  # -8 ... 8
    SPINS = 16  # multiplicities 1 ... 16

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        n, width = len(config.elements), config.width
        centres = torch.linspace(0.0, config.r_cut, config.n_basis)
        self.register_buffer("centres", centres, persistent=False)
        self.basis_width = config.basis_width
        self.radial = nn.Linear(config.n_basis, width)
        self.source, self.target = nn.Embedding(n, width), nn.Embedding(n, width)
        self.pair = nn.Embedding(n * n, width)
        self.n_elements, self.knows_charges = n, config.charges
        # Zero until training sees other charges and spins: an untrained one then changes nothing.
        self.charge, self.spin = nn.Embedding(self.CHARGES, width), nn.Embedding(self.SPINS, width)
        nn.init.zeros_(self.charge.weight)
        nn.init.zeros_(self.spin.weight)
        nn.init.ones_(self.pair.weight)
        self.direction = nn.Linear(3, width, bias=False) if config.directions else None
        self.out = nn.Linear(width, width)

    def forward(self, species: Tensor, batch: AtomsBatch, graph: Graph) -> Tensor:
        """[E, W]."""
        scaled = (graph.distance[:, None] - self.centres) / self.basis_width  # [E, n_basis]
        zi, zj = species[graph.source], species[graph.target]  # [E]
        h = self.radial(torch.exp(-0.5 * scaled**2)) * self.pair(zi * self.n_elements + zj)
        half = self.CHARGES // 2
        charge, spin = batch.charge, batch.spin
        if not self.knows_charges:  # the embeddings of other states have never seen a gradient
            charge, spin = torch.zeros_like(charge), torch.ones_like(spin)
        state = self.charge(charge.clamp(-half, half) + half) + self.spin((spin - 1).clamp(0, self.SPINS - 1))
        h = h + self.source(zi) + self.target(zj) + state[batch.system_idx[graph.source]]
        if self.direction is not None:
            h = h + self.direction(graph.direction)
        return self.out(F.silu(h))


class Block(nn.Module):
    """Attention among the edges at an atom, then a gated perceptron on each edge."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.attention_norm = nn.RMSNorm(config.width, eps=1e-6)
        self.attention = EdgeAttention(config)
        self.mlp_norm = nn.RMSNorm(config.width, eps=1e-6)
        self.gate = nn.Linear(config.width, 4 * config.width)
        self.out = nn.Linear(2 * config.width, config.width)

    def forward(self, h: Tensor, graph: Graph) -> Tensor:
        """[E, W] → [E, W]."""
        h = h + self.attention(self.attention_norm(h), graph)
        gate, value = self.gate(self.mlp_norm(h)).chunk(2, dim=-1)
        return h + self.out(F.silu(gate) * value)


class EdgeAttention(nn.Module):
    """Temperature-controlled attention between the edges that share an atom.

    w_em = f_m exp(l_em) / (sink + Σ_m f_m exp(l_em)) with the envelope f and l = (cos(q_e, k_m) - 1) / τ + bias(θ_em).
    The sink keeps the weights smooth when the last neighbour leaves; the bounded logits bound how fast attention can
    switch from one neighbour to another.
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        heads, width = config.heads, config.width
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.temperature = nn.Parameter(torch.zeros(heads), requires_grad=config.learn_temperature)
        self.sink = nn.Parameter(torch.zeros(heads))
        self.angular_bias = nn.Linear(config.n_angular, heads) if config.n_angular else None
        self.angular_value = nn.Linear(heads * config.n_angular, width, bias=False) if config.n_angular else None
        self.out = nn.Linear(width, width)

    def forward(self, h: Tensor, graph: Graph) -> Tensor:
        """[E, W] → [E, W]."""
        heads = self.config.heads
        q, k, v = graph.padded(self.qkv(h)).unflatten(-1, (3, heads, -1)).permute(2, 0, 3, 1, 4)  # [A, H, D, W/H]
        logits = self.logits(q, k)  # [A, H, D, D]
        if self.angular_bias is not None:
            bias = self.angular_bias(graph.angular).permute(0, 3, 1, 2)
            logits = logits + 4 * torch.tanh(bias / 4)  # bounded, as the cosine is
        weights = graph.padded_envelope[:, None, None, :] * torch.exp(logits)
        weights = weights / (self.sink.exp()[:, None, None] + weights.sum(-1, keepdim=True))
        mixed = self.out(graph.flat((weights @ v).transpose(1, 2).flatten(2)))  # [E, W]
        if self.angular_value is not None:
            angles = torch.einsum("ahem,aeml->aehl", weights, graph.angular).flatten(2)  # [A, D, H L]
            mixed = mixed + self.angular_value(graph.flat(angles))
        return mixed

    def logits(self, q: Tensor, k: Tensor) -> Tensor:
        """[A, H, D, D]."""
        if self.config.attention == "dot":
            return torch.clamp(q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5, max=30.0)
        temperature = self.config.temperature_floor + 0.3 * F.softplus(self.temperature)  # [H]
        q, k = unit(q), unit(k)
        return (q @ k.transpose(-1, -2) - 1) / temperature[:, None, None]


def unit(x: Tensor) -> Tensor:
    """Vectors of length one along the last axis; smooth and finite at zero."""
    return x / torch.sqrt((x * x).sum(-1, keepdim=True) + 1e-6)


def mlp(n_in: int, n_hidden: int, n_out: int) -> nn.Sequential:
    """Two layers with a smooth activation between."""
    return nn.Sequential(nn.Linear(n_in, n_hidden), nn.SiLU(), nn.Linear(n_hidden, n_out))
