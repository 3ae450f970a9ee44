"""The store: round trips are exact, damage is never used, nothing half written stays."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bsct_zoo.evaluation.store import Store, content_key
from bsct_zoo.plugins.tasks import Answer

ANSWER = Answer({"energy": np.linspace(0, 1, 5), "forces": np.arange(30.0).reshape(5, 2, 3)}, {"why": "ü"}, 1.5)


@pytest.fixture
def damage():
    return []


@pytest.fixture
def shelf(tmp_path, damage):
    return Store(tmp_path / "answers").shelf({"model": "x"}, damage.append)


def test_round_trip_is_exact(shelf):
    shelf.write("scans", "a", ANSWER)
    found = shelf.read("scans", "a")
    assert all(np.array_equal(found.arrays[name], ANSWER.arrays[name]) for name in ANSWER.arrays)
    assert (found.facts, found.seconds) == (ANSWER.facts, 1.5)
    assert shelf.read("scans", "b") is None and shelf.read("md", "a") is None


def test_states_are_kept_and_dropped(shelf):
    shelf.write_state("a", {"count": np.array(3)})
    assert int(shelf.read_state("a")["count"]) == 3
    shelf.drop_state("a")
    shelf.drop_state("a")
    assert shelf.read_state("a") is None


@pytest.mark.parametrize("keep", [0, 1, 100, -1])
def test_files_that_are_cut_short_are_as_if_they_were_not(shelf, damage, keep):
    shelf.write("scans", "a", ANSWER)
    (file,) = shelf.folder.glob("*.npz")
    file.write_bytes(file.read_bytes()[:keep])
    assert shelf.read("scans", "a") is None
    assert not file.exists() and len(damage) == 1


def test_no_flipped_bit_is_ever_used(shelf, damage):
    """2,000 random flips over every kind of kept file: none is used, none ends the reader."""
    shelf.write("scans", "a", ANSWER)
    shelf.write_info({"elements": [1, 6], "device": "cpu"})
    shelf.write_state("b", ANSWER.arrays)
    readers = {
        "scans-a.npz": lambda: shelf.read("scans", "a"),
        "model.json": shelf.read_info,
        "state-b.npz": lambda: shelf.read_state("b"),
    }
    whole = {name: (shelf.folder / name).read_bytes() for name in readers}
    draw = random.Random(0)
    for _ in range(2000):
        name = draw.choice(sorted(readers))
        content = bytearray(whole[name])
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        (shelf.folder / name).write_bytes(content)
        assert readers[name]() is None
    assert len(damage) == 2000


def test_nothing_half_written_is_left(shelf, monkeypatch):
    def full(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        shelf.write("scans", "a", ANSWER)
    assert not [path for path in shelf.folder.rglob("*") if path.is_file()]


def test_size_and_clear(tmp_path, shelf):
    store = Store(tmp_path / "answers")
    shelf.write("scans", "a", ANSWER)
    shelf.write_info({"elements": [1]})
    count, size = store.size()
    assert count == 1 and size > 300
    assert store.clear() == (count, size)
    assert store.size() == (0, 0) and shelf.read_info() is None


def test_facts_that_are_no_numbers_are_refused(shelf):
    with pytest.raises(ValueError, match="Out of range"):
        shelf.write("scans", "a", Answer({}, {"x": float("nan")}))


@settings(deadline=None)  # of a busy machine
@given(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=5))
def test_keys_depend_on_content_alone(identity):
    assert content_key(identity) == content_key(dict(reversed(identity.items())))
    assert content_key(identity) != content_key({**identity, "one more": 1})
    assert content_key(identity) == content_key(json.loads(json.dumps(identity)))
