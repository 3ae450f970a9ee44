"""EquiformerV2 behind the batched interface: against fairchem's own calculator, graph and rotations, and symmetries."""

import copy
import sys
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import molecule

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import UnknownElementError

try:
    found = version("fairchem-core")
except PackageNotFoundError:
    found = "none"
if not found.startswith("1."):
    pytest.skip("needs fairchem-core 1.x", allow_module_level=True)

from bsct_zoo_equiformer.checkpoint import EquiformerConfig, build
from bsct_zoo_equiformer.edge_frames import edge_wigner
from bsct_zoo_equiformer.loader import scale_of
from bsct_zoo_equiformer.packages import SO3_Rotation
from bsct_zoo_equiformer.potential import EquiformerPotential, as_data
from made_systems import rattled, silicon

from bsct_zoo.potentials.precision import default_dtype

ELEMENTS = (1, 6, 7, 8, 14)
CONFIG = EquiformerConfig(
    elements=ELEMENTS,
    reference_energies=(-13.6, -1029.1, -1485.3, -2042.6, -7875.2),
    max_radius=4.0,
    sphere_channels=8,
    attn_hidden_channels=8,
    num_heads=2,
    ffn_hidden_channels=16,
    edge_channels=8,
)


def potential_of(config=CONFIG, dtype="float64", seed=3):
    torch.manual_seed(seed)
    with default_dtype(torch.float64):
        model = build(config)
    return EquiformerPotential(model, scale_of(config), frozenset(config.elements), "cpu", dtype, "none", "MIT")


@pytest.fixture(scope="module")
def potential():
    return potential_of()


def molecules():
    return rattled("CH3CH2OH", "H2O", "C6H6", "HCN", "H", by=0.05)


def compute(potential, atoms):
    return potential.compute(AtomsBatch.from_atoms(atoms))


def turn(seed=0):
    q, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return q * np.sign(np.linalg.det(q))


def shortest(vectors):
    """[E, 3, 3] shortest rotations of vectors to the y axis, by Rodrigues' formula."""
    x, y, z = torch.nn.functional.normalize(vectors, dim=1).unbind(1)
    k = 1 / (1 + y)
    rows = [[1 - k * x * x, -x, -k * x * z], [x, y, z], [-k * x * z, -z, 1 - k * z * z]]
    return torch.stack([torch.stack(row, 1) for row in rows], 1)


def test_nothing_stands_in_after_the_import():
    from importlib.util import find_spec

    for name in ("torch_scatter", "wandb", "numba", "huggingface_hub"):
        assert name not in sys.modules or find_spec(name) is not None


def test_frames_are_the_shortest_rotations():
    vectors = torch.randn(50, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 3
    vectors = torch.cat([vectors, torch.tensor([[0, 2.0, 0], [1e-7, -2.0, 0], [0, 0, 1.0], [1.0, 0, 0]])])
    rotation = SO3_Rotation(3)
    rotation.device = vectors.device
    with default_dtype(torch.float64):
        expected = rotation.RotationToWignerDMatrix(shortest(vectors), 0, 3)
    smooth = vectors[:, 1] > -1.99  # at -y the package's own way by matrices loses digits
    torch.testing.assert_close(edge_wigner(vectors, 3)[smooth].transpose(1, 2), expected[smooth], rtol=0, atol=1e-6)


@pytest.mark.parametrize("direction", [(0, 1, 0), (0, -1, 0), (1, 0, 0), (0, 0, 1), (0.3, -0.5, 0.2)])
def test_frames_lie_along_edges_and_are_rotations(direction):
    vectors = torch.tensor([direction], dtype=torch.float64)
    matrix = edge_wigner(vectors, 3)[0]
    torch.testing.assert_close(matrix @ matrix.T, torch.eye(16, dtype=torch.float64), rtol=0, atol=1e-7)
    along = matrix[1:4, 1:4] @ torch.tensor([0.0, 1.0, 0.0], dtype=torch.float64)  # e3nn's degree one is (x, y, z)
    torch.testing.assert_close(along, vectors[0] / vectors[0].norm(), rtol=0, atol=1e-7)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-10), ("float32", 1e-4)])
def test_result_does_not_depend_on_the_batch_and_not_on_the_time(dtype, tolerance):
    potential = potential_of(dtype=dtype)
    frames = [*molecules(), silicon()]
    together, again = compute(potential, frames), compute(potential, frames)
    assert torch.equal(together.energy, again.energy) and torch.equal(together.forces, again.forces)
    ends = np.cumsum([len(atoms) for atoms in frames])
    for k, atoms in enumerate(frames):
        alone = compute(potential, atoms)
        torch.testing.assert_close(alone.energy, together.energy[k : k + 1], rtol=0, atol=tolerance)
        expected = together.forces[ends[k] - len(atoms) : ends[k]]
        torch.testing.assert_close(alone.forces, expected, rtol=0, atol=tolerance)


def test_atoms_out_of_reach_of_each_other(potential):
    one = compute(potential, Atoms("O"))
    far = compute(potential, Atoms("O2", positions=[[0, 0, 0], [0, 0, 30.0]]))
    assert float(far.energy) == pytest.approx(2 * float(one.energy), abs=1e-10)
    assert one.forces.abs().max() == 0 and far.forces.abs().max() == 0
    empty = potential.compute(AtomsBatch.from_arrays(np.zeros((0, 3)), np.zeros(0), np.zeros(1, int)))
    assert empty.energy.tolist() == [0.0] and empty.forces.shape == (0, 3)


def test_order_and_place_do_not_matter(potential):
    for atoms in molecules():
        reference = compute(potential, atoms)
        order = np.random.default_rng(1).permutation(len(atoms))
        found = compute(potential, Atoms(atoms.numbers[order], atoms.positions[order] + [3.0, -20.0, 7.0]))
        torch.testing.assert_close(found.energy, reference.energy, rtol=0, atol=1e-10)
        torch.testing.assert_close(found.forces, reference.forces[torch.as_tensor(order)], rtol=0, atol=1e-10)


def rotation_errors(potential):
    """Largest change of energy per atom, and of forces relative to their mean size, of molecules that are turned."""
    of_energy, of_forces = [], []
    for seed, atoms in enumerate(molecules()[:4]):
        reference, q = compute(potential, atoms), turn(seed)
        found = compute(potential, Atoms(atoms.numbers, atoms.positions @ q.T))
        change = found.forces - reference.forces @ torch.as_tensor(q.T)
        of_energy.append(float((found.energy - reference.energy).abs()) / len(atoms))
        of_forces.append(float(change.norm(dim=1).max() / reference.forces.norm(dim=1).mean()))
    return max(of_energy), max(of_forces)


def test_rotations_are_exact_without_grids_and_nearly_so_with_them(potential):
    gates = EquiformerConfig(**{**CONFIG.__dict__, "use_gate_act": True, "use_grid_mlp": False})
    of_energy, of_forces = rotation_errors(potential_of(gates))
    assert of_energy < 1e-7 and of_forces < 1e-6  # tables of the package are in float32
    of_energy, of_forces = rotation_errors(potential)
    assert of_energy < 1e-3 and of_forces < 0.05
    assert of_energy > 1e-6  # so that the declaration below is not an empty one
    assert not potential.info.equivariant


@pytest.mark.parametrize("strictly", [True, False])
def test_edges_are_those_of_the_package(strictly):
    from fairchem.core.models.base import GraphModelMixin

    for most in (500, 5):
        backbone = potential_of(EquiformerConfig(**{**CONFIG.__dict__, "max_neighbors": most})).model.backbone
        backbone.enforce_max_neighbors_strictly = strictly
        data = as_data(AtomsBatch.from_atoms([silicon(), silicon() * (1, 2, 1)], dtype=torch.float32))
        theirs, ours = GraphModelMixin.generate_graph(backbone, data), backbone.generate_graph(data)

        def listed(graph):
            vectors = torch.round(graph.edge_distance_vec * 1000).long()
            return sorted(zip(*graph.edge_index.tolist(), *vectors.T.tolist(), strict=True))

        assert np.abs(np.array(listed(ours)) - np.array(listed(theirs))).max() <= 1
        assert ours.neighbors.tolist() == theirs.neighbors.tolist()


def test_few_neighbours_still_do_not_depend_on_the_batch():
    potential = potential_of(EquiformerConfig(**{**CONFIG.__dict__, "max_neighbors": 4}))
    frames = [molecules()[0], silicon()]
    together, alone = compute(potential, frames), compute(potential, frames[1])
    torch.testing.assert_close(alone.energy, together.energy[1:], rtol=0, atol=1e-10)


def test_float32_is_near_and_totals_keep_their_digits(potential):
    single = potential_of(dtype="float32")
    exact, near = compute(potential, molecules()), compute(single, molecules())
    assert near.energy.dtype == torch.float64 and near.forces.dtype == torch.float32
    torch.testing.assert_close(near.energy, exact.energy, rtol=0, atol=1e-4)
    torch.testing.assert_close(near.forces.double(), exact.forces, rtol=1e-3, atol=1e-3)


def test_declares_itself(potential):
    info = potential.info
    assert info.elements == frozenset(ELEMENTS) and info.cutoff == 4.0
    assert not info.conservative and not info.has_stress
    assert {"fairchem-core", "e3nn", "torch-geometric", "torch"} == set(dict(info.versions))
    with pytest.raises(UnknownElementError, match="Cl"):
        compute(potential, molecule("HCl"))


def test_training_mode_keeps_the_frames_that_the_package_draws(potential):
    model = copy.deepcopy(potential.model)
    data = as_data(AtomsBatch.from_atoms(molecules()[0]))
    with default_dtype(torch.float64):
        model.train()
        drawn = [model(data)["energy"] for _ in range(2)]
    assert not torch.equal(*drawn)
    torch.testing.assert_close(*drawn, rtol=0, atol=1e-2)
