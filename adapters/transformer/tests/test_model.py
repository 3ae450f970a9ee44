"""The Transformer's surface is smooth and its symmetries hold, on random weights in float64."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, molecule
from bsct_zoo_transformer.config import PAPER, TransformerConfig
from bsct_zoo_transformer.graph import edge_graph
from bsct_zoo_transformer.model import Block, EdgeTransformer, SwinBlock
from bsct_zoo_transformer.potential import TransformerPotential
from bsct_zoo_transformer.repulsion import LearnedRepulsion, NoRepulsion, Nuclei
from scipy.spatial.transform import Rotation

from bsct_zoo.atoms.batch import AtomsBatch

CONFIG = TransformerConfig(
    elements=(1, 6, 7, 8, 9, 11, 15, 16, 17),
    reference_energies=tuple(-10.0 * n for n in range(9)),
    k=6,
    r_cut=5.0,
    width=32,
    heads=4,
    blocks=3,
)

both = pytest.mark.parametrize("design", [{}, PAPER], ids=["ours", "paper"])


def potential(**changes):
    torch.manual_seed(0)
    model = EdgeTransformer(replace(CONFIG, **changes))
    return TransformerPotential(model, "cpu", "float64", "random", "MIT")


def answer(surface, *frames):
    return surface.compute(AtomsBatch.from_atoms(list(frames)))


def rattled(name, seed=0):
    atoms = molecule(name)
    atoms.rattle(0.1, seed=seed)
    return atoms


@pytest.mark.parametrize("changes", [{}, PAPER, {"serial": True}, {"attention": "dot"}, {"graph": "radius"}], ids=str)
def test_forces_are_the_gradient(changes):
    surface, atoms = potential(**changes), rattled("CH3CH2OH")
    forces, h = answer(surface, atoms).forces.numpy(), 1e-4
    for a, c in [(0, 0), (3, 1), (8, 2)]:
        ends = []
        for sign in (1, -1):
            moved = atoms.copy()
            moved.positions[a, c] += sign * h
            ends.append(answer(surface, moved).energy.item())
        assert forces[a, c] == pytest.approx(-(ends[0] - ends[1]) / (2 * h), abs=1e-6)


@pytest.mark.parametrize("kind", [LearnedRepulsion, Nuclei, NoRepulsion])
def test_repulsion_knows_its_slope_and_no_order(kind):
    numbers = (1, 6, 17)
    repulsion, i = kind(numbers).double(), torch.arange(3).repeat_interleave(3)
    j = torch.arange(3).repeat(3)
    distance = torch.linspace(0.4, 3.0, 9, dtype=torch.float64, requires_grad=True)
    energy, slope = repulsion(i, j, distance)
    torch.testing.assert_close(energy, repulsion(j, i, distance)[0])
    if kind is NoRepulsion:
        assert not energy.any() and not slope.any()
        return
    (expected,) = torch.autograd.grad(energy.sum(), distance)
    torch.testing.assert_close(slope, expected)
    assert (energy > 0).all() and (slope < 0).all()


def test_repulsion_of_nuclei_is_that_of_the_literature():
    """Two nuclei at a distance of nothing are bare charges; at a₀ carbon's screening is summed here by hand."""
    nuclei, pair = Nuclei((6,)), torch.zeros(1, dtype=torch.long)
    near = torch.tensor([1e-6], dtype=torch.float64)
    assert nuclei(pair, pair, near)[0].item() == pytest.approx(36 * 14.3996 / 1e-6, rel=1e-4)
    x = 2 * 6**0.23 / 0.8854
    screening = 0.18175 * np.exp(-3.1998 * x) + 0.50986 * np.exp(-0.94229 * x)
    screening += 0.28022 * np.exp(-0.4029 * x) + 0.02817 * np.exp(-0.20162 * x)
    found = nuclei(pair, pair, torch.tensor([0.529177], dtype=torch.float64))[0].item()
    assert found == pytest.approx(36 * 27.2114 * screening, rel=1e-4)


def test_what_is_said_at_atoms_is_a_mean_weighed_by_the_envelope():
    surface = potential()
    batch = AtomsBatch.from_atoms([rattled("CH3CH2OH"), Atoms("H")])
    graph = edge_graph(batch, surface.model.config)
    values = torch.randn(len(graph.source), 3, dtype=torch.float64)
    found = graph.mean_at_atoms(values)
    for atom in range(batch.n_atoms):
        edges = (graph.source == atom).nonzero()[:, 0]
        weights = graph.envelope[edges, None]
        expected = (weights * values[edges]).sum(0) / (1 + weights.sum())
        torch.testing.assert_close(found[atom], expected)
    assert not found[-1].any()


@both
def test_stress_is_the_strain_derivative(design):
    surface, crystal = potential(**design), bulk("NaCl", "rocksalt", a=5.6)
    crystal.rattle(0.1, seed=0)
    stress, h = answer(surface, crystal).stress[0].numpy(), 1e-5
    for strain in (np.diag([1.0, 0, 0]), np.array([[0, 0.5, 0], [0.5, 0, 0], [0, 0, 0]])):
        ends = []
        for sign in (1, -1):
            strained = crystal.copy()
            strained.set_cell(crystal.cell[:] @ (np.eye(3) + sign * h * strain), scale_atoms=True)
            ends.append(answer(surface, strained).energy.item())
        expected = (ends[0] - ends[1]) / (2 * h) / crystal.get_volume()
        assert (stress * strain).sum() == pytest.approx(expected, abs=1e-7)


@both
def test_batch_composition_does_not_matter(design):
    surface = potential(**design)
    frames = [rattled(n) for n in ("C6H6", "H2O", "CH3CH2OH")] + [Atoms("H"), bulk("NaCl", "rocksalt", a=5.6)]
    together = answer(surface, *frames)
    start = 0
    for k, atoms in enumerate(frames):
        alone = answer(surface, atoms)
        assert together.energy[k].item() == pytest.approx(alone.energy.item(), abs=1e-10)
        assert (together.forces[start : start + len(atoms)] - alone.forces).abs().max() < 1e-10
        start += len(atoms)


@both
def test_order_and_place_do_not_matter(design):
    surface, atoms = potential(**design), rattled("CH3CH2OH")
    found = answer(surface, atoms)
    order = np.random.default_rng(0).permutation(len(atoms))
    shuffled = answer(surface, atoms[order])
    assert shuffled.energy.item() == pytest.approx(found.energy.item(), abs=1e-10)
    assert (shuffled.forces - found.forces[order]).abs().max() < 1e-10
    shifted = atoms.copy()
    shifted.positions += [3, -2, 7]
    assert answer(surface, shifted).energy.item() == pytest.approx(found.energy.item(), abs=1e-10)


def test_forces_turn_with_the_molecule():
    surface, atoms = potential(), rattled("CH3CH2OH")
    found = answer(surface, atoms)
    turn = Rotation.random(random_state=0).as_matrix()
    turned = atoms.copy()
    turned.positions = atoms.positions @ turn.T
    again = answer(surface, turned)
    assert again.energy.item() == pytest.approx(found.energy.item(), abs=1e-10)
    assert np.abs(again.forces.numpy() - found.forces.numpy() @ turn.T).max() < 1e-10


def test_raw_directions_do_not_turn_along():
    """The paper's unconstrained form must learn rotations; this shows that the test above can see."""
    surface, atoms = potential(**PAPER), rattled("CH3CH2OH")
    assert not surface.info.equivariant and potential().info.equivariant
    turned = atoms.copy()
    turned.positions = atoms.positions @ Rotation.random(random_state=0).as_matrix().T
    assert abs(answer(surface, turned).energy.item() - answer(surface, atoms).energy.item()) > 1e-6


@both
def test_periodic_images_do_not_matter(design):
    surface, crystal = potential(**design), bulk("NaCl", "rocksalt", a=5.6, cubic=True)
    crystal.rattle(0.1, seed=0)
    moved = crystal.copy()
    moved.positions[3] += crystal.cell[0] - 2 * crystal.cell[2]
    assert answer(surface, moved).energy.item() == pytest.approx(answer(surface, crystal).energy.item(), abs=1e-9)
    double = crystal.repeat((2, 1, 1))
    assert answer(surface, double).energy.item() == pytest.approx(2 * answer(surface, crystal).energy.item(), abs=1e-9)


def test_charge_and_spin_enter_only_where_they_were_learned():
    neutral, ion = rattled("H2O"), rattled("H2O")
    ion.info.update(charge=1, spin=2)
    for knows in (True, False):
        surface = potential(charges=knows)
        torch.nn.init.normal_(surface.model.embed.charge.weight)
        energies = answer(surface, neutral, ion).energy
        assert surface.info.supports_charge_spin is knows
        assert (abs(energies[0] - energies[1]) > 1e-10).item() is knows


def swap_path(t):
    """Eight neighbours around an oxygen, two of which swap rank at t = 0, at the edge of the six nearest."""
    angles = np.linspace(0, 2 * np.pi, 9)[:-1]
    radii = 1.0 + 0.15 * np.arange(8)
    radii[5], radii[6] = 1.8 + t, 1.8 - t
    height = 0.1 * np.array([0, 1, 2, 3, 4, 5, 5, 7])  # the two that swap stand equally high
    ring = np.stack([radii * np.cos(angles), radii * np.sin(angles), height], 1)
    return Atoms("OH8", np.vstack([[0, 0, 0], ring]))


def leave_path(t):
    """A hydrogen that leaves the cut-off of a lone pair of carbons."""
    return Atoms("C2H", [[0, 0, 0], [1.4, 0, 0], [-5.0 - t, 0.0, 0.0]])


def alone_path(t):
    """The only neighbour leaves."""
    return Atoms("CH", [[0, 0, 0], [0, 5.0 + t, 0]])


def largest_jump(surface, path, h, at=(0.0,)):
    """Largest change of energy and forces over a step h around the places where something happens."""
    frames = [path(x + s * h / 2) for x in at for s in (-1, 1)]
    found = answer(surface, *frames)
    n = len(frames[0])
    energy = found.energy.numpy().reshape(-1, 2)
    forces = found.forces.numpy().reshape(-1, 2, n, 3)
    return max(np.abs(np.diff(energy, axis=1)).max(), np.abs(np.diff(forces, axis=1)).max())


@both
@pytest.mark.parametrize("path", [swap_path, leave_path, alone_path])
def test_no_jump_where_neighbours_change(path, design):
    surface = potential(**design)
    jumps = [largest_jump(surface, path, h) for h in (1e-2, 1e-3, 1e-4, 1e-5, 1e-6)]
    for before, after in itertools.pairwise(jumps):
        assert after < 0.2 * before + 1e-10


def test_hard_knn_does_jump():
    """Else the test above could not see."""
    surface = potential(graph="hard_knn")
    assert largest_jump(surface, swap_path, 1e-6) > 1e-4


@both
@pytest.mark.parametrize("path", [swap_path, leave_path, alone_path])
def test_forces_are_the_gradient_where_neighbours_change(path, design):
    surface, h = potential(**design), 1e-4
    for t in (-0.05, -0.01, 0.0, 0.01, 0.05):
        atoms = path(t)
        forces = answer(surface, atoms).forces.numpy()
        a = len(atoms) - 1
        ends = []
        for sign in (1, -1):
            moved = atoms.copy()
            moved.positions[a, 0] += sign * h
            ends.append(answer(surface, moved).energy.item())
        assert forces[a, 0] == pytest.approx(-(ends[0] - ends[1]) / (2 * h), abs=1e-6)


@both
def test_second_derivatives(design):
    torch.manual_seed(0)
    model = EdgeTransformer(replace(CONFIG, **design)).double()
    batch = AtomsBatch.from_atoms(rattled("H2O"))
    assert torch.autograd.gradgradcheck(
        lambda p: model(batch.with_positions(p)).sum(), batch.positions.clone().requires_grad_(), atol=1e-4
    )


def test_coincident_atoms_stay_finite():
    found = answer(potential(), Atoms("CHH", [[0, 0, 0], [0, 0, 0], [0, 0, 1.1]]))
    assert torch.isfinite(found.energy).all() and torch.isfinite(found.forces).all()


@both
def test_atoms_alone_are_their_reference(design):
    found = answer(potential(**design), Atoms("H"), Atoms("C"), Atoms("CC", [[0, 0, 0], [0, 0, 9]]))
    assert found.energy.tolist() == pytest.approx([0.0, -10.0, -20.0], abs=1e-12)
    assert found.forces.abs().max() == 0


def test_a_perceptron_after_the_attention_reads_what_that_left():
    """Where attention writes nothing, the order of the two does not matter; else it does."""
    torch.manual_seed(0)
    beside, after = Block(CONFIG).double(), SwinBlock(CONFIG).double()
    after.load_state_dict(beside.state_dict())
    graph = edge_graph(AtomsBatch.from_atoms(rattled("CH3CH2OH")), CONFIG)
    h = torch.randn(len(graph.source), CONFIG.width, dtype=torch.float64)
    assert (beside(h, graph) - after(h, graph)).abs().max() > 1e-3
    with torch.no_grad():
        for block in (beside, after):
            block.out.bias.zero_()
            block.out.weight[:, : CONFIG.width] = 0
    torch.testing.assert_close(beside(h, graph), after(h, graph))


def test_single_precision_is_double_precision_rounded():
    torch.manual_seed(0)
    low = TransformerPotential(EdgeTransformer(CONFIG), "cpu", "float32", "random", "MIT")
    frames = [rattled("CH3CH2OH"), rattled("C6H6")]
    exact = answer(potential(), *frames)
    found = answer(low, *frames)
    assert (found.energy - exact.energy).abs().max() < 1e-3
    assert (found.forces - exact.forces).abs().max() < 1e-3
