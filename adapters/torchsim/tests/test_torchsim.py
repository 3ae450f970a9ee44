"""Any TorchSim model: its own pair potentials against closed formulas, and one of ours in every situation."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.build import bulk, molecule
from ase.calculators.lj import LennardJones
from ase.neighborlist import neighbor_list

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import BadInputError, ModelError, UnknownElementError

if find_spec("torch_sim") is None:
    pytest.skip("needs torch-sim-atomistic", allow_module_level=True)

from bsct_zoo_torchsim.files import file_card
from bsct_zoo_torchsim.loader import load

from bsct_zoo.potentials.torchsim import HAS_EXTRAS

SIGMA, EPSILON, CUTOFF = 3.4, 0.0104, 6.0


@pytest.fixture(autouse=True)
def _our_model_can_be_imported(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))


def ours(**options):
    return load(file_card("pairwise.Pairwise"), "cpu", "float64", **options)


def compute(potential, atoms):
    return potential.compute(AtomsBatch.from_atoms(atoms))


def argon(slanted=False):
    atoms = bulk("Ar", "fcc", a=5.26, cubic=True)
    if slanted:
        atoms.set_cell(np.add(atoms.cell, [[0.1, 0.7, 0], [0, -0.1, 0.3], [-0.5, 0, 0]]), scale_atoms=True)
    atoms.rattle(0.1, seed=0)
    return atoms


def molecules():
    frames = [molecule(name) for name in ("CH3CH2OH", "H2O", "C6H6", "H")]
    for seed, atoms in enumerate(frames):
        atoms.set_positions(3 * atoms.positions)
        atoms.rattle(0.05, seed=seed)
    return frames


def by_ase(atoms, sigma, epsilon, cutoff):
    """Energy, forces and stress of a Lennard-Jones potential that is cut off and not shifted, as TorchSim's is."""
    atoms = atoms.copy()
    atoms.calc = LennardJones(sigma=sigma, epsilon=epsilon, rc=cutoff)
    shift = 4 * epsilon * ((sigma / cutoff) ** 12 - (sigma / cutoff) ** 6)
    energy = atoms.get_potential_energy() + 0.5 * shift * len(neighbor_list("i", atoms, cutoff))
    return energy, atoms.get_forces(), atoms.get_stress(voigt=False) if atoms.pbc.any() else None


def of_torchsim(card, **options):
    """A pair potential of TorchSim's own; None where it is refused: 0.3 sums over both orders of a pair."""
    if HAS_EXTRAS:
        return load(card, "cpu", "float64", **options)
    with pytest.raises(BadInputError, match=r"force is 2 times the slope of the energy.*TorchSim 0\.3.*Python 3\.12"):
        load(card, "cpu", "float64", **options)
    return None


@pytest.mark.parametrize("atoms", [argon(), Atoms("Ar3", np.diag([1.0, 3.5, 4.2]))], ids=["crystal", "molecule"])
def test_lennard_jones_of_torchsim_against_ase(atoms):
    card = file_card("torch_sim.models.lennard_jones.LennardJonesModel")
    potential = of_torchsim(card, sigma=SIGMA, epsilon=EPSILON, cutoff=CUTOFF)
    if potential is None:
        return
    assert potential.info.cutoff == CUTOFF and potential.info.has_stress and potential.info.dtype == "float64"
    found = compute(potential, atoms)
    energy, forces, stress = by_ase(atoms, SIGMA, EPSILON, CUTOFF)
    assert float(found.energy) == pytest.approx(energy, rel=1e-10)
    np.testing.assert_allclose(found.forces.numpy(), forces, rtol=0, atol=1e-8)
    assert (found.stress is None) == (stress is None)
    if stress is not None:
        np.testing.assert_allclose(found.stress[0].numpy(), stress, rtol=0, atol=1e-9)


def test_morse_of_torchsim_against_its_formula():
    card = file_card("torch_sim.models.morse:MorseModel")
    potential = of_torchsim(card, sigma=1.2, epsilon=4.0, alpha=2.0, cutoff=6.0)
    if potential is None:
        return
    frames = [Atoms("CO", [[0, 0, 0], [0, 0, d]]) for d in (0.9, 1.2, 1.7)]
    found = compute(potential, frames)
    for k, d in enumerate((0.9, 1.2, 1.7)):
        decay = np.exp(-2.0 * (d - 1.2))
        assert float(found.energy[k]) == pytest.approx(4.0 * (1 - decay) ** 2 - 4.0, abs=1e-10)
        slope = 2 * 2.0 * 4.0 * (1 - decay) * decay
        assert float(found.forces[2 * k + 1, 2]) == pytest.approx(-slope, abs=1e-7)


def test_cells_are_handed_over_as_columns():
    found, (energy, forces, stress) = compute(ours(), argon(True)), by_ase(argon(True), 2.5, 0.02, 6.0)
    assert float(found.energy) == pytest.approx(energy, rel=1e-10)
    np.testing.assert_allclose(found.forces.numpy(), forces, rtol=0, atol=1e-10)
    np.testing.assert_allclose(found.stress[0].numpy(), stress, rtol=0, atol=1e-10)


def test_stress_is_the_derivative_by_strain():
    atoms, step = argon(True), 1e-5
    potential = ours()
    stress = compute(potential, atoms).stress[0]
    for i, k in [(0, 0), (1, 1), (0, 1), (1, 2)]:
        frames = []
        for sign in (1, -1):
            strain = np.eye(3)
            strain[i, k] += sign * step / 2
            strain[k, i] += sign * step / 2
            frames.append(atoms.copy())
            frames[-1].set_cell(atoms.cell @ strain, scale_atoms=True)
        up, down = compute(potential, frames).energy
        assert float(up - down) / (2 * step) / atoms.get_volume() == pytest.approx(float(stress[i, k]), abs=1e-8)


@pytest.mark.parametrize("atoms", [molecules()[0], argon(True)], ids=["molecule", "crystal"])
def test_forces_are_the_gradient(atoms):
    potential, step = ours(), 1e-5
    forces = compute(potential, atoms).forces
    for i, k in [(0, 0), (1, 2), (len(atoms) - 1, 1)]:
        moved = [atoms.copy(), atoms.copy()]
        moved[0].positions[i, k] += step
        moved[1].positions[i, k] -= step
        up, down = compute(potential, moved).energy
        assert float(down - up) / (2 * step) == pytest.approx(float(forces[i, k]), abs=1e-7)


def test_result_does_not_depend_on_the_batch():
    potential = ours()
    frames = [argon(True), *molecules(), argon()]
    together = compute(potential, frames)
    ends = np.cumsum([len(atoms) for atoms in frames])
    for k, atoms in enumerate(frames):
        alone = compute(potential, atoms)
        torch.testing.assert_close(alone.energy, together.energy[k : k + 1], rtol=0, atol=1e-12)
        torch.testing.assert_close(alone.forces, together.forces[ends[k] - len(atoms) : ends[k]], rtol=0, atol=1e-12)
        if atoms.pbc.any():
            torch.testing.assert_close(alone.stress[0], together.stress[k], rtol=0, atol=1e-12)
        else:
            assert alone.stress is None and together.stress[k].isnan().all()


def test_batch_is_left_as_it_was_and_may_be_empty():
    batch = AtomsBatch.from_atoms([argon(True), *molecules()])
    before = [t.clone() for t in (batch.positions, batch.cell, batch.system_idx)]
    ours().compute(batch)
    for old, new in zip(before, (batch.positions, batch.cell, batch.system_idx), strict=True):
        assert torch.equal(old, new)
    nothing = compute(ours(), [Atoms(), molecules()[1], Atoms()])
    assert nothing.energy[[0, 2]].tolist() == [0.0, 0.0] and float(nothing.energy[1]) != 0.0
    assert compute(ours(), []).energy.shape == (0,)


def test_slabs_where_torchsim_knows_them():
    slab = argon(True)
    slab.pbc = [True, True, False]
    if not HAS_EXTRAS:
        with pytest.raises(ModelError, match="all directions or in none"):
            compute(ours(), slab)
        return
    found, (energy, forces, _) = compute(ours(), slab), by_ase(slab, 2.5, 0.02, 6.0)
    assert float(found.energy) == pytest.approx(energy, rel=1e-10)
    np.testing.assert_allclose(found.forces.numpy(), forces, rtol=0, atol=1e-10)


def test_charges_where_torchsim_knows_them():
    atoms = molecules()[0]
    if not HAS_EXTRAS:
        with pytest.raises(BadInputError, match="no place for charges"):
            ours(charges=True)
        return
    potential = ours(charges=True, depth_by_charge=True)
    assert potential.info.supports_charge_spin
    ion = atoms.copy()
    ion.info["charge"] = 1
    neutral, charged = compute(potential, [atoms, ion]).energy
    assert float(charged) == pytest.approx(2 * float(neutral), rel=1e-12)


def test_precision_and_declarations():
    single = load(file_card("pairwise.Pairwise"), "cpu", "float32", elements="Ar", level_of_theory="LJ")
    assert single.info.dtype == "float32" and single.info.elements == {18} and single.info.level_of_theory == "LJ"
    assert single.info.conservative and not single.info.periodic_only
    exact, near = compute(ours(), argon(True)), compute(single, argon(True))
    assert near.forces.dtype == torch.float32 and near.energy.dtype == torch.float64
    torch.testing.assert_close(near.energy, exact.energy, rtol=1e-5, atol=0)
    torch.testing.assert_close(near.forces.double(), exact.forces, rtol=1e-4, atol=1e-6)
    with pytest.raises(UnknownElementError, match="H"):
        compute(single, molecule("H2O"))
    other = ours(direct_forces=True, periodic_only=True).info
    assert not other.conservative and other.periodic_only
    assert {"torch-sim-atomistic", "torch"} <= set(dict(other.versions))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_forces_that_are_not_the_gradient_are_refused(dtype):
    card = file_card("pairwise.ForcesTwice")
    with pytest.raises(
        BadInputError, match=r"force is 2 times the slope.*mend the model.*@direct_forces=true"
    ) as caught:
        load(card, "cpu", dtype)
    assert "\n" not in str(caught.value)
    assert not load(card, "cpu", dtype, direct_forces=True).info.conservative


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_model_whose_images_are_wrong_takes_molecules_alone(dtype):
    potential, sound = load(file_card("pairwise.ColumnsForRows"), "cpu", dtype), ours()
    assert not potential.info.has_stress
    found, expected = compute(potential, molecules()), compute(sound, molecules())
    torch.testing.assert_close(found.energy, expected.energy, rtol=1e-4, atol=1e-6)
    with pytest.raises(ModelError, match=r"takes no crystals: the energy of a crystal changes by .* eV when"):
        compute(potential, argon(True))


def test_a_model_is_tried_on_an_element_that_it_knows():
    with pytest.raises(ModelError, match="takes no crystals"):
        compute(load(file_card("pairwise.ColumnsForRows"), "cpu", "float64", elements="Xe"), Atoms("Xe", pbc=True))
    assert compute(load(file_card("pairwise.HydrogenAlone"), "cpu", "float64"), molecules()[3]).energy.isfinite().all()


def test_a_factory_keeps_its_own_precision():
    potential = load(file_card("pairwise:factory"), "cpu", "float32", sigma=2.5)
    assert potential.info.dtype == "float64" and not potential.info.has_stress
    assert compute(potential, argon()).stress is None


@pytest.mark.parametrize(
    ("path", "options", "what"),
    [
        ("pairwise.Absent", {}, "cannot import pairwise.Absent"),
        ("no_such_package.Model", {}, "no module named 'no_such_package'.*bsct-zoo env path torchsim"),
        ("pairwise.not_a_model", {}, "makes a Linear, not a TorchSim ModelInterface"),
        ("pairwise.constant", {}, "no model class or factory"),
        ("torch_sim.models.interface.ModelInterface", {}, "no model class or factory"),
        ("pairwise.without_forces", {}, "gives no forces"),
        ("pairwise.Pairwise", {"sgima": 1.0}, "refuses its arguments.*sgima"),
        ("pairwise.Pairwise", {"elements": "H+Xx"}, "'Xx' is not a chemical symbol"),
    ],
)
def test_bad_input_lines(path, options, what):
    with pytest.raises(BadInputError, match=f"(?i){what}") as caught:
        load(file_card(path), "cpu", "float64", **options)
    assert "\n" not in str(caught.value)
