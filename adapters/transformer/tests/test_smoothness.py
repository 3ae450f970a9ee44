"""The surface is smooth wherever its graph changes: found on random paths, and looked at down to steps of 1e-6 Å.

What must hold where neighbours swap rank, cross the cut-off or drop out of the graph: energy and forces change by no
more than a constant times the step, forces are the gradient, and second derivatives are finite. The hard graph must
fail.

Two atoms at the same place are left out: a direction has no limit there, for this model as for any that knows angles;
that the answer stays finite is tested in ``test_model``.
"""

from dataclasses import replace

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from ase import Atoms
from ase.geometry import get_distances
from bsct_zoo_transformer.config import PAPER, TransformerConfig
from bsct_zoo_transformer.graph import edge_graph
from bsct_zoo_transformer.loader import load
from bsct_zoo_transformer.model import EdgeTransformer
from bsct_zoo_transformer.potential import TransformerPotential
from hypothesis import HealthCheck, given, settings

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.models.naming import parse_model

CONFIG = TransformerConfig(
    elements=(1, 6, 8),
    reference_energies=(-1.0, -2.0, -3.0),
    k=4,
    r_cut=4.0,
    width=16,
    heads=2,
    blocks=2,
    n_basis=16,
    n_angular=3,
    energy_scale=5.0,
)
SMOOTH = {
    "soft kNN": {},
    "radius": {"graph": "radius"},
    "dot products": {"attention": "dot"},
    "the paper's own": PAPER,
    "narrow basis": {"basis_width": 0.1},
    "edges alone, nuclei": {"atom_hidden": 0, "repulsion": "zbl"},
    "direct forces": {"forces": "direct"},
}
CONSERVATIVE = [name for name in SMOOTH if name != "direct forces"]
STEPS = (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)  # Å
COARSE = 2e-3  # Å: step of the neighbourhood in which the largest slope is taken
few = settings(max_examples=6, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def surface_of(dtype="float64", **changes):
    torch.manual_seed(0)
    return TransformerPotential(EdgeTransformer(replace(CONFIG, **changes)), "cpu", dtype, "random", "MIT")


def answer(surface, frames):
    """Energies [n] and forces [n, atoms, 3]."""
    found = surface.compute(AtomsBatch.from_atoms(frames))
    return found.energy.numpy(), found.forces.double().numpy().reshape(len(frames), -1, 3)


class Path:
    """Atoms that move along straight lines; ``path(t)`` moves the fastest by t Å."""

    def __init__(self, atoms, direction):
        self.atoms, self.direction = atoms, direction / np.linalg.norm(direction, axis=1).max()

    def __call__(self, t):
        moved = self.atoms.copy()
        moved.positions = self.atoms.positions + t * self.direction
        return moved


@st.composite
def paths(draw, periodic=st.just(False)):
    """A cluster or a small cell, and a way for it to move; no atom starts within 1.2 Å of another or of its image."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, pbc = draw(st.integers(4, 9)), draw(periodic)
    side = draw(st.sampled_from([1.8, 2.4, 3.2])) * n ** (1 / 3)
    skew = np.eye(3) + random.uniform(-0.1, 0.1, (3, 3))
    positions = np.zeros((1, 3))
    while len(positions) < n:
        side *= 1.005
        one = random.uniform(size=3) @ (side * skew)
        _, apart = get_distances(one[None], positions, cell=side * skew, pbc=pbc)
        if apart.min() > 1.2:
            positions = np.vstack([positions, one])
    atoms = Atoms(random.choice([1, 6, 8], n), positions, cell=side * skew, pbc=pbc)
    return Path(atoms, random.normal(size=(n, 3)) * random.integers(0, 2, (n, 1)) + 1e-3 * random.normal(size=(n, 3)))


# -- where the graph changes -------------------------------------------------------------------------------


def states(surface, path, ts):
    """What graphs are made of, apart from numbers: their edges, and the order of the neighbours of every atom."""
    batch, n = AtomsBatch.from_atoms([path(t) for t in ts]), len(path.atoms)
    graph = edge_graph(batch, surface.model.config)
    near = edge_graph(batch, replace(surface.model.config, graph="radius"))
    order = np.lexsort([near.distance.numpy(), near.source.numpy()])
    of = [np.stack([graph.source, graph.target]), np.stack([near.source, near.target])[:, order]]
    return [tuple((ends[:, ends[0] // n == place] - n * place).tobytes() for ends in of) for place in range(len(ts))]


def events(surface, path, length=0.4, most=3, edges_only=False):
    """Places on a path where the state changes, found to the last digits by cutting into sixteen again and again."""

    def brackets(a, b, n):
        ts = np.linspace(a, b, n)
        found = [one[: 1 if edges_only else 2] for one in states(surface, path, ts)]
        return [(ts[k], ts[k + 1]) for k in range(n - 1) if found[k] != found[k + 1]]

    places = []
    for bracket in brackets(0, length, 13)[:most]:
        while bracket[1] - bracket[0] > 1e-13:
            bracket = brackets(*bracket, 17)[0]
        places.append(sum(bracket) / 2)
    return places


def excess(surface, path, t):
    """Largest change over steps h about t, in units of h times the largest slope nearby; bounded if all is continuous.

    The slope is taken over steps of ``COARSE``, so a jump J counts at h as J / (slope h): it grows without bound.
    """
    grid = t + COARSE * np.arange(-6, 7)
    energy, forces = answer(surface, [path(x) for x in grid])
    scales = [np.abs(np.diff(energy)).max() / COARSE, np.abs(np.diff(forces, axis=0)).max() / COARSE]
    worst = 0.0
    for h in STEPS[1:]:
        energy, forces = answer(surface, [path(t - h / 2), path(t + h / 2)])
        for values, scale in ((energy, scales[0]), (forces, scales[1])):
            rounding = 1e-11 * max(1.0, np.abs(values).max())
            worst = max(worst, (np.abs(values[1] - values[0]).max() - rounding) / (h * scale + 1e-15))
    return worst


@pytest.mark.parametrize("design", SMOOTH)
def test_no_jump_where_the_graph_changes(design):
    surface = surface_of(**SMOOTH[design])

    @few
    @given(paths(periodic=st.booleans()))
    def check(path):
        for t in events(surface, path):
            assert excess(surface, path, t) < 3

    check()


def swap():
    """Eight neighbours of an oxygen, of which the fourth and the fifth swap rank, at t = 0."""
    radii = np.array([1.0, 1.1, 1.2, 1.5, 1.5, 1.7, 1.8, 1.9])
    angles = np.arange(8) * np.pi / 4
    height = 0.1 * np.array([0, 1, 2, 3, 3, 5, 6, 7])  # the two that swap stand equally high
    ring = np.stack([radii * np.cos(angles), radii * np.sin(angles), height], 1)
    outwards = np.zeros((9, 3))
    outwards[4, :2], outwards[5, :2] = ring[3, :2] / radii[3], -ring[4, :2] / radii[4]
    return Path(Atoms("OH8", np.vstack([np.zeros(3), ring])), outwards)


def line(*places, symbols="CCH"):
    """The last of some atoms on a line leaves."""
    positions = np.zeros((len(places), 3))
    positions[:, 0] = places
    direction = np.zeros((len(places), 3))
    direction[-1, 0] = 1
    return Path(Atoms(symbols[: len(places)], positions), direction)


KNOWN = {
    "two swap rank": (swap(), 0.0),
    "one enters the cut-off": (line(0, 1.4, 5.4), 0.0),
    "the only neighbour leaves": (line(0, 4.0, symbols="CH"), 0.0),
    "fewer neighbours than k": (line(0, 1.2, 2.6), 0.0),
    "two at equal distance": (Path(Atoms("OHHH", [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]), np.eye(4, 3)), 0.0),
}


@pytest.mark.parametrize("design", SMOOTH)
@pytest.mark.parametrize("name", KNOWN)
def test_no_jump_on_known_paths(name, design):
    assert excess(surface_of(**SMOOTH[design]), *KNOWN[name]) < 3


@pytest.mark.parametrize("name", ["transformer", "transformer:medium", "transformer:paper"])
def test_the_shipped_model_where_its_graph_changes(name):
    """In cells, whose images give every atom more neighbours than k. Forces are the gradient at the same places."""
    surface = load(parse_model(name).card, "cpu", "float64")

    @few
    @given(paths(periodic=st.just(True)))
    def check(path):
        places = events(surface, path, most=2)
        assert places
        for t in places:
            assert excess(surface, path, t) < 3
            force, expected = force_and_slope(surface, path, t)
            assert force == pytest.approx(expected, rel=1e-7, abs=1e-6)

    check()


def test_the_hard_graph_jumps_where_ranks_swap():
    """Else the tests above could not see."""
    assert excess(surface_of(graph="hard_knn"), *KNOWN["two swap rank"]) > 100


def test_the_hard_graph_jumps_on_random_paths():
    surface = surface_of(graph="hard_knn")
    random = np.random.default_rng(0)
    found = []
    for _ in range(2):
        positions = random.uniform(0, 1, (10, 3)) + np.stack(np.unravel_index(np.arange(10), (3, 2, 2)), 1) * 1.6
        path = Path(Atoms("O" * 10, positions), random.normal(size=(10, 3)))
        found += [excess(surface, path, t) for t in events(surface, path, edges_only=True)]
    assert len(found) >= 3 and np.median(found) > 100


# -- derivatives -------------------------------------------------------------------------------------------


def slope(function, h=5e-4):
    """Central difference of fourth order of a function of one number at 0."""
    far, near, forth, further = (function(x * h) for x in (-2, -1, 1, 2))
    return (far - 8 * near + 8 * forth - further) / (12 * h)


def force_and_slope(surface, path, t):
    """The force along the path, and what it must be: minus the slope of the energy."""
    _, forces = answer(surface, [path(t)])
    return (forces[0] * path.direction).sum(), -slope(lambda x: answer(surface, [path(t + x)])[0][0])


@pytest.mark.parametrize("design", CONSERVATIVE)
def test_forces_are_the_gradient_where_the_graph_changes(design):
    surface = surface_of(**SMOOTH[design])

    @few
    @given(paths(periodic=st.booleans()))
    def check(path):
        for t in [0.0, *events(surface, path, most=2)]:
            force, expected = force_and_slope(surface, path, t)
            assert force == pytest.approx(expected, abs=1e-6)

    check()


@few
@given(paths(periodic=st.just(True)), st.integers(0, 2**32 - 1))
def test_stress_is_the_strain_derivative_in_cells_smaller_than_the_cut_off(path, seed):
    surface, crystal = surface_of(), path.atoms
    assert np.linalg.norm(crystal.cell[0]) < 2 * CONFIG.r_cut  # several images of every atom
    strain = np.random.default_rng(seed).normal(size=(3, 3))
    strain = (strain + strain.T) / 2

    def energy(x):
        strained = crystal.copy()
        strained.set_cell(crystal.cell[:] @ (np.eye(3) + x * strain), scale_atoms=True)
        return answer(surface, [strained])[0][0]

    stress = surface.compute(AtomsBatch.from_atoms(crystal)).stress[0].numpy()
    assert np.array_equal(stress, stress.T)
    assert crystal.get_volume() * (stress * strain).sum() == pytest.approx(slope(energy, 1e-4), abs=2e-6)


@pytest.mark.parametrize("design", CONSERVATIVE)
@pytest.mark.parametrize("name", ["two swap rank", "one enters the cut-off", "two at equal distance"])
def test_second_derivatives(name, design):
    """Right, so finite, at the very place where the graph changes."""
    path, t = KNOWN[name]
    surface = surface_of(**SMOOTH[design], width=8, blocks=1)
    batch = AtomsBatch.from_atoms(path(t))
    positions = batch.positions.clone().requires_grad_()
    assert torch.autograd.gradgradcheck(
        lambda p: surface.model(batch.with_positions(p)).sum(), positions, atol=1e-4, fast_mode=True
    )


# -- precision, and systems with little in them ------------------------------------------------------------


@pytest.mark.parametrize("design", [*SMOOTH, "hard kNN"])
def test_single_precision_is_double_precision_rounded(design):
    changes = SMOOTH.get(design, {"graph": "hard_knn"})
    low, high = surface_of("float32", **changes), surface_of(**changes)

    @few
    @given(paths(periodic=st.booleans()))
    def check(path):
        (energy,), (forces,) = answer(high, [path.atoms])
        (rounded,), (rounded_forces,) = answer(low, [path.atoms])
        assert rounded == pytest.approx(energy, abs=2e-4)
        assert np.abs(rounded_forces - forces).max() < 1e-3 * max(1.0, np.abs(forces).max())

    check()


@pytest.mark.parametrize("changes", [*SMOOTH.values(), {"graph": "hard_knn"}], ids=[*SMOOTH, "hard kNN"])
def test_systems_with_little_in_them(changes):
    """None, one without atoms, one atom, one atom and its images: alone and beside others."""
    surface = surface_of(**changes)
    lone, few = Atoms("O"), Atoms("H", cell=[2.5, 2.6, 2.7], pbc=True)
    assert surface.compute(AtomsBatch.from_atoms([])).energy.shape == (0,)
    assert surface.compute(AtomsBatch.from_atoms(Atoms())).energy.tolist() == [0.0]
    found = surface.compute(AtomsBatch.from_atoms([Atoms(), lone, few, Atoms(), Atoms("CO", [[0, 0, 0], [0, 0, 1.2]])]))
    assert found.energy[1].item() == -3.0 and found.energy[0].item() == 0.0
    assert found.energy[2].item() == pytest.approx(surface.compute(AtomsBatch.from_atoms(few)).energy.item(), abs=1e-12)
    assert torch.isfinite(found.energy).all() and torch.isfinite(found.forces).all()
    if changes.get("forces") != "direct":
        assert found.forces[:2].abs().max() < 1e-12  # by symmetry
    if found.stress is not None:
        assert torch.isfinite(found.stress[2]).all()
