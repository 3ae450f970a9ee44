"""Force Smoothness Deviation as a loss: smooth in the forces, with the score itself as its sharp limit.

Two places of FSD (``fsd``) have no derivative or a poor one: the floor under |F - F*_e|², and the maximum over frames,
which would teach one pair of frames at a time. Both maxima are softened, each within a bound that is known:

    log max(a, ε²)   →   c log(exp(log a / c) + exp(log ε² / c))                       at most c log 2 above
    max_k |s_k|      →   w log(mean_k of exp(s_k / w) and exp(-s_k / w))               at most w log 2K below

with s_k the slopes of D between K pairs of neighbouring frames in 1/Å. Reference: arXiv:2602.04861 for FSD.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from bsct_zoo.metrics.fsd import EPSILON

WIDTH = 1.0  # w in 1/Å
FLOOR_WIDTH = 0.1  # c


def soft_log_ratio(
    forces: Tensor,
    reference_forces: Tensor,
    at_minimum: Tensor,
    epsilon: float = EPSILON,
    floor_width: float = FLOOR_WIDTH,
) -> Tensor:
    """D_k [n_frames] of ``fsd.log_ratio``, differentiable in ``forces``, with a soft floor under these.

    Args:
        forces: [n_frames, n_atoms, 3] of the model, eV/Å.
        reference_forces: [n_frames, n_atoms, 3] F*, eV/Å.
        at_minimum: [n_atoms, 3] F*_e, the reference forces where the reference energy of the scan is lowest.
        epsilon: floor in eV/Å.
        floor_width: c, above zero.
    """
    floor = epsilon**2
    deviation = ((forces - at_minimum) ** 2).sum((-2, -1))  # [n_frames]
    wanted = ((reference_forces - at_minimum) ** 2).sum((-2, -1)).clamp(min=floor)
    # log a of a = 0 is no number to differentiate: far below the floor it does not matter what stands there.
    low = torch.log(deviation + floor * 1e-12)
    level = torch.full_like(low, math.log(floor))
    return floor_width * torch.logaddexp(low / floor_width, level / floor_width) - torch.log(wanted)


def soft_steepest(coordinate: Tensor, values: Tensor, width: float = WIDTH) -> Tensor:
    """Soft largest |Δvalue / Δcoordinate| between neighbours in 1/Å; never above the true one.

    Args:
        coordinate: [n_frames] Å, two or more.
        values: [n_frames].
        width: w in 1/Å, above zero.
    """
    slopes = torch.diff(values) / torch.diff(coordinate)  # [n_frames - 1]
    both = torch.cat([slopes, -slopes]) / width
    return width * (torch.logsumexp(both, 0) - math.log(len(both)))


def soft_fsd(
    coordinate: Tensor,
    forces: Tensor,
    reference_forces: Tensor,
    at_minimum: Tensor,
    epsilon: float = EPSILON,
    width: float = WIDTH,
    floor_width: float = FLOOR_WIDTH,
) -> Tensor:
    """FSD of consecutive frames in 1/Å as a scalar to train on; arguments as above.

    The frames may be a part of a scan, as long as ``at_minimum`` is that of the whole. As ``width`` and
    ``floor_width`` go to zero this becomes ``fsd.steepest`` of ``fsd.log_ratio``.
    """
    ratio = soft_log_ratio(forces, reference_forces, at_minimum, epsilon, floor_width)
    return soft_steepest(coordinate, ratio, width)
