"""The network of the edge Transformer (arXiv:2602.04861, "MinDScAIP"). ``config`` has its choices, ``graph`` its edges.

Tokens are the directed edges e = i→j of a differentiable k-nearest-neighbour graph; f_e is the envelope of an edge, d_e
its length, r_e its unit vector. A block lets the edges that share an atom attend to each other. After it every edge
changes places with its reverse, so that blocks alternate between "shares a source" and "shares a destination" (the
shift of the Swin Transformer), and information travels.

    h_e = W silu(a(z_i) + b(z_j) + p(z_i, z_j) ∘ R gaussians(d_e) + D r_e)                         ``EdgeEmbedding``
    h_e ← block(h)_reverse(e)                                                       ``Block``, one after the other
    E = Σ_i e_ref(z_i) + Σ_e f_e [head(norm(h_e)) + ½ repulsion(z_i, z_j, d_e)]             ``EdgeTransformer``

Shapes: A atoms, E edges, D most edges at an atom (padded), H heads, W width, S systems.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo_transformer.config import TransformerConfig
from bsct_zoo_transformer.graph import Graph, edge_graph
from bsct_zoo_transformer.layers import Norm, mlp, normed, sum_of_squares
from bsct_zoo_transformer.repulsion import REPULSIONS


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
        self.blocks = nn.ModuleList((SwinBlock if config.serial else Block)(config) for _ in range(config.blocks))
        self.norm = Norm(config.width)
        self.energy_head = mlp(config.width, config.width, 1)
        self.force_head = mlp(config.width, config.width, 1) if config.forces == "direct" else None
        self.repulsion = REPULSIONS[config.repulsion](config.elements)

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

        repulsion, slope = self.repulsion(species[graph.source], species[graph.target], graph.distance)  # [E]
        of_edge = self.energy_head(h).squeeze(1) * self.config.energy_scale + repulsion / 2  # [E]
        of_atom = self.reference[species].index_add(0, graph.source, (graph.envelope * of_edge).double())  # [A]
        energy = of_atom.new_zeros(batch.n_systems).index_add(0, batch.system_idx, of_atom)  # [S]
        if self.force_head is None:
            return energy, None
        along = self.force_head(h).squeeze(1) * self.config.energy_scale + slope  # [E]
        pull = (graph.envelope * along)[:, None] * graph.direction  # [E, 3]
        return energy, torch.zeros_like(batch.positions).index_add(0, graph.source, pull)


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
        pair = species[graph.source] * self.n_elements + species[graph.target]  # [E]
        scaled = (graph.distance[:, None] - self.centres) / (2**0.5 * self.basis_width)  # [E, n_basis]
        radial = self.radial(torch.exp(-scaled.square()))  # [E, W]
        h = torch.addcmul(self.known(pair, batch, graph), radial, self.pair(pair))
        if self.direction is not None:
            h = h + self.direction(graph.direction)
        return self.out(F.silu(h))

    def known(self, pair: Tensor, batch: AtomsBatch, graph: Graph) -> Tensor:
        """[E, W] what does not depend on the geometry: the two elements, and charge and spin of the system."""
        ends = (self.source.weight[:, None] + self.target.weight).flatten(0, 1)  # [n_elements², W]
        half = self.CHARGES // 2
        if not self.knows_charges:  # the embeddings of other states have never seen a gradient
            return (ends + self.charge.weight[half] + self.spin.weight[0])[pair]
        state = self.charge(batch.charge.clamp(-half, half) + half)
        state = state + self.spin((batch.spin - 1).clamp(0, self.SPINS - 1))  # [S, W]
        return ends[pair] + state[batch.system_idx[graph.source]]


class Block(nn.Module):
    """Temperature-controlled attention between the edges that share an atom; beside it perceptrons on edges and atoms.

    Attention and the perceptron on each edge read the same normed tokens by one matrix and write by another (side by
    side as in arXiv:2204.02311). An edge e listens to the edges m at its atom, itself included, with the weights

        w_em = exp(l_em) / (sink + Σ_m exp(l_em))      l_em = (cos(q_e, k_m) - 1) / τ + Σ_n c_n P_n(cos θ_em) + log f_m

    where f is the envelope and P_n are the Legendre polynomials of the angle between the two. The sink keeps the
    weights smooth when the last neighbour leaves; the bounded logits bound how fast attention can switch from one
    neighbour to another. What the perceptrons on the edges m of an atom find, u_m, is averaged,

        u = Σ_m f_m u_m / (1 + Σ_m f_m)

    and goes through a wide perceptron, whose word all edges at the atom hear: weights that act on atoms cost a tenth
    of those that act on edges.
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        self.widths = [config.width] * 3 + [config.hidden]  # queries, keys, values, perceptron
        self.into = nn.Linear(config.width, sum(self.widths))
        self.out = nn.Linear(config.width + config.hidden, config.width)
        self.of_atom = mlp(config.hidden, config.atom_hidden, config.width) if config.atom_hidden else None
        self.temperature = nn.Parameter(torch.zeros(config.heads), requires_grad=config.learn_temperature)
        self.sink = nn.Parameter(torch.zeros(config.heads))
        self.angular = nn.Parameter(0.3 * torch.randn(config.heads, config.n_angular))

    def forward(self, h: Tensor, graph: Graph) -> Tensor:
        """[E, W] → [E, W]."""
        h_normed = normed(h)
        # One matrix cut in pieces rather than its product: joining gradients of all edges would cost more than it.
        reads = zip(self.into.weight.split(self.widths), self.into.bias.split(self.widths), strict=True)
        q, k, v, found = (F.linear(h_normed, weight, bias) for weight, bias in reads)
        found = F.silu(found)  # [E, hidden]
        of_attention, of_edge = self.out.weight.split([self.config.width, self.config.hidden], dim=1)
        heard = self.out.bias
        if self.of_atom is not None:
            heard = (self.of_atom(graph.mean_at_atoms(found)) + heard).index_select(0, graph.atom)  # [E, W]
        h = torch.addmm(h + heard, self.attention(q, k, v, graph), of_attention.T)
        return torch.addmm(h, found, of_edge.T)

    def attention(self, q: Tensor, k: Tensor, v: Tensor, graph: Graph) -> Tensor:
        """Queries, keys and values [E, W] → [E, W]."""
        q, k, v = (graph.to_slots(x.unflatten(-1, (self.config.heads, -1))) for x in (q, k, v))  # [H, A, D, W/H]
        alike, shift = self.alike(q, k)  # [H, A, D, D]
        # The terms of the logits that know no query in one product: log f_m, the shift, the angles.
        terms = torch.cat([torch.ones_like(shift), shift, self.angular], dim=1)  # [H, 2 + L]
        weights = torch.exp(alike + (terms @ graph.pair_terms).view_as(alike))
        weights = weights / (self.sink.exp()[:, None, None, None] + weights.sum(-1, keepdim=True))
        return graph.from_slots(weights @ v).flatten(1)

    def alike(self, q: Tensor, k: Tensor) -> tuple[Tensor, Tensor]:
        """How alike queries and keys [H, A, D, W/H] are, [H, A, D, D]; with the shift [H, 1] it is their logits."""
        products = q @ k.transpose(2, 3)
        if self.config.attention == "dot":
            largest = 30.0  # exp stays finite
            return largest * torch.tanh(products / (largest * q.shape[-1] ** 0.5)), torch.zeros_like(self.sink)[:, None]
        sharpness = 1 / (self.config.temperature_floor + 0.3 * F.softplus(self.temperature))[:, None]  # [H, 1]
        # Lengths divide the products, which are fewer than what went into them.
        of_q, of_k = (torch.rsqrt(sum_of_squares(x) + 1e-6) for x in (q, k))  # [H, A, D, 1]
        return products * (of_q * sharpness[:, :, None, None]) * of_k.transpose(2, 3), -sharpness


class SwinBlock(Block):
    """The same weights one after the other: first the attention, then the perceptrons on what it left.

    So are the blocks of the Swin Transformer (arXiv:2103.14030, eq. 3), apart from its windows.
    """

    def forward(self, h: Tensor, graph: Graph) -> Tensor:
        """[E, W] → [E, W]."""
        *reads, perceptron = zip(self.into.weight.split(self.widths), self.into.bias.split(self.widths), strict=True)
        of_attention, of_edge = self.out.weight.split([self.config.width, self.config.hidden], dim=1)
        h_normed = normed(h)
        q, k, v = (F.linear(h_normed, weight, bias) for weight, bias in reads)
        h = torch.addmm(h + self.out.bias, self.attention(q, k, v, graph), of_attention.T)
        found = F.silu(F.linear(normed(h), *perceptron))  # [E, hidden]
        if self.of_atom is not None:
            h = h + self.of_atom(graph.mean_at_atoms(found)).index_select(0, graph.atom)
        return torch.addmm(h, found, of_edge.T)
