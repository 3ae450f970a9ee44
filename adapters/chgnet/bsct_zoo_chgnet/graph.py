"""CHGNet's batched graph, made for all frames at once: atoms, bonds within one cut-off, angles within another."""

from __future__ import annotations

import torch
from chgnet.model.model import BatchedGraph, CHGNet
from torch import Tensor

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.atoms.neighbours import Pairs, pairs_within


def batched_graph(model: CHGNet, batch: AtomsBatch, dtype: torch.dtype) -> BatchedGraph:
    """The graph of ``batch`` as ``model`` takes it; differentiable with respect to positions and cell.

    Nodes are the atoms and the B undirected bonds, each of which is two of the E = 2 B directed pairs; edges of the
    second graph are the ordered pairs of different directed bonds that start at the same atom, both shorter than the
    cut-off of angles. The package makes the same graph frame by frame, in Python.

    Lengths, angles and what they are expanded in are in the dtype of ``batch``, and only then in ``dtype``: an angle of
    nearly 180° that is computed in float32 has but few digits.
    """
    pairs = pairs_within(batch, model.graph_converter.atom_graph_cutoff)
    lengths = pairs.vectors.norm(dim=1)  # [E] Å
    bonds, bond_of_pair = undirected(pairs)
    short = (lengths.detach() < model.graph_converter.bond_graph_cutoff).nonzero().flatten()
    first, second = sharing(pairs.source[short], batch.n_atoms)
    first, second = short[first], short[second]  # [n_angles] pairs
    directions = pairs.vectors / lengths[:, None]
    expand = model.bond_basis_expansion
    return BatchedGraph(
        atomic_numbers=batch.atomic_numbers,
        bond_bases_ag=expand.rbf_expansion_ag(lengths[bonds]).to(dtype),
        bond_bases_bg=expand.rbf_expansion_bg(lengths[bonds]).to(dtype),
        angle_bases=model.angle_basis_expansion(directions[first], directions[second]).to(dtype),
        batched_atom_graph=torch.stack([pairs.source, pairs.target], 1),
        batched_bond_graph=torch.stack([pairs.source[first], bond_of_pair[first], bond_of_pair[second]], 1),
        atom_owners=batch.system_idx,
        directed2undirected=bond_of_pair,
        atom_positions=(),  # only for the package's own derivatives
        strains=(),
        volumes=(),
    )


def undirected(pairs: Pairs) -> tuple[Tensor, Tensor]:
    """[B] one directed pair of each bond, and [E] the bond of each pair."""
    index = torch.arange(len(pairs.source), device=pairs.source.device)
    leads = index < pairs.reverse
    number = torch.cumsum(leads, 0) - 1
    return leads.nonzero().flatten(), number[torch.minimum(index, pairs.reverse)]


def sharing(atom: Tensor, n_atoms: int) -> tuple[Tensor, Tensor]:
    """Every ordered pair of different entries of ``atom`` [n], ascending, that are equal, as two indices into it."""
    counts = torch.bincount(atom, minlength=n_atoms)
    partners = counts[atom]
    first = torch.repeat_interleave(torch.arange(len(atom), device=atom.device), partners)
    start = torch.cumsum(partners, 0) - partners
    within = torch.arange(len(first), device=atom.device) - start[first]
    second = (torch.cumsum(counts, 0) - counts)[atom[first]] + within
    different = first != second
    return first[different], second[different]
