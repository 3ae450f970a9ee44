import numpy as np
import pytest
import torch
from analytic import Surface, frame, morse, torsional
from ase import Atoms
from ase.build import molecule
from ase.constraints import FixAtoms

from bsct_zoo.errors import ModelError
from bsct_zoo.potentials.batching import Batcher
from bsct_zoo.properties import topology
from bsct_zoo.properties.judge import judge
from bsct_zoo.properties.measured import PropertySettings
from bsct_zoo.properties.molecules import measure_molecules
from bsct_zoo.properties.systems import System
from bsct_zoo.properties.torsion import barrier_height


def measure(surface, systems, **settings):
    named = [System(str(n), "molecule", atoms) for n, atoms in enumerate(systems)]
    return measure_molecules(surface, named, PropertySettings(**settings), Batcher(surface))


def diatomic(length):
    return Atoms("N2", [[0, 0, 0], [0, 0, length]])


def test_relaxation_of_easy_and_hard_starts_flags_the_one_that_does_not_converge():
    easy, hard = measure(
        Surface(morse()), [diatomic(1.1003), diatomic(4.0)], what=("relax", "frequencies"), max_steps=25, max_force=1e-3
    )
    assert "relax" not in easy.problems
    assert easy.arrays["positions"][1, 2] - easy.arrays["positions"][0, 2] == pytest.approx(1.1, abs=1e-3)
    assert "not relaxed after 25 steps" in hard.problems["relax"]
    result = judge(hard, easy)
    assert (result.status, not result.metrics["not_relaxed"]) == ("failed", False)
    assert result.message.startswith("relax: not relaxed")
    assert "frequencies" not in result.message  # follows from the other


def test_what_a_molecule_gets_does_not_depend_on_the_others():
    surface = Surface(morse())
    alone = measure(surface, [diatomic(1.3)], what=("relax", "frequencies"))[0]
    among = measure(surface, [diatomic(1.0), diatomic(1.3), diatomic(1.7)], what=("relax", "frequencies"))[1]
    assert among.arrays["positions"] == pytest.approx(alone.arrays["positions"], abs=1e-12)
    assert among.arrays["frequencies"] == pytest.approx(alone.arrays["frequencies"], abs=1e-8)


def test_displacements_of_all_molecules_are_one_batch():
    surface = Surface(morse())
    before = surface.calls
    measure(surface, [diatomic(1.1)] * 3, what=("relax",), max_force=10.0)
    relaxing = surface.calls - before
    measure(surface, [diatomic(1.1)] * 3, what=("relax", "frequencies"), max_force=10.0)
    assert surface.calls - before - relaxing == relaxing + 1


def test_a_molecule_that_the_model_fails_on_costs_itself_alone():
    energy_of = morse()

    def picky(batch):
        if bool((batch.atomic_numbers == 8).any()):
            raise ModelError("no oxygen today")
        return energy_of(batch)

    good, bad = measure(Surface(picky), [diatomic(1.2), Atoms("O2", [[0, 0, 0], [0, 0, 1.2]])], what=("relax",))
    assert not good.problems
    assert bad.problems["relax"] == "no oxygen today"


def test_bonds_angles_and_errors_against_the_reference():
    atoms = molecule("H2O")
    longer = atoms.copy()
    longer.set_distance(0, 1, atoms.get_distance(0, 1) + 0.02, fix=0)
    mine, truth = (measure(Surface(frame(a)), [atoms], what=("relax",), max_force=1e-5)[0] for a in (longer, atoms))
    found = {(q.kind, q.name): q for q in judge(mine, truth).quantities}
    assert found["bond", "O1-H2"].error == pytest.approx(0.02, abs=1e-5)
    assert found["bond", "O1-H3"].error == pytest.approx(0.0, abs=1e-5)
    assert found["angle", "H2-O1-H3"].reference == pytest.approx(atoms.get_angle(1, 0, 2), abs=1e-3)
    assert found["rmsd", "RMSD"].value > 0.003


def test_atomisation_is_the_depth_of_the_well():
    (found,) = measure(Surface(morse(depth=4.0)), [diatomic(1.2)], what=("atomisation",), max_force=1e-5)
    assert found.arrays["atomisation"] == pytest.approx(4.0, abs=1e-6)
    assert "ignores spin" in found.notes[0]


@pytest.mark.parametrize(("name", "expected"), [("CH3OH", 1), ("CH3CH2OH", 2), ("CH3OCH3", 1), ("C6H6", 0), ("H2O", 0)])
def test_rotors(name, expected):
    atoms = molecule(name)
    assert len(topology.rotors(atoms.numbers, atoms.positions)) == expected


@pytest.mark.parametrize("name", ["C2H4", "C2H2", "CH3CN", "C3H6_D3h", "C4H4O", "H2CO"])
def test_multiple_straight_and_ring_bonds_do_not_turn(name):
    atoms = molecule(name)
    assert topology.rotors(atoms.numbers, atoms.positions) == []


def test_a_turn_grows_the_dihedral_and_moves_nothing_else():
    atoms = molecule("CH3CH2OH")
    for rotor in topology.rotors(atoms.numbers, atoms.positions):
        turned = atoms.copy()
        turned.positions = topology.turned(atoms.positions, rotor, np.radians(50))
        change = turned.get_dihedral(*rotor.atoms) - atoms.get_dihedral(*rotor.atoms)
        assert (change - 50 + 180) % 360 - 180 == pytest.approx(0, abs=1e-6)
        pairs = topology.bonds(atoms.numbers, atoms.positions)
        assert topology.lengths_of(turned.positions, pairs) == pytest.approx(
            topology.lengths_of(atoms.positions, pairs)
        )


@pytest.mark.parametrize("fold", [1, 2, 3])
def test_barrier_of_a_planted_torsion(fold):
    atoms = molecule("H2O2")
    (rotor,) = topology.rotors(atoms.numbers, atoms.positions)
    surface = Surface(torsional(atoms, [rotor.atoms], 0.12, fold))
    (found,) = measure(surface, [atoms], what=("barrier",), max_force=2e-3)
    assert not found.problems
    assert barrier_height(found.arrays["torsions"][0]) == pytest.approx(0.12, rel=5e-3)
    (quantity,) = [q for q in judge(found, found).quantities if q.kind == "barrier"]
    assert (quantity.value, quantity.unit, quantity.error) == (pytest.approx(120, rel=5e-3), "meV", 0.0)


def test_height_between_the_points_of_a_turn():
    angles = np.arange(12) * 2 * np.pi / 12
    curve = 0.05 * np.cos(3 * (angles - 0.4)) + 0.02 * np.cos(angles - 1.1)
    fine = np.linspace(0, 2 * np.pi, 100001)
    exact = 0.05 * np.cos(3 * (fine - 0.4)) + 0.02 * np.cos(fine - 1.1)
    assert barrier_height(curve) == pytest.approx(exact.max() - exact.min(), abs=1e-6)
    assert curve.max() - curve.min() < exact.max() - exact.min() - 1e-3  # the points alone would not do


def test_held_dihedrals_have_the_gradient_of_their_energy():
    from bsct_zoo.atoms.batch import AtomsBatch
    from bsct_zoo.properties.torsion import HeldDihedrals

    atoms = molecule("H2O2")
    atoms.rattle(0.05, seed=1)
    held = HeldDihedrals(Surface(frame(atoms)), torch.tensor([[2, 0, 1, 3]]), torch.tensor([0.3]).double())
    batch = AtomsBatch.from_atoms(atoms)
    forces, h = held.compute(batch).forces, 1e-5
    for atom, axis in ((0, 0), (2, 1), (3, 2)):
        move = torch.zeros_like(batch.positions)
        move[atom, axis] = h
        plus, minus = (held.compute(batch.with_positions(batch.positions + s * move)).energy for s in (1, -1))
        assert float(-(plus - minus)[0] / (2 * h)) == pytest.approx(float(forces[atom, axis]), abs=1e-5)


def test_a_fixed_atom_leaves_the_modes_that_it_allows():
    """N2 with one atom fixed vibrates with the mass of the other one, not with half of it."""
    loose, held = diatomic(1.12), diatomic(1.12)
    held.set_constraint(FixAtoms([0]))
    what = ("relax", "frequencies", "barrier")
    free, fixed = measure(Surface(morse()), [loose, held], what=what, max_force=1e-5)
    assert fixed.arrays["positions"][0] == pytest.approx(held.positions[0], abs=0)
    assert len(fixed.arrays["frequencies"]) == len(free.arrays["frequencies"]) == 1
    assert fixed.arrays["frequencies"][0] * np.sqrt(2) == pytest.approx(free.arrays["frequencies"][0], rel=1e-4)
    assert "constraints" in fixed.problems["barrier"] and "barrier" not in free.problems
