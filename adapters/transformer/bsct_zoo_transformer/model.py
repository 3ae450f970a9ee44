"""The network of the edge Transformer (arXiv:2602.04861, "MinDScAIP"); ``config`` has its choices, ``graph`` its edges.

Tokens are the directed edges i→j of a differentiable k-nearest-neighbour graph. A block lets the edges that share an
atom attend to each other; between blocks every edge changes places with its reverse, so that blocks alternate between
"shares a source" and "shares a destination" (the shift of the Swin Transformer) and information travels.

    E = Σ_i e_ref(z_i) + Σ_e f_e [head(h_e) + ½ repulsion(z_i, z_j, d_e)]         f_e the envelope of the edge e = i→j

Shapes: A atoms, E edges, D most edges at an atom (padded), H heads, W width, S systems.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from ase.units import Bohr, Hartree
from torch import Tensor, nn
from torch.nn import functional as F

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo_transformer.config import TransformerConfig
from bsct_zoo_transformer.graph import Graph, edge_graph

COULOMB = Hartree * Bohr  # e² in eV Å
# (c, b) of Σ c exp(-b d/a).
ZBL_SCREENING = ((0.18175, 3.1998), (0.50986, 0.94229), (0.28022, 0.4029), (0.028171, 0.20162))


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
        self.norm = Norm(config.width)
        self.energy_head = mlp(config.width, config.width, 1)
        self.force_head = mlp(config.width, config.width, 1) if config.forces == "direct" else None
        self.repulsion = {"learned": LearnedRepulsion, "zbl": Nuclei, "none": NoRepulsion}[config.repulsion](
            config.elements
        )

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
        repulsion, slope = self.repulsion(species[graph.source], species[graph.target], graph.distance)  # [E]
        of_edge = self.energy_head(h).squeeze(1) * self.config.energy_scale + repulsion / 2  # [E]
        atom_energy = self.reference[species].index_add(0, graph.source, (of_edge * graph.envelope).double())  # [A]
        energy = torch.zeros(batch.n_systems, dtype=torch.float64, device=h.device)
        energy = energy.index_add(0, batch.system_idx, atom_energy)  # [S]
        if self.force_head is None:
            return energy, None
        along = self.force_head(h).squeeze(1) * self.config.energy_scale + slope  # [E]
        pull = (along * graph.envelope)[:, None] * graph.direction  # [E, 3]
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
        scaled = (graph.distance[:, None] - self.centres) / (2**0.5 * self.basis_width)  # [E, n_basis]
        pair = species[graph.source] * self.n_elements + species[graph.target]  # [E]
        radial = self.radial(torch.exp(-scaled.square()))
        half = self.CHARGES // 2
        ends = (self.source.weight[:, None] + self.target.weight).flatten(0, 1)  # [n_elements², W]
        if self.knows_charges:
            state = self.charge(batch.charge.clamp(-half, half) + half)
            state = state + self.spin((batch.spin - 1).clamp(0, self.SPINS - 1))  # [S, W]
            known = ends[pair] + state[batch.system_idx[graph.source]]  # [E, W]
        else:  # the embeddings of other states have never seen a gradient
            known = (ends + self.charge.weight[half] + self.spin.weight[0])[pair]
        h = torch.addcmul(known, radial, self.pair(pair))
        if self.direction is not None:
            h = h + self.direction(graph.direction)
        return self.out(F.silu(h))


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


class LearnedRepulsion(nn.Module):
    """Repulsion of two atoms, of one form for all elements, with a charge and a decay learned for each.

        V = e² Z_i Z_j / d exp(-√(a_i a_j) d^p)

    A Yukawa potential to begin with (p = 1); p is learned too. Tight binding repels like that (with p = 3/2 in
    S. Grimme et al., J. Chem. Theory Comput. 13, 1989 (2017), eq. 13).
    """

    def __init__(self, elements: tuple[int, ...]) -> None:
        super().__init__()
        self.log_charge = nn.Parameter(0.9 * torch.log(torch.tensor(elements, dtype=torch.float32)))
        self.log_decay = nn.Parameter(torch.full((len(elements),), math.log(3.0)))  # of Å^-p
        self.power = nn.Parameter(torch.ones(()))

    def forward(self, i: Tensor, j: Tensor, distance: Tensor) -> tuple[Tensor, Tensor]:
        """Energy [E] in eV and its slope [E] in eV/Å for elements ``i`` and ``j`` [E] by index at ``distance`` in Å."""
        charge, decay = self.log_charge.exp(), (self.log_decay / 2).exp()
        scaled = decay[i] * decay[j] * distance**self.power
        energy = COULOMB * charge[i] * charge[j] / distance * torch.exp(-scaled)
        return energy, -energy * (1 + self.power * scaled) / distance


class Nuclei(nn.Module):
    """Screened repulsion of bare nuclei: the universal potential of Ziegler, Biersack and Littmark (1985).

    e² z_i z_j / d times a screening function of d/a with a = 0.8854 a₀ / (z_i^0.23 + z_j^0.23).
    """

    def __init__(self, elements: tuple[int, ...]) -> None:
        super().__init__()
        self.register_buffer("numbers", torch.tensor(elements), persistent=False)

    def forward(self, i: Tensor, j: Tensor, distance: Tensor) -> tuple[Tensor, Tensor]:
        """As in ``LearnedRepulsion``."""
        z_i, z_j = self.numbers[i].to(distance.dtype), self.numbers[j].to(distance.dtype)
        coulomb = COULOMB * z_i * z_j / distance
        inverse = (z_i**0.23 + z_j**0.23) / (0.8854 * Bohr)
        terms = [(c * torch.exp(-b * inverse * distance), b) for c, b in ZBL_SCREENING]
        screening = sum(term for term, _ in terms)
        slope = -sum(term * b for term, b in terms) * inverse
        return coulomb * screening, coulomb * (slope - screening / distance)


class NoRepulsion(nn.Module):
    """None."""

    def __init__(self, elements: tuple[int, ...]) -> None:
        super().__init__()

    def forward(self, i: Tensor, j: Tensor, distance: Tensor) -> tuple[Tensor, Tensor]:
        """As in ``LearnedRepulsion``."""
        return torch.zeros_like(distance), torch.zeros_like(distance)


class _SumOfSquares(torch.autograd.Function):
    """Σ x² over the last axis, which is kept; its gradient in one pass."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.square().sum(-1, keepdim=True)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors
        found: Tensor = x * (2 * gradient)
        return found


class Norm(nn.Module):
    """Tokens of length √W, times a gain for each channel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, h: Tensor) -> Tensor:
        """[E, W] → [E, W]."""
        return normed(h) * self.weight


def normed(h: Tensor) -> Tensor:
    """Tokens [E, W] divided by their root mean square (arXiv:1910.07467); smooth at zero."""
    return h * torch.rsqrt(sum_of_squares(h) / h.shape[1] + 1e-6)


def sum_of_squares(x: Tensor) -> Tensor:
    """[..., C] → [..., 1]."""
    found: Tensor = _SumOfSquares.apply(x)
    return found


def mlp(n_in: int, n_hidden: int, n_out: int) -> nn.Sequential:
    """Two layers with a smooth activation between."""
    return nn.Sequential(nn.Linear(n_in, n_hidden), nn.SiLU(), nn.Linear(n_hidden, n_out))
