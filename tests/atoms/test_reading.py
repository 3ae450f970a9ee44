"""Everything that a file says of its structures is read as it is meant, or refused in one line."""

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc111, molecule
from ase.collections import g2
from ase.constraints import FixBondLength, FixCartesian, FixedLine, FixedPlane, FixScaled
from ase.data import atomic_numbers
from ase.db import connect
from ase.io import write
from ase.neighborlist import neighbor_list
from hypothesis import given
from hypothesis import strategies as st

import bsct_zoo
from bsct_zoo.atoms import neighbours
from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.atoms.charge_spin import charge_spin
from bsct_zoo.atoms.constraints import as_constraints, free_coordinates
from bsct_zoo.atoms.molecules import named
from bsct_zoo.atoms.reading import checked, read_frames
from bsct_zoo.atoms.sources import read_structures
from bsct_zoo.errors import BadInputError

INPUTS = Path(__file__).parent / "inputs"


def water(**info):
    atoms = molecule("H2O")
    atoms.info |= info
    return atoms


# -- charge and spin -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "charge", "spin"),
    [
        ("nh4_total.xyz", 1, 1),
        ("nh4_charge.xyz", 1, 1),
        ("nh4_none.xyz", 0, 2),
        ("o2_mult3.xyz", 0, 3),
        ("o2_spin3.xyz", 0, 3),
        ("o2_none.xyz", 0, 1),
        ("o2q.db", 0, 3),
    ],
)
def test_inputs(file, charge, spin):
    atoms = named(str(INPUTS / file))
    assert (atoms.info["charge"], atoms.info["spin"]) == (charge, spin)


@pytest.mark.parametrize(
    ("info", "charge", "spin"),
    [
        ({"Charge": "-2", "Multiplicity": 3}, -2, 3),
        ({"TOTAL_CHARGE": 1.0}, 1, 2),
        ({"net_charge": np.array([1]), "spin_multiplicity": 2}, 1, 2),
        ({"uhf": 2}, 0, 3),
        ({"num_unpaired_electrons": 0}, 0, 1),
        ({"total_spin": 1}, 0, 1),  # 2S+1 of MACE and OMol25: ten electrons cannot have one unpaired
        ({"total_spin": 0}, 0, 1),  # 2S or S
        ({"total_spin": 2}, 0, 3),  # 2S
        ({"total_spin": 0.5, "charge": 1}, 1, 2),  # S
        ({"total_spin": 2, "charge": 1}, 1, 2),  # 2S+1
        ({"key_value_pairs": {"charge": 1}, "data": {"spin": 2}}, 1, 2),
        ({"charge": 0, "total_charge": 0, "spin": 1, "multiplicity": 1}, 0, 1),
    ],
)
def test_names_that_people_use(info, charge, spin):
    atoms = water(**info)
    said = charge_spin(atoms)
    assert (said.charge, said.spin) == (charge, spin)
    batch = AtomsBatch.from_atoms(atoms)
    assert (batch.charge.tolist(), batch.spin.tolist()) == ([charge], [spin])


def test_values_of_atoms():
    atoms = water()
    atoms.set_initial_charges([1.2, -0.1, -0.1])
    assert charge_spin(atoms).charge == 1
    atoms.info["charge"] = 0
    with pytest.raises(BadInputError, match="charges disagree: charge gives 0, sum of initial charges gives 1"):
        charge_spin(atoms)
    atoms.set_initial_charges([0.3, 0.1, 0.0])
    with pytest.raises(BadInputError, match=r"initial charges sum to 0\.4"):
        charge_spin(atoms)
    oxygen = molecule("O2")  # ASE gives it its magnetic moments
    assert charge_spin(oxygen).spin == 3
    oxygen.info["multiplicity"] = 1
    with pytest.raises(BadInputError, match="multiplicities disagree: multiplicity gives 1, magnetic moments gives 3"):
        charge_spin(oxygen)


@pytest.mark.parametrize(
    ("info", "message"),
    [
        ({"charge": 1, "total_charge": 2}, "charges disagree"),
        ({"charge": 1, "Charge": 2}, "charge is 1 in one place and 2 in another"),
        ({"charge": 0.5}, "charge is 0.5; it must be a whole number"),
        ({"charge": float("nan")}, "not a number"),
        ({"charge": "much"}, "charge is 'much', not a number"),
        ({"charge": 11}, "more than the 10 electrons"),
        ({"spin": 0}, "2S\\+1: 1 for a singlet"),
        ({"spin": 13}, "multiplicity 13 for 10 electrons"),
        ({"spin": 2}, "multiplicity 2 does not go with charge 0"),
        ({"charge": 1, "multiplicity": 1}, "multiplicity 1 does not go with charge 1"),
        ({"total_spin": 0.3}, "it must be 2S\\+1, or 2S, or S"),
    ],
)
def test_what_cannot_be(info, message):
    with pytest.raises(BadInputError, match=message):
        checked(water(**info))


@given(st.integers(-3, 3), st.integers(0, 4))
def test_total_spin_of_both_meanings_is_told_apart_by_the_electrons(charge, unpaired):
    atoms = molecule("CH3CH2OH")
    electrons = atoms.numbers.sum() - charge
    if (electrons - unpaired) % 2 == 0:
        for value in (unpaired, unpaired + 1):  # 2S and 2S+1
            atoms.info = {"charge": charge, "total_spin": value}
            assert charge_spin(atoms).spin == unpaired + 1


def test_an_odd_number_of_electrons_is_a_doublet_and_a_note():
    methyl = checked(Atoms("CH3", [[0, 0, 0], [1.08, 0, 0], [-0.54, 0.94, 0], [-0.54, -0.94, 0]]))
    assert methyl.info["spin"] == 2 and "a doublet" in methyl.info["notes"][0]
    assert checked(bulk("Al")).info["spin"] == 1  # electrons of a metal are smeared


def test_every_molecule_of_g2_has_its_ground_state():
    for name in g2.names:
        atoms = named(name)
        moments = molecule(name).get_initial_magnetic_moments()
        assert atoms.info["spin"] == 1 + round(abs(moments.sum())), name
    assert named("O2").info["spin"] == 3 and named("CH2_s3B1d").info["spin"] == 3 and named("NO").info["spin"] == 2


def test_energies_are_those_of_tblite():
    pytest.importorskip("tblite")
    from tblite.ase import TBLite

    potential = bsct_zoo.load("xtb")
    for file, charge, spin in (("nh4_total.xyz", 1, 1), ("o2_mult3.xyz", 0, 3), ("o2q.db", 0, 3)):
        atoms = named(str(INPUTS / file))
        energy = float(potential.compute(AtomsBatch.from_atoms(atoms)).energy[0])
        atoms.calc = TBLite(method="GFN2-xTB", charge=charge, multiplicity=spin, verbosity=0)
        assert energy == pytest.approx(atoms.get_potential_energy(), abs=1e-6)
        assert energy == pytest.approx({1: -122.3042, 0: -215.0348}[charge], abs=1e-3)


# -- elements, isotopes, occupancy ---------------------------------------------------------------------------------


def test_deuterium_is_hydrogen_with_its_mass():
    atoms = named(str(INPUTS / "deut.xyz"))
    heavy = np.flatnonzero(atoms.get_masses() == 2.014)
    assert len(heavy) == 1 and atoms.numbers[heavy[0]] == 1
    pytest.importorskip("rdkit")
    methanol = named("[2H]OC")
    assert methanol.get_masses()[0] == pytest.approx(2.014, abs=1e-3) and methanol.numbers[0] == 1


def test_deuterium_and_tritium_of_formats_that_ase_cannot_read_them_from(tmp_path):
    poscar = tmp_path / "POSCAR_dt"
    poscar.write_text("x\n1.0\n5 0 0\n0 5 0\n0 0 5\nO D T\n1 1 1\nCartesian\n2.5 2.5 2.5\n3.4 2.5 2.5\n2.3 3.4 2.5\n")
    atoms = named(str(poscar))
    assert atoms.numbers.tolist() == [8, 1, 1] and atoms.get_masses()[1:].tolist() == [2.014, 3.016]
    assert "D" not in atomic_numbers  # ASE's table is as it was
    poscar.write_text(poscar.read_text().replace("O D T", "O D Qq"))
    with pytest.raises(BadInputError, match="'Qq' is not a chemical symbol"):
        named(str(poscar))
    assert "D" not in atomic_numbers
    pdb = tmp_path / "d.pdb"
    pdb.write_text("HETATM    1  D1  HOH A   1       3.450   2.500   2.500  1.00  0.00           D\nEND\n")
    with pytest.raises(BadInputError, match=r"d\.pdb: isotope 'D1' is not read from this format"):
        named(str(pdb))


@pytest.mark.parametrize(
    ("comment", "mend"),
    [
        ("acetate anion, charge -1", "charge=-1"),
        ("charge -1 multiplicity 1", "charge=-1"),
        ("charge: -1", "charge=-1"),
        ("Charge +2, singlet", r"charge=\+2"),
        ("benzoate spin 3", "spin=3"),
        ("total_charge 1", "total_charge=1"),
        ("phosphate, charge 3-.", "charge=-3"),
        ("Charge -1e", "charge=-1"),
    ],
)
def test_a_charge_in_the_prose_of_a_comment_is_refused(tmp_path, comment, mend):
    path = tmp_path / "m.xyz"
    path.write_text(f"2\n{comment}\nO 0 0 0\nH 0 0 0.97\n")
    with pytest.raises(BadInputError, match=f"m.xyz: frame 1: its comment says .*; write {mend}$"):
        named(str(path))


@pytest.mark.parametrize("comment", ["neutral, no net charge", "singlet uhf", "spin polarised, 3 frames", "-1 1", ""])
def test_prose_without_a_value_says_nothing(tmp_path, comment):
    path = tmp_path / "m.xyz"
    path.write_text(f"2\n{comment}\nH 0 0 0\nF 0 0 0.92\n")
    said = charge_spin(named(str(path)))
    assert (said.charge, said.spin) == (0, 1)


@pytest.mark.parametrize("comment", ["charge=-1", "charge = -1", 'charge="-1"'])
def test_a_charge_with_its_sign_of_equality_is_read(tmp_path, comment):
    path = tmp_path / "m.xyz"
    path.write_text(f"2\n{comment}\nO 0 0 0\nH 0 0 0.97\n")
    said = charge_spin(named(str(path)))
    assert (said.charge, said.spin) == (-1, 1)


def test_true_is_no_charge():
    atoms = Atoms("OH", positions=[[0, 0, 0], [0, 0, 0.97]], info={"charge": True})
    with pytest.raises(BadInputError, match="charge is True, not a number"):
        charge_spin(atoms)


@pytest.mark.parametrize(
    ("symbol", "message"),
    [
        ("C1", "frame 1, atom 1: 'C1' is not a chemical symbol; write C without a label"),
        ("6", "'6' is a number in the column of symbols; write the symbol C"),
        ("Qq", "'Qq' is not a chemical symbol"),
        ("X", "atom 1 is a ghost or dummy atom"),
    ],
)
def test_symbols_that_are_none(tmp_path, symbol, message):
    path = tmp_path / "m.xyz"
    path.write_text(f"2\n\nO 0 0 0\n{symbol} 0 0 1.1\n")
    with pytest.raises(BadInputError, match=message) as error:
        named(str(path))
    assert str(path) in str(error.value)


def test_symbols_in_another_column(tmp_path):
    path = tmp_path / "m.extxyz"
    path.write_text("2\nProperties=pos:R:3:species:S:1\n0 0 0 O\n0 0 0.97 D\n")
    atoms = named(str(path))
    assert atoms.get_masses()[1] == 2.014 and atoms.numbers.tolist() == [8, 1]


def test_partly_occupied_sites_are_refused_by_name(tmp_path):
    with pytest.raises(BadInputError, match=r"partly occupied sites: Cu 0.5\+Pd 0.5 \(atom 0\)"):
        named(str(INPUTS / "disorder.cif"))
    text = (INPUTS / "disorder.cif").read_text()
    vacant = tmp_path / "vacant.cif"
    vacant.write_text("\n".join(line for line in text.splitlines() if not line.startswith("Pd1")) + "\n")
    with pytest.raises(BadInputError, match=r"Cu 0\.5"):
        named(str(vacant))
    whole = tmp_path / "whole.cif"
    whole.write_text(vacant.read_text().replace("0 0 0 0.5", "0 0 0 1.0"))
    assert str(named(str(whole)).symbols) == "Cu4"


# -- files ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("claims_a_billion_atoms.extxyz", "claims 999999999 atoms, but 1 line is left"),
        ("gr_far.extxyz", r"atom 8 \(H\) is 2e\+06 Å from every other atom"),
        ("nothing.xyz", "there is no file"),
    ],
)
def test_files_that_cannot_be_used(file, message):
    with pytest.raises(BadInputError, match=message):
        named(str(INPUTS / file))


def test_the_others_of_a_file_stand(tmp_path):
    frames = [molecule("H2O"), molecule("CH4"), Atoms("OH2", [[0, 0, 0], [0, 0, 1e6], [0, 1, 0]])]
    frames[1].info["spin"] = 2
    write(tmp_path / "three.extxyz", frames)
    read = read_structures(tmp_path / "three.extxyz", seed=0)
    assert [s.name for s in read.structures] == ["H2O-1"] and list(read.left_out) == ["structure 2", "structure 3"]
    with pytest.raises(BadInputError, match="structure 2: multiplicity 2 does not go with charge 0"):
        read_structures(tmp_path / "three.extxyz", seed=0, strict=True)


def test_rows_of_a_database(tmp_path):
    one = read_frames(INPUTS / "kvp.db")[0]
    assert {"REF_energy"} <= set(one.info["key_value_pairs"]) and "REF_forces" in one.info["data"]
    with connect(tmp_path / "two.db") as db:
        db.write(molecule("O2"), spin=3)
        db.write(molecule("H2O"), charge=1, multiplicity=2)
    assert [(s.charge, s.spin) for s in read_structures(tmp_path / "two.db", 0).structures] == [(0, 3), (1, 2)]


def test_compressed_files(tmp_path):
    import gzip

    with gzip.open(tmp_path / "m.xyz.gz", "wt") as file:
        file.write("2\n\nO 0 0 0\nH 0 0 0.97\n")
    assert str(named(str(tmp_path / "m.xyz.gz")).symbols) == "OH"


# -- constraints ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", ["slab_fix.traj", "POSCAR_fix"])
def test_fixed_atoms_of_files(file, tmp_path):
    atoms = named(str(INPUTS / file))
    free = free_coordinates(atoms)
    assert free.sum() == 24 and not free[:4].any()
    write(tmp_path / "again.extxyz", atoms)
    assert np.array_equal(free_coordinates(named(str(tmp_path / "again.extxyz"))), free)


def test_constraints_by_axis():
    slab = fcc111("Cu", (1, 1, 3), vacuum=5.0)
    slab.set_constraint(
        [FixCartesian([0], mask=(True, False, False)), FixedPlane(1, (0, 0, 2)), FixedLine(2, (0, 1, 0))]
    )
    assert free_coordinates(slab).tolist() == [[False, True, True], [True, True, False], [False, True, False]]
    slab.set_constraint(FixScaled(0, (True, True, True)))
    assert not free_coordinates(slab)[0].any() and free_coordinates(slab)[1:].all()
    slab.set_constraint(FixScaled(0, (False, False, True)))  # z is along the third vector
    assert free_coordinates(slab)[0].tolist() == [True, True, False]
    for constraint, name in (
        (FixScaled(0, (True, False, False)), "FixScaled"),  # a hexagonal cell: no axis
        (FixedPlane(0, (1, 1, 0)), "FixedPlane"),
        (FixBondLength(0, 1), "FixBondLength"),
    ):
        slab.set_constraint(constraint)
        with pytest.raises(BadInputError, match=name):
            checked(slab)


@given(st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=4, max_size=4))
def test_constraints_come_back(rows):
    free = np.array(rows)
    atoms = molecule("NH3")
    atoms.set_constraint(as_constraints(free))
    assert np.array_equal(free_coordinates(atoms), free)


# -- SMILES --------------------------------------------------------------------------------------------------------


def test_smiles_wherever_a_molecule_can_be_named():
    pytest.importorskip("rdkit")
    assert str(named("CCO").symbols) == "C2OH6" and named("C[NH3+]").info["charge"] == 1
    assert str(named("CO").symbols) in ("CO", "OC")  # the molecule of g2 ...
    assert str(named("smiles:CO").symbols) == "COH4"  # ... and methanol
    with pytest.raises(BadInputError, match="did you mean"):
        named("CH3CH20H")


def test_fragments_stand_apart(tmp_path):
    pytest.importorskip("rdkit")
    for smiles in ("[Na+].CC(=O)[O-]", "O.O.O.c1ccccc1", "[Cl-].C[N+](C)(C)C.O"):
        atoms = named(smiles)
        distance = atoms.get_all_distances()
        i, j = neighbor_list("ij", atoms, 1.8)
        apart = [
            distance[a, b]
            for a in range(len(atoms))
            for b in range(a)
            if distance[a, b] < 2.9 and not _connected(i, j, a, b)
        ]
        assert apart == [], smiles


def _connected(i, j, a, b):
    seen, todo = {a}, [a]
    while todo:
        one = todo.pop()
        for other in j[i == one].tolist():
            if other not in seen:
                seen.add(other)
                todo.append(other)
    return b in seen


def test_every_line_of_a_hard_file_is_built_or_has_its_reason():
    pytest.importorskip("rdkit")
    read = read_structures(INPUTS / "hard2.smi", seed=0)
    lines = [line for line in (INPUTS / "hard2.smi").read_text().splitlines() if line.strip()]
    twice = 1  # ethanol
    assert len(read.structures) + len(read.left_out) + twice == len(lines)
    built = {structure.name: structure for structure in read.structures}
    assert (built["methyl_radical"].spin, built["triplet_o2"].spin, built["tma"].charge) == (2, 3, 1)
    assert built["isotope"].masses is not None
    assert any("dummy atom" in reason for reason in read.left_out.values())


# -- neighbours of what is far -------------------------------------------------------------------------------------


@given(st.integers(0, 10**6))
def test_pairs_across_empty_space_are_those_of_ase(seed):
    random = np.random.default_rng(seed)
    x = random.normal(size=(20, 3)) * random.choice([2, 8, 40], size=(20, 1))
    cell = 12 * np.eye(3) + random.normal(size=(3, 3))
    atoms = Atoms("H20", positions=x, cell=cell, pbc=random.random(3) < 0.5)
    batch = AtomsBatch.from_atoms(atoms)
    pairs = neighbours._searched(batch, batch.atoms_per_system, 5.0)
    i, j, shift = neighbor_list("ijS", atoms, 5.0)
    found = sorted(zip(*(p.tolist() for p in pairs), strict=True))
    assert found == sorted(zip(i.tolist(), j.tolist(), shift.tolist(), strict=True))


def test_an_atom_far_away_costs_nothing():
    (atoms,) = read_frames(INPUTS / "gr_far.extxyz")
    far = neighbours.pairs_within(AtomsBatch.from_atoms(atoms), 6.0)
    near = atoms.copy()
    near.positions[8, 2] = 100.0  # beyond the cut-off too: only its own images are near
    assert len(far.source) == len(neighbor_list("i", near, 6.0))
