"""Which bonds, angles and torsions are taken, and why others are not."""

from dataclasses import replace

import numpy as np
import pytest
from ase.build import molecule

from bsct_zoo.atoms.sources import read_structures
from bsct_zoo.atoms.structure import Structure, bonds_by_distance
from bsct_zoo.errors import BadInputError
from bsct_zoo.suites.building.plans import plan
from bsct_zoo.suites.building.settings import BuildSettings
from bsct_zoo.suites.building.sites import Choice, find_sites, make_site


def structure(name, **changes):
    atoms = molecule(name)
    made = Structure(name, atoms.numbers.astype(np.int64), atoms.positions, bonds=bonds_by_distance(atoms))
    return replace(made, **changes)


def smiles(tmp_path, text):
    pytest.importorskip("rdkit")
    (tmp_path / "m.smi").write_text(text)
    return read_structures(tmp_path / "m.smi", seed=0).structures


def groups(sites):
    return [site.group for site in sites]


def test_bonds_of_ethanol():
    sites, left_out = find_sites([structure("CH3CH2OH")], "bond", Choice())
    assert groups(sites) == ["C-C", "C-O"] and not left_out
    sites, _ = find_sites([structure("CH3CH2OH")], "bond", Choice(hydrogens=True))
    assert sorted(set(groups(sites))) == ["C-C", "C-H", "C-O", "H-O"] and len(sites) == 8
    for pattern in ("O-C", "C-O"):  # either way round
        assert groups(find_sites([structure("CH3CH2OH")], "bond", Choice(only=(pattern,)))[0]) == ["C-O"]
    assert groups(find_sites([structure("CH3CH2OH")], "bond", Choice(only=("O-H",)))[0]) == ["H-O"]


def test_bonds_in_rings_are_refused_with_the_reason():
    sites, left_out = find_sites([structure("C6H6")], "bond", Choice())
    assert not sites and left_out == {"bonds in rings: cutting one leaves one fragment, not two": 6}
    with pytest.raises(BadInputError, match="no bond to scan: bonds in rings"):
        plan([structure("C6H6")], BuildSettings("bond"))


def test_what_there_is_is_said_where_nothing_is_taken():
    with pytest.raises(BadInputError, match="types at hand are C-C, C-H, C-O, H-O"):
        plan([structure("CH3CH2OH")], BuildSettings("bond", choice=Choice(only=("N-N",))))


def test_of_the_two_sides_the_one_with_the_smaller_reach_turns():
    whole = structure("CH3CH2OH")
    c1, c2 = np.flatnonzero(whole.numbers == 6).tolist()
    (o,) = np.flatnonzero(whole.numbers == 8).tolist()
    middle, end = (c1, c2) if {c1, o} in map(set, whole.bonds) else (c2, c1)
    for atoms in ((end, middle, o), (o, middle, end)):
        site = make_site(whole, "angle", atoms)
        assert site.atoms == (end, middle, o)  # OH reaches less far than CH3
        assert set(whole.numbers[site.labels == 1].tolist()) == {1, 8} and site.labels.sum() == 2


def test_a_torsion_is_taken_once_for_each_bond():
    sites, _ = find_sites([structure("C2H6")], "torsion", Choice(hydrogens=True))
    assert groups(sites) == ["H-C-C-H"]


def test_a_draw_depends_on_its_seed_alone(tmp_path):
    found = [structure(n) for n in ("CH3CH2OH", "CH3OCH3", "CH3COOH", "CH3CHO", "C3H8")]
    drawn = [
        [(s.structure.name, s.atoms) for s in find_sites(found, "bond", Choice(per_type=2, seed=seed))[0]]
        for seed in (0, 0, 1, 2, 3)
    ]
    assert drawn[0] == drawn[1] and any(drawn[0] != other for other in drawn[2:])
    assert all(groups(find_sites(found, "bond", Choice(per_type=2))[0]).count(g) <= 2 for g in ("C-C", "C-O"))


def test_what_symmetry_makes_the_same_is_taken_once(tmp_path):
    (neopentane,) = smiles(tmp_path, "CC(C)(C)C\n")
    assert groups(find_sites([neopentane], "bond", Choice())[0]) == ["C-C"]
    assert groups(find_sites([neopentane], "angle", Choice())[0]) == ["C-C-C"]


def test_smarts(tmp_path):
    (ester,) = smiles(tmp_path, "CCC(=O)OC ester\n")
    sites, _ = find_sites([ester], "bond", Choice(smarts=("[CX3]-[OX2]",)))
    assert groups(sites) == ["C-O"] and len(sites) == 1
    with pytest.raises(BadInputError, match="has 3 atoms; this scan is of 2"):
        find_sites([ester], "bond", Choice(smarts=("CCC",)))
    with pytest.raises(BadInputError, match="is not a SMARTS"):
        find_sites([ester], "bond", Choice(smarts=("C((",)))
    with pytest.raises(BadInputError, match="no bond orders"):
        find_sites([structure("CH3CH2OH")], "bond", Choice(smarts=("CC",)))


def test_charge_and_spin_come_from_the_smiles(tmp_path):
    acetate, ammonium, radical, oxygen = smiles(tmp_path, "CC(=O)[O-]\nC[NH3+]\n[CH2]C\n[O][O]\n")
    assert [(s.charge, s.spin) for s in (acetate, ammonium, radical, oxygen)] == [(-1, 1), (1, 1), (0, 2), (0, 3)]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("m.smi", "CCO\nCCX\n", "line 2: 'CCX' is not a SMILES"),
        ("m.smi", "# nothing\n", "holds no structure"),
        ("m.xyz", "2\n\nC 0 0 0\n", "frame 1 claims 2 atoms, but 1 line is left"),
        ("m.what", "hello", "cannot read structures from"),
        ("m.xyz", "2\n\nC 0 0 0\nO 0 0 nan\n", "not a number"),
        ("m.xyz", "2\n\nC 0 0 0\nO 0 0 0.2\n", "in nm"),
        ("m.xyz", "3\n\nO 0 0 0\nH 1.81 0 0\nH -0.45 1.75 0\n", "Bohr"),
        ("m.xyz", "3\n\nO 0 0 0\nH 0.96 0 0\nH 0.96 0.1 0\n", "too near"),
        ("m.extxyz", "2\nProperties=species:S:1:pos:R:3 charge=1 spin=1\nC 0 0 0\nO 0 0 1.1\n", "multiplicity 1"),
    ],
)
def test_files_that_are_no_structures(tmp_path, name, text, message):
    if name.endswith("smi"):
        pytest.importorskip("rdkit")
    (tmp_path / name).write_text(text)
    with pytest.raises(BadInputError, match=message):
        read_structures(tmp_path / name, seed=0, strict=True)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "stretch"}, "unknown scan"),
        ({"kind": "bond", "frames": 3}, "are no scan"),
        ({"kind": "bond", "start": 2.0, "stop": 1.0}, "is none"),
        ({"kind": "torsion", "start": 0.5}, "mean nothing"),
        ({"kind": "atom", "reach": 0.0}, "above 0"),
        ({"kind": "bond", "limit": 0}, "leaves nothing"),
        ({"kind": "strain", "choice": Choice(smarts=("C",))}, "does not ask for"),
    ],
)
def test_settings_that_make_no_sense(settings, message):
    with pytest.raises(BadInputError, match=message):
        BuildSettings(**settings)


def test_atom_pairs_are_turned_and_molecules_oriented():
    scans, _ = plan([structure("H2O"), structure("CH4")], BuildSettings("dimer", frames=10, directions=2))
    ids = [scan.id for scan in scans]
    assert [i for i in ids if i.startswith("H-O/")] == ["H-O/turn-0", "H-O/turn-1"]
    assert {i.split("/")[1][:-2] for i in ids if i.startswith("molecules/")} == {"H2O+H2O", "H2O+CH4", "CH4+CH4"}
    first, second = (scan for scan in scans if scan.group == "H-O")
    np.testing.assert_array_equal(first.coordinate, second.coordinate)  # what asphericity compares
    assert first.spin == 2


def test_crystals_are_scanned_in_four_ways():
    from ase.build import bulk

    copper = bulk("Cu", "fcc", a=3.6)
    whole = Structure("Cu", copper.numbers.astype(np.int64), copper.positions, np.asarray(copper.cell), (True,) * 3)
    scans, left_out = plan([whole, structure("H2O")], BuildSettings("strain", frames=8))
    assert [scan.group for scan in scans] == ["isotropic", "shear", "atom", "plane"] and sum(left_out.values()) == 1
    for scan in scans[2:]:
        assert not scan.strained and scan.labels is not None and 0 < scan.labels.sum() < scan.n_atoms
        heights = 1 / np.linalg.norm(np.linalg.inv(scan.cell), axis=0)
        assert (heights > 2.4 * 3.6 / 2**0.5 - 1e-6).all()
    with pytest.raises(BadInputError, match="no strain"):
        plan([structure("H2O")], BuildSettings("strain"))
