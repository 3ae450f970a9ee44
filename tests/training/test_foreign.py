"""Files of other tools become the same folder of frames."""

import json
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.db import connect
from ase.io import write
from ase.stress import voigt_6_to_full_3x3_stress

from bsct_zoo.atoms.reading import read_frames
from bsct_zoo.errors import BadInputError
from bsct_zoo.training.data import checked_frames, read_training_data
from bsct_zoo.training.foreign import frames_folder, reference_energies, remarks, split_by_composition
from bsct_zoo.training.labels import LabelKeys, keys_of, labels_of
from bsct_zoo.training.writing import flat_arrays

ATOM = {"H": -3.0, "C": -40.0, "N": -55.0, "O": -70.0}
FORMULAS = ("H2O", "CO", "CH4", "NH3", "N2", "O2", "HCN", "C2H2", "CO2", "H2", "CH2O", "N2O")


def labelled(n=4, seed=0):
    """Frames whose energy is that of their atoms and a little more, in the order of their numbers."""
    random = np.random.default_rng(seed)
    frames = []
    for formula in FORMULAS:
        for _ in range(n):
            atoms = Atoms(formula)
            atoms.positions = random.normal(size=(len(atoms), 3))
            energy = sum(ATOM[symbol] for symbol in atoms.symbols) + random.normal(0, 1e-3)
            forces = random.normal(size=(len(atoms), 3))
            atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces)
            frames.append(atoms)
    return frames


@pytest.fixture
def extxyz(tmp_path):
    path = tmp_path / "frames.extxyz"
    write(path, labelled())
    return path


def test_extxyz(extxyz, tmp_path):
    folder = frames_folder([extxyz], tmp_path / "out", 0)
    data = read_training_data(folder)
    frames = labelled()
    splits = [data.train, data.valid, data.test]
    assert sum(len(split) for split in splits) == len(frames)
    energies = np.concatenate([split.energy for split in splits])
    assert sorted(energies) == pytest.approx(sorted(a.get_potential_energy() for a in frames))
    for split in splits:  # labels stay with their frame
        for k in range(len(split)):
            source = min(frames, key=lambda a: abs(a.get_potential_energy() - split.energy[k]))
            rows = split.rows([k])
            assert np.allclose(split.positions[rows], source.positions, atol=1e-7)
            assert np.allclose(split.forces[rows], source.get_forces(), atol=1e-7)
    assert pytest.approx(dict(data.reference_energies), abs=0.01) == {1: -3, 6: -40, 7: -55, 8: -70}


def compositions(frames):
    first = frames.first
    return {tuple(sorted(frames.atomic_numbers[first[k] : first[k + 1]])) for k in range(len(frames))}


def test_test_split_molecules_are_in_no_other_split(extxyz, tmp_path):
    data = read_training_data(frames_folder([extxyz], tmp_path / "out", 0))
    test = compositions(data.test)
    assert len(test) == 1 and not test & (compositions(data.train) | compositions(data.valid))


def test_it_is_done_once_and_again_when_the_file_has_changed(extxyz, tmp_path):
    out = tmp_path / "out"
    folder = frames_folder([extxyz], out, 0)
    before = (folder / "train.npz").stat().st_mtime_ns
    assert frames_folder([extxyz], out, 0) == folder
    assert (folder / "train.npz").stat().st_mtime_ns == before
    write(extxyz, labelled(seed=1))
    frames_folder([extxyz], out, 0)
    assert (folder / "train.npz").stat().st_mtime_ns != before


def test_the_same_file_and_seed_give_the_same_bytes(extxyz, tmp_path):
    def digests(out, seed):
        return json.loads((frames_folder([extxyz], tmp_path / out, seed) / "manifest.json").read_text())["sha256"]

    assert digests("a", 0) == digests("b", 0) != digests("c", 1)


def test_keys_of_other_tools_and_databases(tmp_path):
    frames = labelled()
    renamed = []
    for atoms in frames:
        bare = atoms.copy()
        bare.info["REF_energy"], bare.arrays["REF_forces"] = atoms.get_potential_energy(), atoms.get_forces()
        renamed.append(bare)
    write(tmp_path / "renamed.extxyz", renamed)
    with connect(tmp_path / "frames.db") as db:
        for atoms in frames:
            db.write(atoms)
    one = read_training_data(frames_folder([tmp_path / "renamed.extxyz"], tmp_path / "one", 0))
    two = read_training_data(frames_folder([tmp_path / "frames.db"], tmp_path / "two", 0))
    assert one.train.energy == pytest.approx(two.train.energy) and np.allclose(one.train.forces, two.train.forces)


def test_two_files_are_one_set(tmp_path):
    frames = labelled()
    write(tmp_path / "a.extxyz", frames[:20])
    write(tmp_path / "b.extxyz", frames[20:])
    data = read_training_data(frames_folder([tmp_path / "a.extxyz", tmp_path / "b.extxyz"], tmp_path / "out", 0))
    assert len(data.train) + len(data.valid) + len(data.test) == len(frames)


def test_cells_and_charges_come_along(tmp_path):
    random = np.random.default_rng(0)
    frames = []
    for _ in range(12):
        atoms = bulk("NaCl", "rocksalt", a=5.6)
        atoms.rattle(0.1, rng=random)
        atoms.info["charge"] = 1
        atoms.calc = SinglePointCalculator(atoms, energy=random.normal(), forces=random.normal(size=(2, 3)))
        frames.append(atoms)
    write(tmp_path / "salt.extxyz", frames)
    data = read_training_data(frames_folder([tmp_path / "salt.extxyz"], tmp_path / "out", 0))
    batch, _, _ = data.train.batch([0])
    assert batch.pbc.all() and np.allclose(batch.cell[0].numpy(), frames[0].cell[:]) and batch.charge.tolist() == [1]
    assert data.test is None  # one composition: nothing could be test


def with_label(change):
    frames = labelled()
    atoms = frames[7]
    energy, forces = atoms.get_potential_energy(), atoms.get_forces()
    atoms.calc = None
    atoms.info["energy"], atoms.arrays["forces"] = energy, forces
    change(atoms)
    return frames


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda a: a.info.pop("energy"), "frame 7 of .* has no energy under 'energy'"),
        (lambda a: a.arrays.pop("forces"), "frame 7 of .* has no forces under 'forces'"),
        (lambda a: a.info.update(energy=float("nan")), "frame 7 of .*: its energy is not finite"),
    ],
)
def test_frames_without_sound_labels(tmp_path, change, message):
    write(tmp_path / "bad.extxyz", with_label(change))
    with pytest.raises(BadInputError, match=message):
        frames_folder([tmp_path / "bad.extxyz"], tmp_path / "out", 0)
    assert not (tmp_path / "out" / "data" / "manifest.json").exists()


def test_files_that_cannot_be_used(tmp_path):
    (tmp_path / "text.extxyz").write_text("this is not a structure\n")
    with pytest.raises(BadInputError, match="must be a number of atoms"):
        frames_folder([tmp_path / "text.extxyz"], tmp_path / "out", 0)
    with pytest.raises(BadInputError, match="does not exist"):
        frames_folder([tmp_path / "nothing.xyz"], tmp_path / "out", 0)
    with pytest.raises(BadInputError, match="a folder of frames has a manifest"):
        frames_folder([tmp_path, tmp_path], tmp_path / "out", 0)
    write(tmp_path / "few.extxyz", labelled()[:3])
    with pytest.raises(BadInputError, match="too few"):
        frames_folder([tmp_path / "few.extxyz"], tmp_path / "out", 0)


def test_the_split_is_the_same_for_the_same_seed_and_covers_everything():
    formulas = [formula for formula in FORMULAS for _ in range(10)]
    split = split_by_composition(formulas, 1)
    assert split == split_by_composition(formulas, 1) != split_by_composition(formulas, 2)
    assert sorted(split["train"] + split["valid"] + split["test"]) == list(range(len(formulas)))
    assert len(split["valid"]) == 6  # a twentieth of the 110 frames that are not test


def test_reference_energies_of_elements_that_cannot_be_told_apart(tmp_path):
    frames = [atoms for atoms in labelled(12) if str(atoms.symbols) == "CO"]
    write(tmp_path / "co.extxyz", frames)
    data = read_training_data(frames_folder([tmp_path / "co.extxyz"], tmp_path / "out", 0))
    found = reference_energies(data.train)
    assert found["C"] == pytest.approx(found["O"]) and found["C"] + found["O"] == pytest.approx(-110, abs=0.01)


def test_folders_and_files_mix_and_keep_their_splits_and_kinds(extxyz, tmp_path):
    import springs

    folder = springs.write(tmp_path / "springs", n_train=7, n_valid=3, n_test=2)
    mixed = read_training_data(frames_folder([folder, extxyz], tmp_path / "out", 0))
    alone = read_training_data(frames_folder([extxyz], tmp_path / "alone", 0))
    known = read_training_data(folder)
    assert mixed.kinds == ("frame", "water", "monoxide") and mixed.level_of_theory == "unknown"
    for split in ("train", "valid", "test"):
        found, parts = getattr(mixed, split), [getattr(alone, split), getattr(known, split)]
        assert np.array_equal(found.energy, np.concatenate([part.energy for part in parts]))
        assert np.array_equal(found.positions, np.concatenate([part.positions for part in parts]))
        assert found.kind.tolist() == [0] * len(parts[0]) + (parts[1].kind + 1).tolist()
    assert set(mixed.reference_energies) == {1, 6, 7, 8}


def test_folders_of_one_level_keep_it(tmp_path):
    import springs

    folders = [springs.write(tmp_path / name, n_train=4, n_valid=2, n_test=1) for name in ("a", "b")]
    mixed = read_training_data(frames_folder(folders, tmp_path / "out", 0))
    assert mixed.level_of_theory == "springs" and len(mixed.train) == 16 and mixed.kinds == ("water", "monoxide")
    before = (tmp_path / "out" / "data" / "manifest.json").stat().st_mtime_ns
    frames_folder(folders, tmp_path / "out", 0)
    assert (tmp_path / "out" / "data" / "manifest.json").stat().st_mtime_ns == before  # not made twice


# -- which labels --------------------------------------------------------------------------------------------------

INPUTS = Path(__file__).parents[1] / "atoms" / "inputs"


def renamed(energy, forces, shift=0.0):
    """Frames with labels under other names, beside a calculator's results that are ``shift`` eV away."""
    frames = []
    for atoms in labelled():
        bare = atoms.copy()
        bare.info[energy], bare.arrays[forces] = atoms.get_potential_energy() + shift, atoms.get_forces() + shift
        bare.calc = SinglePointCalculator(bare, energy=atoms.get_potential_energy(), forces=atoms.get_forces())
        frames.append(bare)
    return frames


def trained_on(folder):
    data = read_training_data(folder)
    return np.concatenate([split.energy for split in (data.train, data.valid, data.test)])


def test_ref_comes_before_another_models_energy(tmp_path):
    one = read_frames(INPUTS / "labA.extxyz")[0]
    keys = keys_of([one], LabelKeys(), "labA")
    assert keys == LabelKeys("REF_energy", "REF_forces") and labels_of(one, keys, "labA").energy == -100.0
    write(tmp_path / "a.extxyz", renamed("REF_energy", "REF_forces", shift=100.0))
    found = trained_on(frames_folder([tmp_path / "a.extxyz"], tmp_path / "out", 0))
    assert sorted(found) == pytest.approx(sorted(a.get_potential_energy() + 100 for a in labelled()))
    assert remarks(tmp_path / "out" / "data", True)[0] == "labels of a.extxyz: REF_energy and REF_forces"


def test_energy_of_one_source_never_meets_forces_of_another():
    atoms = labelled()[0]
    atoms.info["REF_energy"] = -1.0  # and no REF_forces: the calculator has both
    assert keys_of([atoms], LabelKeys(), "x") == LabelKeys("energy", "forces")
    with pytest.raises(BadInputError, match=r"no energy with forces that belong to it.*Its numbers: .*REF_energy"):
        keys_of([atoms], LabelKeys(energy="REF_energy"), "x")


def test_keys_of_the_user(tmp_path):
    write(tmp_path / "a.extxyz", renamed("mine_energy", "mine_forces", shift=5.0))
    for keys in (
        LabelKeys("mine_energy", "mine_forces"),
        LabelKeys(energy="mine_energy"),
        LabelKeys("", "mine_forces"),
    ):
        out = tmp_path / (keys.energy + keys.forces)
        found = trained_on(frames_folder([tmp_path / "a.extxyz"], out, 0, keys))
        assert sorted(found) == pytest.approx(sorted(a.get_potential_energy() + 5 for a in labelled()))
    with pytest.raises(BadInputError, match="mine_forces"):
        frames_folder([tmp_path / "a.extxyz"], tmp_path / "out", 0, LabelKeys("theirs", "theirs_too"))


def test_key_value_pairs_and_data_of_a_database():
    rows = read_frames(INPUTS / "kvp.db")
    keys = keys_of(rows, LabelKeys(), "kvp.db")
    assert keys == LabelKeys("REF_energy", "REF_forces")
    assert labels_of(rows[0], keys, "kvp.db").forces.shape == (len(rows[0]), 3)


def test_isolated_atoms_are_reference_energies_and_in_no_split(tmp_path):
    folder = frames_folder([INPUTS / "iso.extxyz"], tmp_path / "out", 0)
    data = read_training_data(folder)
    frames = read_frames(INPUTS / "iso.extxyz")
    atoms = {int(one.numbers[0]): one.info["REF_energy"] for one in frames if one.info.get("config_type")}
    assert len(atoms) == 4 and dict(data.reference_energies) == atoms
    splits = [split for split in (data.train, data.valid, data.test) if split is not None]
    assert sum(map(len, splits)) == 60 and all((split.n_atoms > 1).all() for split in splits)
    assert any(text.startswith("reference energies: isolated atoms of C, H") for text in remarks(folder, True))
    two = [one for one in frames if len(one) == 1][:1] * 2
    two[1] = two[1].copy()
    two[1].info["REF_energy"] += 1
    write(tmp_path / "two.extxyz", [*frames, two[1]])
    with pytest.raises(BadInputError, match="another has"):
        frames_folder([tmp_path / "two.extxyz"], tmp_path / "two", 0)


def test_elements_without_an_isolated_atom_are_fitted_to_what_is_left():
    frames = labelled(12)
    data = flat_arrays(frames, [a.get_potential_energy() for a in frames], [a.get_forces() for a in frames])
    found = reference_energies(checked_frames(data, "x"), {"H": -3.0, "C": -40.0})
    assert found == pytest.approx(ATOM, abs=0.01) and found["H"] == -3.0 and found["C"] == -40.0


def test_two_molecules_are_a_warning_and_a_stress_without_volume_is_said_to_be_unlearned(tmp_path):
    frames = [atoms for atoms in labelled(12) if str(atoms.symbols) in ("CO", "N2")]
    for atoms in frames:
        atoms.calc.results["stress"] = np.zeros(6)
        atoms.set_cell(np.eye(3) * 9)
    write(tmp_path / "two.extxyz", frames)
    said = remarks(frames_folder([tmp_path / "two.extxyz"], tmp_path / "out", 0), learns_stress=True)
    assert any(text.startswith("warning: the training frames hold 2 compositions only") for text in said)
    assert "two.extxyz: the stress of 24 frames is not learned: they are not periodic in three directions" in said
    write(tmp_path / "many.extxyz", labelled())
    assert len(remarks(frames_folder([tmp_path / "many.extxyz"], tmp_path / "many", 0), learns_stress=True)) == 1


def copper(n=12):
    """Strained, rattled crystals with the energy, forces and stress of ASE's EMT."""
    random = np.random.default_rng(3)
    frames = []
    for k in range(n):
        atoms = bulk("Cu", cubic=True)
        atoms.set_cell(atoms.cell @ (np.eye(3) + random.normal(0, 0.03, (3, 3))), scale_atoms=True)
        atoms.rattle(0.1, seed=k)
        atoms.calc = EMT()
        results = {"energy": atoms.get_potential_energy(), "forces": atoms.get_forces(), "stress": atoms.get_stress()}
        atoms.calc = SinglePointCalculator(atoms, **results)
        frames.append(atoms)
    return frames


def _stress_of_all(folder):
    """Stress of every frame by its energy."""
    data = read_training_data(folder)
    sets = [one for one in (data.train, data.valid, data.test) if one is not None]
    return {round(float(e), 6): s for one in sets for e, s in zip(one.energy, one.stress, strict=True)}


def _named(frames, **of):
    """The frames without a calculator, with labels by other names."""
    named = []
    for atoms in frames:
        plain = atoms.copy()
        results = atoms.calc.results
        plain.info["REF_energy"] = results["energy"]
        plain.arrays["REF_forces"] = results["forces"]
        for name, value in of.items():
            plain.info[name] = value(atoms)
        named.append(plain)
    return named


def _virial(atoms):
    return -atoms.get_volume() * voigt_6_to_full_3x3_stress(atoms.calc.results["stress"])


@pytest.mark.parametrize(
    ("names", "keys", "said"),
    [
        (None, LabelKeys(), "labels of cu.extxyz: energy and forces and stress"),
        ({"REF_stress": lambda a: a.get_stress()}, LabelKeys(), "REF_energy and REF_forces and REF_stress"),
        ({"REF_virials": _virial}, LabelKeys(), "REF_energy and REF_forces and REF_virials"),
        ({"mine": lambda a: a.get_stress(voigt=False)}, LabelKeys(stress="mine"), "REF_forces and mine"),
    ],
)
def test_the_stress_of_crystals_is_read_whatever_its_name_and_sign(tmp_path, names, keys, said):
    frames = copper()
    write(tmp_path / "cu.extxyz", frames if names is None else _named(frames, **names))
    folder = frames_folder([tmp_path / "cu.extxyz"], tmp_path / "out", 0, keys)
    found = _stress_of_all(folder)
    assert len(found) == 12
    for atoms in frames:
        expected = voigt_6_to_full_3x3_stress(atoms.calc.results["stress"])
        np.testing.assert_allclose(found[round(atoms.get_potential_energy(), 6)], expected, atol=1e-9)
    assert any(said in line for line in remarks(folder, learns_stress=True))
    assert any("not learned" in line for line in remarks(folder, learns_stress=False))
    train = read_training_data(folder).train
    volume = np.linalg.det(train.cell)
    np.testing.assert_allclose(train.strain_gradients([2])[0].numpy(), volume[2] * train.stress[2], rtol=1e-5)


def test_a_stress_of_another_source_is_not_taken_and_a_wrong_one_is_refused(tmp_path):
    frames = _named(copper(), stress=lambda a: a.get_stress(), odd=lambda a: np.arange(9.0))
    write(tmp_path / "cu.extxyz", frames)
    folder = frames_folder([tmp_path / "cu.extxyz"], tmp_path / "out", 0)
    assert not read_training_data(folder).train.has_stress.any()
    assert any("does not belong to REF_energy; name it with --stress-key" in one for one in remarks(folder, True))
    with pytest.raises(BadInputError, match="no stress under 'none_such'; of six or nine numbers a frame: stress, odd"):
        frames_folder([tmp_path / "cu.extxyz"], tmp_path / "b", 0, LabelKeys(stress="none_such"))
    with pytest.raises(BadInputError, match="'odd' is not symmetric"):
        frames_folder([tmp_path / "cu.extxyz"], tmp_path / "c", 0, LabelKeys(stress="odd"))


def test_frames_without_a_stress_keep_their_file_as_it_was(extxyz, tmp_path):
    folder = frames_folder([extxyz], tmp_path / "out", 0)
    with np.load(folder / "train.npz") as file:
        assert "stress" not in file.files
