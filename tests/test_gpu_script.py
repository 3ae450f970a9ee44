"""``benchmarks/gpu.py``: its time is shared as it says, and its smallest part runs on a CPU; no GPU is needed."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

FOLDER = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def gpu():
    """The script as a module."""
    sys.path.insert(0, str(FOLDER))
    try:
        spec = importlib.util.spec_from_file_location("script_gpu", FOLDER / "gpu.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(FOLDER))
    return module


@settings(deadline=None)  # of a busy machine
@given(
    budget=st.floats(10, 1000),
    shares=st.lists(st.floats(0.5, 5), min_size=1, max_size=20),
    used=st.lists(st.floats(0, 1), min_size=20, max_size=20),
)
def test_parts_never_take_more_than_the_budget(gpu, budget, shares, used):
    spent = 0.0
    for number in range(len(shares)):
        seconds = gpu.allowance(budget - spent, shares[number:])
        assert seconds >= budget * shares[number] / sum(shares) * (1 - 1e-9)  # what others leave comes on top
        spent += seconds * used[number]
    assert spent <= budget * (1 + 1e-9)
    assert gpu.allowance(-1.0, shares) == 0


def test_what_is_kept_is_not_measured_and_what_has_no_time_says_so(gpu):
    plan = [gpu.Part("scans", name, 1) for name in "abc"]
    asked = []
    found = dict(
        gpu.results(plan, {"scans a": {}}, 100, lambda part, seconds: asked.append((part.model, seconds)) or {})
    )
    assert [model for model, _ in asked] == ["b", "c"]
    assert asked[0][1] == pytest.approx(50, abs=1) and asked[1][1] == pytest.approx(100, abs=1)
    none = dict(gpu.results(plan, {}, 1, lambda *words: pytest.fail("there is no time")))
    assert all(one == {"failed": "no time was left for it"} for one in none.values())
    assert len(found) == 2


def test_a_part_that_fails_costs_itself(gpu):
    assert "unknown" in gpu.measured("large", "nobody", "cpu", 1, 10.0)["failed"]
    assert gpu.in_words("large", {"failed": "a|b"}) == "a\\|b"


def test_its_smallest_part_runs(gpu, tmp_path, monkeypatch, capsys):
    words = ["gpu.py", "--device", "cpu", "--limit", "1", "--parts", "launches", "--keep", str(tmp_path / "gpu.json")]
    monkeypatch.setattr(sys, "argv", words)
    gpu.main()
    text = capsys.readouterr().out
    (frames,) = [one["frames"] for one in json.loads((tmp_path / "gpu.json").read_text())["parts"].values()]
    assert list(frames) == ["1", "2"]
    assert all(one["operations"] > 100 and one["launches"] == 0 and one["ms"] > 0 for one in frames.values())
    assert f"a batch of 1: {frames['1']['ms']:.3g} ms" in text and "no GPU" in text and "in small" in text
    monkeypatch.setattr(gpu, "asked", lambda *words: pytest.fail("it is kept"))
    gpu.main()
    assert capsys.readouterr().out == text
    monkeypatch.setattr(sys, "argv", [*words[:2], "cuda:99", *words[3:]])
    with pytest.raises(SystemExit, match="device 'cuda:99' is not here"):
        gpu.main()
