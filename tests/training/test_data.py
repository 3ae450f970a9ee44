import json

import numpy as np
import pytest
import springs
import torch

from bsct_zoo.errors import BadInputError
from bsct_zoo.training.data import SizedBatches, read_training_data
from bsct_zoo.training.writing import write_training_data


@pytest.fixture
def folder(tmp_path):
    springs.write(tmp_path, n_train=12, n_valid=3, n_test=2)
    facts = json.loads((tmp_path / "manifest.json").read_text())
    (tmp_path / "manifest.json").write_text(json.dumps({k: v for k, v in facts.items() if k != "sha256"}))
    return tmp_path


def test_what_is_written_is_what_is_read(folder):
    data = read_training_data(folder)
    raw = dict(np.load(folder / "train.npz"))
    for name, array in raw.items():
        assert np.array_equal(getattr(data.train, name), array)
    assert data.elements == (1, 6, 8) and data.kinds == ("water", "monoxide") and data.level_of_theory == "springs"
    assert dict(data.reference_energies) == {1: -10.0, 6: -50.0, 8: -100.0}
    table = data.reference_table()
    assert table[[1, 6, 8]].tolist() == [-10, -50, -100] and table.abs().sum() == 160
    assert (len(data.train), len(data.valid), len(data.test)) == (24, 6, 4)


def test_a_batch_holds_the_frames_asked_for_in_that_order(folder):
    frames = read_training_data(folder).train
    batch, energy, forces = frames.batch([20, 0, 5], torch.float64)
    assert batch.atoms_per_system.tolist() == [2, 3, 3]
    raw = dict(np.load(folder / "train.npz"))
    assert energy.tolist() == raw["energy"][[20, 0, 5]].tolist() and energy.dtype == torch.float64
    ends = np.cumsum(raw["n_atoms"])
    rows = np.concatenate([np.arange(ends[i] - raw["n_atoms"][i], ends[i]) for i in (20, 0, 5)])
    assert np.array_equal(batch.positions.numpy(), raw["positions"][rows])
    assert np.array_equal(forces.numpy(), raw["forces"][rows])
    assert frames.batch([0])[0].dtype == torch.float32
    taken = frames.take([20, 0, 5])
    assert np.array_equal(taken.forces, raw["forces"][rows]) and np.array_equal(taken.pbc, frames.pbc[[20, 0, 5]])
    assert taken.energy.tolist() == energy.tolist() and len(taken) == 3


def test_what_is_read_is_written_again_and_elements_without_a_reference_are_refused(folder, tmp_path):
    data = read_training_data(folder)
    splits = {split: getattr(data, split).arrays() for split in ("train", "valid")}
    known = {"H": -10.0, "C": -50.0, "O": -100.0}
    facts = {"level_of_theory": "springs", "kinds": list(data.kinds), "reference_energies": known}
    manifest = write_training_data(tmp_path / "again", splits, facts, "")
    again = read_training_data(tmp_path / "again")
    assert manifest["sha256"] == dict(again.sha256) and again.test is None
    for name, array in vars(data.train).items():
        assert np.array_equal(getattr(again.train, name), array, equal_nan=array.dtype.kind == "f")
    with pytest.raises(BadInputError, match="C, O: only in frames of 'train'; ask for more"):
        write_training_data(tmp_path / "other", splits, facts | {"reference_energies": {"H": -10.0}}, "; ask for more")


def of_states(folder, charge, spin, split="train"):
    """The data with these charges and multiplicities, one for each frame of a split, which come in turns."""
    raw = dict(np.load(folder / f"{split}.npz"))
    n = len(raw["n_atoms"])
    np.savez(folder / f"{split}.npz", **raw | {"charge": np.resize(charge, n), "spin": np.resize(spin, n)})
    return read_training_data(folder)


def test_frames_of_the_commonest_charge_are_kept(folder):
    of_states(folder, [-1, -1, 0], [2, 2, 1])
    data = of_states(folder, [-1, 0], [2, 1], "valid")
    alike = data.of_one_state()
    assert len(alike.train) == 16 and len(alike.valid) == 3 and alike.test is None  # all test frames are neutral
    assert set(alike.train.charge) == set(alike.valid.charge) == {-1}
    kept = np.flatnonzero(data.train.charge == -1)
    assert np.array_equal(alike.train.energy, data.train.energy[kept])
    assert np.array_equal(alike.train.positions, data.train.positions[data.train.rows(kept)])
    assert np.array_equal(read_training_data(folder, one_state=True).train.energy, alike.train.energy)


def test_a_multiplicity_above_the_lowest_is_another_state_and_the_lowest_is_not(folder):
    radicals = [1, 2]  # of H2O and CO: without a multiplicity, as files of other programs are, and as the lowest
    data = of_states(folder, 1, radicals)
    assert data.train.state.tolist() == [[1, 0]] * 24
    data = of_states(folder, 0, [1, 1, 1, 3])
    assert len(data.of_one_state().train) == 18 and set(data.of_one_state().train.spin) == {1}


def test_frames_of_one_state_are_left_as_they_are(folder):
    data = read_training_data(folder)
    assert data.of_one_state() is data
    data = of_states(folder, [0, 1], [1, 2], "test")
    alike = data.of_one_state()
    assert (len(alike.train), len(alike.valid), len(alike.test)) == (24, 6, 2)


def test_validation_frames_of_other_charges_alone_are_refused(folder):
    with pytest.raises(BadInputError, match="no validation frame has a charge of -1, as most"):
        of_states(folder, -1, 2).of_one_state()


def test_every_frame_comes_once_an_epoch_and_batches_are_full_but_not_fuller():
    n_atoms = np.random.default_rng(0).integers(1, 40, 500)
    batches = SizedBatches(n_atoms, 128, seed=3)
    first, second = list(batches), list(batches)
    for epoch in (first, second):
        assert sorted(i for batch in epoch for i in batch) == list(range(500))
        sizes = [n_atoms[batch].sum() for batch in epoch]
        assert max(sizes) <= 128 and np.mean(sizes) > 100
    assert first != second
    again = SizedBatches(n_atoms, 128, seed=3)
    again.epoch = 1
    assert list(again) == second
    assert list(SizedBatches(n_atoms, 128, seed=4)) != first


def test_a_stream_of_batches_goes_on_wherever_it_was_cut_off():
    from itertools import islice

    from bsct_zoo.training.data import batch_stream

    sizes = np.random.default_rng(0).integers(2, 20, 100)
    whole = list(islice(batch_stream(SizedBatches(sizes, 64, seed=3)), 60))
    n_epoch = len(list(SizedBatches(sizes, 64, seed=3)))
    assert len(whole) > 2 * n_epoch  # over the ends of epochs
    assert sorted(k for batch in whole[:n_epoch] for k in batch) == list(range(100))
    for cut in (0, 1, n_epoch, n_epoch + 5):
        assert list(islice(batch_stream(SizedBatches(sizes, 64, seed=3), cut), 60 - cut)) == whole[cut:]


def test_frames_of_like_size_go_together_and_a_large_one_alone():
    n_atoms = np.array([3, 200, 3, 3, 20, 20])
    assert list(SizedBatches(n_atoms, 40)) == [[0, 2, 3, 4], [5], [1]]


def change(folder, split, **arrays):
    raw = dict(np.load(folder / f"{split}.npz"))
    raw.update(arrays)
    np.savez(folder / f"{split}.npz", **{key: value for key, value in raw.items() if value is not None})


def spoiled(array, value, row=-1):
    array = np.array(array, dtype=float)
    array[row] = value
    return array


RAW = springs.frames(["H2O", "CO"], 12, 0)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"forces": None}, "lacks forces"),
        ({"energy": None, "positions": None}, "lacks positions, energy"),
        ({"energy": spoiled(RAW["energy"], np.nan)}, "'energy' of frame 23 is not finite"),
        ({"forces": spoiled(RAW["forces"], np.inf, 3)}, "'forces' of frame 1 is not finite"),
        ({"forces": RAW["forces"][:-1]}, r"'forces' has shape \[59, 3\], expected \[60, 3\]"),
        ({"positions": RAW["positions"].T}, "'positions' has shape"),
        ({"energy": RAW["energy"][:, None]}, "'energy' has shape"),
        ({"n_atoms": RAW["n_atoms"] * 0}, "'n_atoms' must be"),
        ({"n_atoms": RAW["n_atoms"] * 1.0}, "'n_atoms' must be"),
        ({"atomic_numbers": RAW["atomic_numbers"] * 0}, "from 1 to 118"),
        ({"atomic_numbers": RAW["atomic_numbers"] * 1.0}, "'atomic_numbers' holds float64"),
        ({"atomic_numbers": RAW["atomic_numbers"] + 8}, r"elements \[9, 14, 16\] have no reference energy"),
        ({"kind": RAW["kind"] + 1}, "'kind' 2 has no name"),
        ({"energy": RAW["energy"].astype(str)}, "'energy' holds"),
    ],
)
def test_bad_arrays(folder, arrays, message):
    change(folder, "train", **arrays)
    with pytest.raises(BadInputError, match=message):
        read_training_data(folder)


def test_objects_are_not_unpickled(folder):
    change(folder, "train", energy=np.array([object()] * 24, dtype=object))
    with pytest.raises(BadInputError, match=r"not an \.npz of plain arrays"):
        read_training_data(folder)


def test_damaged_or_missing_files(folder, tmp_path):
    with pytest.raises(BadInputError, match="no such folder"):
        read_training_data(tmp_path / "nowhere")
    whole = (folder / "valid.npz").read_bytes()
    (folder / "valid.npz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadInputError, match=r"valid\.npz is not an .npz"):
        read_training_data(folder)
    (folder / "valid.npz").unlink()
    with pytest.raises(BadInputError, match=r"no valid\.npz"):
        read_training_data(folder)


def test_test_split_may_be_missing(folder):
    (folder / "test.npz").unlink()
    assert read_training_data(folder).test is None


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        (None, "manifest beside them"),
        ("{", "not valid JSON"),
        ([1], "one JSON object"),
        ({}, "no 'reference_energies'"),
        ({"reference_energies": {"Xx": 1.0}}, "'Xx' in 'reference_energies'"),
        ({"reference_energies": {"H": None}}, "must be a number"),
        ({"reference_energies": {"H": 1.0, "O": 1.0}, "kinds": ["a", "b"]}, r"elements \[6\] have no reference"),
        ({"reference_energies": springs.REFERENCE, "kinds": "md"}, "'kinds' must be"),
        ({"reference_energies": springs.REFERENCE, "sha256": {"train.npz": "0" * 64}}, "sha256 differs"),
    ],
)
def test_bad_manifests(folder, facts, message):
    path = folder / "manifest.json"
    path.unlink()
    if facts is not None:
        path.write_text(facts if isinstance(facts, str) else json.dumps(facts))
    with pytest.raises(BadInputError, match=message):
        read_training_data(folder)


def test_a_manifest_of_make_frames_is_understood(folder):
    facts = {
        "method": "GFN2-xTB",
        "settings": {"electronic_temperature": 3000.0},
        "kinds": ["md", "rattle"],
        "reference_energies": springs.REFERENCE,
    }
    (folder / "manifest.json").write_text(json.dumps(facts))
    assert read_training_data(folder).level_of_theory == "GFN2-xTB (Te=3000 K)"
