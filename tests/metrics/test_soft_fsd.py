"""The differentiable FSD: its sharp limit, its bounds, its gradient."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bsct_zoo.metrics.fsd import log_ratio, steepest
from bsct_zoo.metrics.soft_fsd import soft_fsd, soft_log_ratio, soft_steepest


def scan(seed, n_frames, n_atoms, size):
    """Coordinate, forces, reference forces and energies of a made-up scan; forces on both sides of the floor."""
    rng = np.random.default_rng(seed)
    coordinate = np.cumsum(rng.uniform(0.01, 0.1, n_frames))
    wanted = size * rng.normal(size=(n_frames, n_atoms, 3)) * rng.uniform(0, 1, (n_frames, 1, 1))
    found = wanted + 0.3 * size * rng.normal(size=wanted.shape) * rng.uniform(0, 1, (n_frames, 1, 1))
    return coordinate, found, wanted, rng.normal(size=n_frames)


def both(seed, n_frames, n_atoms, size, width, floor_width):
    """The sharp score, and the soft one."""
    coordinate, found, wanted, energy = scan(seed, n_frames, n_atoms, size)
    sharp = steepest(coordinate, log_ratio(found, wanted, energy))
    tensors = [torch.tensor(a) for a in (coordinate, found, wanted, wanted[energy.argmin()])]
    return coordinate, sharp, float(soft_fsd(*tensors, width=width, floor_width=floor_width))


shapes = st.tuples(st.integers(0, 2**32), st.integers(2, 40), st.integers(1, 6), st.sampled_from([0.1, 1.0, 30.0]))


@given(shapes)
def test_the_sharp_limit_is_fsd(shape):
    _, sharp, soft = both(*shape, width=1e-7, floor_width=1e-9)
    assert soft == pytest.approx(sharp, rel=1e-6, abs=1e-5)


@given(shapes, st.floats(1e-3, 10), st.floats(1e-3, 1))
def test_it_is_never_further_from_fsd_than_its_widths_allow(shape, width, floor_width):
    coordinate, sharp, soft = both(*shape, width=width, floor_width=floor_width)
    below = width * math.log(2 * (len(coordinate) - 1))
    floor = floor_width * math.log(2) / np.diff(coordinate).min()  # D is off by 0 to c log 2 at either frame
    assert sharp - below - floor - 1e-9 <= soft <= sharp + floor + 1e-9


@given(shapes)
@settings(max_examples=25, deadline=None)
def test_its_gradient_is_its_slope(shape):
    """Against finite differences in float64, for sizes below, at and above the floor."""
    coordinate, found, wanted, energy = scan(*shape)
    fixed = [torch.tensor(a) for a in (wanted, wanted[energy.argmin()])]
    forces = torch.tensor(found, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda f: soft_fsd(torch.tensor(coordinate), f, *fixed), (forces,), eps=1e-6, atol=1e-5, rtol=1e-4
    )


def test_a_model_that_is_right_scores_zero_and_learns_nothing_infinite():
    coordinate, _, wanted, energy = scan(0, 20, 4, 10.0)
    wanted = wanted + 100  # all of it above the floor, save the minimum itself
    forces = torch.tensor(wanted, requires_grad=True)
    at_minimum = torch.tensor(wanted[energy.argmin()])
    ratio = soft_log_ratio(forces, torch.tensor(wanted), at_minimum, floor_width=1e-3)
    assert ratio.abs().max().item() < 1e-3
    loss = soft_steepest(torch.tensor(coordinate), ratio)
    loss.backward()
    assert abs(loss.item()) < 0.1 and bool(forces.grad.isfinite().all())


def test_all_frames_that_jump_alike_learn_alike():
    """The sharp maximum of equals teaches one pair of frames; the soft one all of them."""
    values = torch.tensor([0.0, 1.0, 0.0, 1.0, 0.0], dtype=torch.float64, requires_grad=True)
    soft_steepest(torch.arange(5.0, dtype=torch.float64), values, width=0.1).backward()
    assert values.grad.tolist() == pytest.approx([-0.25, 0.5, -0.5, 0.5, -0.25], abs=1e-6)
