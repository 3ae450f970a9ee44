"""The whole of the edge Transformer (arXiv:2602.04861, "MinDScAIP") in one file.

Tokens are the directed edges i→j of a differentiable k-nearest-neighbour graph. A block lets the edges that share an
atom attend to each other; between blocks every edge changes places with its reverse, so that blocks alternate between
"shares a source" and "shares a destination" (the shift of the Swin Transformer) and information travels.

    E = Σ_i e_ref(z_i) + Σ_e f_e [head(h_e) + ½ repulsion(z_i, z_j, d_e)]         f_e the envelope of the edge e = i→j

Shapes: A atoms, E edges, D most edges at an atom (padded), H heads, W width, S systems.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from ase.units import Bohr, Hartree
from torch import Tensor, nn
from torch.nn import functional as F

from bsct_zoo.batch import AtomsBatch
from bsct_zoo_transformer.graph import Graph, edge_graph

# (c, b) of Σ c exp(-b d/a).
ZBL_SCREENING = ((0.18175, 3.1998), (0.50986, 0.94229), (0.28022, 0.4029), (0.028171, 0.20162))


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
        n_angular: Legendre polynomials of the angle between two edges at an atom, a term of the logits; 0 for none.
        directions: whether edges also know their direction in space, as in the paper; rotations are then learned.
        repulsion: "zbl" adds the screened repulsion of the nuclei, which rules at half the length of a bond; "none"
            leaves it to be learned.
        width: of a token.
        hidden: width inside the perceptron of a block.
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
    repulsion: Literal["zbl", "none"] = "zbl"
    width: int = 64
    hidden: int = 288
    heads: int = 4
    blocks: int = 3
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
        self.blocks = nn.ModuleList(self.block() for _ in range(config.blocks))
        self.norm = nn.RMSNorm(config.width, eps=1e-6)
        self.energy_head = mlp(config.width, config.width, 1)
        self.force_head = mlp(config.width, config.width, 1) if config.forces == "direct" else None

    def block(self) -> nn.Module:
        """A new block, [E, W] → [E, W]."""
        return Block(self.config)

    def forward(self, batch: AtomsBatch) -> Tensor:
        """Total energy [S] in eV, float64, differentiable with respect to the positions and the cell."""
        energy, _ = self.energy_and_direct_forces(batch)
        return energy

    def energy_and_direct_forces(self, batch: AtomsBatch) -> tuple[Tensor, Tensor | None]:
        """Energy [S] in eV and, with the direct head, forces [A, 3] in eV/Å."""
        species = self.element_index[batch.atomic_numbers]  # [A]
        graph = edge_graph(batch, self.config)
        h = self.embed(species, batch, graph)  # [E, W]
        for block in self.blocks if len(h) else ():
            h = graph.swapped(block(h, graph))
        h = self.norm(h)
        repulsion, slope = self.repulsion(batch.atomic_numbers, graph)  # [E]
        of_edge = self.energy_head(h).squeeze(1) * self.config.energy_scale + repulsion / 2  # [E]
        atom_energy = self.reference[species].index_add(0, graph.source, (of_edge * graph.envelope).double())  # [A]
        energy = torch.zeros(batch.n_systems, dtype=torch.float64, device=h.device)
        energy = energy.index_add(0, batch.system_idx, atom_energy)  # [S]
        if self.force_head is None:
            return energy, None
        along = self.force_head(h).squeeze(1) * self.config.energy_scale + slope  # [E]
        pull = (along * graph.envelope)[:, None] * graph.direction  # [E, 3]
        return energy, torch.zeros_like(batch.positions).index_add(0, graph.source, pull)

    def repulsion(self, atomic_numbers: Tensor, graph: Graph) -> tuple[Tensor, Tensor]:
        """[E] energy of the pair in eV, and its slope in eV/Å; zeros if the design has none."""
        if self.config.repulsion == "none":
            return torch.zeros_like(graph.distance), torch.zeros_like(graph.distance)
        return zbl(atomic_numbers[graph.source], atomic_numbers[graph.target], graph.distance)


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
    """Temperature-controlled attention between the edges that share an atom, and beside it a perceptron on each edge.

    Both read the same normed tokens by one matrix and write by another (side by side as in arXiv:2204.02311). An edge e
    listens to the edges m at its atom, itself included, with the weights

        w_em = exp(l_em) / (sink + Σ_m exp(l_em))      l_em = (cos(q_e, k_m) - 1) / τ + Σ_n c_n P_n(cos θ_em) + log f_m

    where f is the envelope and P_n are the Legendre polynomials of the angle between the two. The sink keeps the
    weights smooth when the last neighbour leaves; the bounded logits bound how fast attention can switch from one
    neighbour to another.
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        self.widths = [2 * config.width, config.width, config.hidden]  # queries and keys, values, perceptron
        self.into = nn.Linear(config.width, sum(self.widths))
        self.out = nn.Linear(config.width + config.hidden, config.width)
        self.temperature = nn.Parameter(torch.zeros(config.heads), requires_grad=config.learn_temperature)
        self.sink = nn.Parameter(torch.zeros(config.heads))
        self.angular = nn.Parameter(0.3 * torch.randn(config.heads, config.n_angular))

    def forward(self, h: Tensor, graph: Graph) -> Tensor:
        """[E, W] → [E, W]."""
        normed = h * torch.rsqrt((h * h).mean(-1, keepdim=True) + 1e-6)
        qk, v, hidden = self.into(normed).split(self.widths, dim=-1)
        return h + self.out(torch.cat([self.attention(qk, v, graph), F.silu(hidden)], dim=-1))

    def attention(self, qk: Tensor, v: Tensor, graph: Graph) -> Tensor:
        """[E, 2W] queries and keys, [E, W] values → [E, W]."""
        heads = self.config.heads
        scaled, shift = self.scaled(qk.unflatten(-1, (2, heads, -1)))
        q, k = graph.to_slots(scaled)  # [A, H, D, W/H]
        v = v.unflatten(-1, (1, heads, -1))
        (v,) = graph.to_slots(torch.cat([v, torch.ones_like(v[..., :1])], dim=-1))  # [A, H, D, W/H + 1]
        # The terms of the logits that know no query in one product: log f_m, the shift, the angles.
        weights = torch.cat([torch.ones_like(shift), shift, self.angular], dim=1)  # [H, 2 + L]
        bias = (weights @ graph.pair_terms).view(-1, q.shape[2], q.shape[2])  # [A H, D, D]
        q, k = q.flatten(0, 1), k.flatten(0, 1).transpose(1, 2)
        if self.config.attention == "dot":
            logits = bias + 30 * torch.tanh(torch.bmm(q, k) / 30)  # exp stays finite
        else:
            logits = torch.baddbmm(bias, q, k)
        found = graph.from_slots((torch.exp(logits) @ v.flatten(0, 1)).view_as(v))  # [E, H, W/H + 1]
        values, total = found[..., :-1], found[..., -1:]
        return (values * (1 / (self.sink.exp()[:, None] + total))).flatten(1)

    def scaled(self, qk: Tensor) -> tuple[Tensor, Tensor]:
        """Queries and keys [E, 2, H, W/H] whose products, plus the shift [H, 1], are the logits."""
        if self.config.attention == "dot":
            return qk / qk.shape[-1] ** 0.25, torch.zeros_like(self.temperature)[:, None]
        sharpness = 1 / (self.config.temperature_floor + 0.3 * F.softplus(self.temperature))[:, None]  # [H, 1]
        length = torch.rsqrt((qk * qk).sum(-1, keepdim=True) + 1e-6)  # [E, 2, H, 1]
        return qk * (length * torch.stack([sharpness, torch.ones_like(sharpness)])), -sharpness


def zbl(z_i: Tensor, z_j: Tensor, distance: Tensor) -> tuple[Tensor, Tensor]:
    """Energy in eV and slope in eV/Å of the screened repulsion of two nuclei at ``distance`` Å, [E] each.

    The universal potential of Ziegler, Biersack and Littmark (1985): e² z_i z_j / d times a screening function of d/a
    with a = 0.8854 a₀ / (z_i^0.23 + z_j^0.23).
    """
    z_i, z_j = z_i.to(distance.dtype), z_j.to(distance.dtype)
    coulomb = Hartree * Bohr * z_i * z_j / distance  # e² = Hartree · Bohr in eV Å
    inverse = (z_i**0.23 + z_j**0.23) / (0.8854 * Bohr)
    terms = [(c * torch.exp(-b * inverse * distance), b) for c, b in ZBL_SCREENING]
    screening = sum(term for term, _ in terms)
    slope = -sum(term * b for term, b in terms) * inverse
    return coulomb * screening, coulomb * (slope - screening / distance)


def mlp(n_in: int, n_hidden: int, n_out: int) -> nn.Sequential:
    """Two layers with a smooth activation between."""
    return nn.Sequential(nn.Linear(n_in, n_hidden), nn.SiLU(), nn.Linear(n_hidden, n_out))
