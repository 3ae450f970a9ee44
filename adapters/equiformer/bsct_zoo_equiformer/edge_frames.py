"""Edges and their frames for EquiformerV2, the same for the same edge whatever else is in the batch.

Frames. The model turns the features of an edge into a frame whose y axis lies along it. How far that frame is turned
about the edge is left open, and the package draws it at random at every call. The model's answer would not depend on
it if activations on a grid of the sphere were exact, but they are not. In training the draw stays, since it teaches
the model not to listen to the angle. When the model is asked for an answer, the frame is the one that the shortest
rotation from the y axis to the edge gives: in Euler angles (y, x, y) it is (α, β, -α) for an edge at azimuth α and
polar angle β about y. It is a smooth function of the direction everywhere but at -y, and no function could do better
than miss one point. Angles are taken in float64: arccos near an axis loses half of the digits of float32.

Graph. ``pairs_within`` finds the edges; lattice offsets keep float64, which the package rounds to float32. Where a
model keeps only the nearest ``max_neighbors``, the package's own choice is made.
"""

from __future__ import annotations

from types import MethodType
from typing import Any

import torch
from torch import Tensor, nn

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.atoms.neighbours import pairs_within
from bsct_zoo_equiformer.packages import GraphData, SO3_Rotation, get_max_neighbors_mask, wigner_D


def edge_wigner(vectors: Tensor, lmax: int) -> Tensor:
    """[E, (lmax+1)², (lmax+1)²] float64: turns coefficients of spherical harmonics from an edge's frame to space.

    ``vectors`` [E, 3] along the edges. Harmonics are e3nn's: degree after degree, y is the polar axis.
    """
    x, y, z = vectors.double().unbind(1)
    alpha, beta = torch.atan2(x, z), torch.atan2(torch.hypot(x, z), y)
    size = (lmax + 1) ** 2
    turn = vectors.new_zeros(len(vectors), size, size, dtype=torch.float64)
    for degree in range(lmax + 1):
        block = slice(degree**2, (degree + 1) ** 2)
        turn[:, block, block] = wigner_D(degree, alpha, beta, -alpha)
    return turn


def with_deterministic_frames(backbone: nn.Module) -> nn.Module:
    """``backbone`` (an EquiformerV2 of either generation), its graph and frames made as this module says.

    In training mode its frames stay those of the package.
    """
    backbone.generate_graph = MethodType(_generate_graph, backbone)
    backbone._init_edge_rot_mat = MethodType(_frames, backbone)
    for module in backbone.modules():
        if isinstance(module, SO3_Rotation):
            module.set_wigner = MethodType(_set_wigner, module)
    return backbone


def _frames(backbone: nn.Module, data: Any, edge_index: Tensor, vectors: Tensor) -> Tensor:
    """What ``_set_wigner`` makes rotations from: matrices [E, 3, 3] that were drawn, or the edges' vectors [E, 3]."""
    if not backbone.training:
        return vectors.detach()
    drawn: Tensor = type(backbone)._init_edge_rot_mat(backbone, data, edge_index, vectors)
    return drawn


def _set_wigner(rotation: Any, frames: Tensor) -> None:
    if frames.dim() == 3:
        SO3_Rotation.set_wigner(rotation, frames)
        return
    rotation.device, rotation.dtype = frames.device, frames.dtype
    to_space = edge_wigner(frames, rotation.lmax).to(frames.dtype)
    rotation.wigner, rotation.wigner_inv = to_space.transpose(1, 2).contiguous(), to_space


def _generate_graph(backbone: Any, data: Any, **_: Any) -> GraphData:
    """Edges j→i sorted by i, with vectors r_j - r_i (+ lattice offset), as the package has them."""
    systems = AtomsBatch(
        data.pos,
        data.atomic_numbers.long(),
        data.batch,
        data.cell.view(-1, 3, 3),
        data.pbc.view(-1, 3),
        torch.zeros_like(data.natoms),
        torch.ones_like(data.natoms),
    )
    pairs = pairs_within(systems, float(backbone.cutoff))
    target, source, vectors = pairs.source, pairs.target, pairs.vectors
    most = int(backbone.max_neighbors)
    if len(target) and int(torch.bincount(target).max()) > most:
        kept, _ = get_max_neighbors_mask(
            data.natoms,
            target,
            (vectors.detach() ** 2).sum(1).to(torch.get_default_dtype()),  # squared, as the package calls it
            most,
            enforce_max_strictly=bool(backbone.enforce_max_neighbors_strictly),
        )
        target, source, vectors = target[kept], source[kept], vectors[kept]
    return GraphData(
        edge_index=torch.stack([source, target]),
        edge_distance=vectors.norm(dim=1),
        edge_distance_vec=vectors,
        cell_offsets=None,
        offset_distances=None,
        neighbors=torch.bincount(systems.system_idx[target], minlength=systems.n_systems),
        batch_full=data.batch,
        atomic_numbers_full=systems.atomic_numbers,
        node_offset=0,
    )
