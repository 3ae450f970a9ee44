import numpy as np
import pytest
from bsct_zoo.evaluation.cache import PredictionCache, ScanPrediction, model_key
from hypothesis import given
from hypothesis import strategies as st

PREDICTION = ScanPrediction(np.linspace(0, 1, 5), np.arange(30.0).reshape(5, 2, 3), 1.5)


@pytest.fixture
def cache(tmp_path):
    return PredictionCache(tmp_path / "predictions")


def test_round_trip_is_exact(cache):
    cache.write("model", "scan", PREDICTION)
    found = cache.read("model", "scan")
    assert np.array_equal(found.energy, PREDICTION.energy)
    assert np.array_equal(found.forces, PREDICTION.forces)
    assert found.seconds == 1.5
    assert cache.read("model", "other") is None and cache.read("other", "scan") is None


@pytest.mark.parametrize("keep", [0, 1, 100, -1])
def test_damaged_files_are_as_if_they_were_not(cache, keep):
    cache.write("model", "scan", PREDICTION)
    (file,) = cache.folder.glob("*/*.npz")
    file.write_bytes(file.read_bytes()[:keep])
    assert cache.read("model", "scan") is None


def test_nothing_half_written_is_left(cache, monkeypatch):
    from pathlib import Path

    def full(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        cache.write("model", "scan", PREDICTION)
    assert not [path for path in cache.folder.rglob("*") if path.is_file()]


def test_size_and_clear(cache):
    cache.write("model", "scan", PREDICTION)
    cache.write_info("model", {"elements": [1]})
    count, size = cache.size()
    assert count == 1 and size > 300
    assert cache.clear() == (count, size)
    assert cache.size() == (0, 0) and cache.read_info("model") is None


@given(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=5))
def test_keys_depend_on_content_alone(identity):
    assert model_key(identity) == model_key(dict(reversed(identity.items())))
    assert model_key(identity) != model_key({**identity, "one more": 1})
