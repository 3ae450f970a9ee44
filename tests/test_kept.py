"""Every kind of file that is kept: a flipped bit is never used and never ends the reader.

All 2,000 flips of one command: ``BSCT_ZOO_FLIPS=2000 pytest tests/test_kept.py``.
"""

import contextlib
import json
import os
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from bsct_zoo.errors import BsctZooError, DamagedFileError
from bsct_zoo.evaluation.label_task import FrameState
from bsct_zoo.evaluation.store import Store
from bsct_zoo.files import npz_bytes, sha256
from bsct_zoo.kept import opened_json, read_json, read_record, sealed_json, write_record
from bsct_zoo.models import weights
from bsct_zoo.models.calculators import fetch
from bsct_zoo.plugins.cards import Adapter, EnvironmentSpec, ModelCard
from bsct_zoo.plugins.tasks import Answer
from bsct_zoo.runtime import environment
from bsct_zoo.runtime.checkpoints import read_facts, read_weights, save_checkpoint
from bsct_zoo.suites.suite_file import read_suite, write_suite
from bsct_zoo.training.data import read_training_data
from bsct_zoo.training.foreign import flat_arrays
from bsct_zoo.training.state import is_kept, keep_state

FLIPS = int(os.environ.get("BSCT_ZOO_FLIPS", "400"))
CARD = {"name": "small", "title": "t", "level_of_theory": "x", "licence": "MIT", "source": "s", "elements": ["H"]}


def answers(folder):
    """Answers of scans, dynamics and properties, a state of labels, and what a model declared."""
    rng = np.random.default_rng(0)
    shelf = Store(folder / "answers").shelf({"model": "x"})
    scans = Answer({"energy": rng.normal(size=9), "forces": rng.normal(size=(9, 3, 3))}, {"failures": {}}, 1.5)
    run = Answer({}, {"status": "ok", "message": "", "values": {"drift": 63.0}}, 2.0)
    molecule = Answer({"frequency": rng.normal(size=6)}, {"problems": {}, "notes": []}, 0.5)
    for kind, answer in (("scans", scans), ("md", run), ("properties", molecule)):
        shelf.write(kind, "a", answer)
        yield shelf.folder / f"{kind}-a.npz", lambda kind=kind: as_plain(shelf.read(kind, "a"))
    shelf.write_state("b", {"energy": rng.normal(size=9), "state": np.full(9, FrameState.CONVERGED)})
    yield shelf.folder / "state-b.npz", lambda: as_plain(shelf.read_state("b"))
    shelf.write_info({"elements": [1, 6], "device": "cpu", "batch_atoms": 512})
    yield shelf.folder / "model.json", shelf.read_info


def runs(folder):
    """The record of a training run, its state, and its checkpoint."""
    out = folder / "run"
    out.mkdir()
    model = torch.nn.Linear(3, 2)
    keep_state(out / "state.pt", lambda path: torch.save({"model": model.state_dict(), "steps": 7}, path))

    def state():
        return is_kept(out / "state.pt", lambda *_: None) and str(torch.load(out / "state.pt", weights_only=True))

    yield out / "state.pt", state
    (out / "run.json").write_bytes(sealed_json({"asked": {"seed": 0, "options": {"lr": 0.01}}}))
    yield out / "run.json", lambda: read_json(out / "run.json", unsealed=True)
    checkpoint = out / "small.safetensors"
    save_checkpoint(checkpoint, "f", 1, {"width": 8, "elements": [1]}, dict(model.named_parameters()), CARD)

    def read():
        facts = read_facts(checkpoint, "f", 1)
        return as_plain(
            [facts, {name: w.detach().numpy() for name, w in read_weights(checkpoint, facts["sha256"]).items()}]
        )

    yield checkpoint, read
    yield checkpoint.with_suffix(".json"), read


def frames(folder):
    """Frames to train on."""
    from ase import Atoms

    out = folder / "frames"
    out.mkdir()
    atoms = Atoms("H2", [[0, 0, 0], [0, 0, 0.74]])
    arrays = npz_bytes(flat_arrays([atoms] * 3, [-1.0, -1.1, -1.2], [np.full((2, 3), 0.1)] * 3))
    files = {f"{split}.npz": arrays for split in ("train", "valid")}
    for name, content in files.items():
        (out / name).write_bytes(content)
    hashes = {name: sha256(content) for name, content in files.items()}
    said = {"level_of_theory": "x", "reference_energies": {"H": -0.5}, "sha256": hashes}
    (out / "manifest.json").write_bytes(sealed_json(said))
    for name in ("train.npz", "manifest.json"):
        yield out / name, lambda: str(read_training_data(out))


def suites(folder, suite):
    """A suite that was built or imported."""
    path = folder / "mine.npz"
    write_suite(path, replace(suite, scans=suite.scans[:3]))

    def read():
        found = read_suite(path)
        return as_plain([vars(scan) for scan in found.scans]), found.name, found.level_of_theory, str(found.made_by)

    yield path, read


def fetched(folder, monkeypatch):
    """Weights that were downloaded, the list of a calculator's own files, and the record of an environment."""
    monkeypatch.setenv("BSCT_ZOO_CACHE", str(folder / "cache"))
    (folder / "w.bin").write_bytes(b"weights" * 50)
    card = ModelCard("c", "t", "x", "MIT", "s", url=f"file://{folder}/w.bin", executes_code=True)
    adapter = Adapter("a", "s", "m:f", (card,), EnvironmentSpec(("numpy",)))
    weights.fetch(adapter, card)
    place = weights.folder_of(adapter, card)

    def read():
        from bsct_zoo.runtime.checkpoints import read_trusted

        return read_trusted(weights.with_weights(adapter, card))

    yield place / "fetched.json", read
    yield place / "w.bin", read
    (place / fetch._LIST).write_bytes(sealed_json({"w.bin": sha256(place / "w.bin")}))
    yield place / fetch._LIST, lambda: fetch.verified(place / fetch._LIST)
    made = environment.folder_of(adapter)
    python = made / "build-1" / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    said = {"build": "build-1", "adapter": "a", "environment": {}, "python": "3.12.4", "versions": {"numpy": "2.1"}}
    (made / "complete.json").write_bytes(sealed_json(said))
    yield made / "complete.json", lambda: environment.find(adapter)


def as_plain(content):
    """Arrays and tuples as something that ``==`` compares as a whole."""
    return (
        None
        if content is None
        else json.dumps(content, default=lambda x: x.tolist() if hasattr(x, "tolist") else str(vars(x)))
    )


@pytest.fixture
def kept(tmp_path, monkeypatch):
    from bsct_zoo.suites.library import open_suite

    kinds = [*answers(tmp_path), *runs(tmp_path), *frames(tmp_path), *suites(tmp_path, open_suite("core"))]
    return [*kinds, *fetched(tmp_path, monkeypatch)]


def test_no_flipped_bit_is_used_or_ends_the_reader(kept):
    whole = [(path, path.read_bytes(), read, read()) for path, read in kept]
    assert all(value for *_, value in whole)
    draw, outcomes = random.Random(FLIPS), {"refused": 0, "without effect": 0}
    for number in range(FLIPS):
        path, content, read, value = whole[number % len(whole)]
        flipped = bytearray(content)
        place, bit = draw.randrange(len(content)), draw.randrange(8)
        flipped[place] ^= 1 << bit
        path.write_bytes(flipped)
        try:
            got = read()
        except (BsctZooError, FileNotFoundError) as error:
            assert "\n" not in str(error)
            got = None
        path.write_bytes(content)
        assert not got or got == value, f"bit {bit} of byte {place} of {path.name} is used"
        outcomes["without effect" if got else "refused"] += 1
    print(outcomes)
    assert outcomes["refused"] > 0.8 * FLIPS


def test_a_record_is_its_content(tmp_path):
    write_record(tmp_path / "a", b"one\ntwo")
    assert read_record(tmp_path / "a") == b"one\ntwo"


def test_json_without_a_seal_is_of_an_older_version_or_refused():
    path, content = Path("card.json"), sealed_json({"a": 1.5, "b": {"2": [None, "ü"]}})
    assert opened_json(content, path) == {"a": 1.5, "b": {"2": [None, "ü"]}}
    assert opened_json(b'{"a": 1}', path, unsealed=True) == {"a": 1}
    for wrong in (b'{"a": 1}', content.replace(b"1.5", b"1.6"), content.replace(b"seal", b"sfal"), b"[" * 100_000):
        with pytest.raises(DamagedFileError, match=r"^card\.json is damaged: "):
            opened_json(wrong, path)
    with pytest.raises(DamagedFileError, match="remove its 'seal' if that was meant"):
        opened_json(content.replace(b"seal", b"sfal"), path, unsealed=True)


def test_a_suite_never_loses_an_array_to_a_damaged_directory(tmp_path):
    from bsct_zoo.suites.library import open_suite

    ((path, read),) = suites(tmp_path, open_suite("crystals"))
    content, value = path.read_bytes(), read()
    start = content.index(b"PK\1\2")  # where the directory begins; no checksum covers it
    for place in range(start, len(content)):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        path.write_bytes(flipped)
        with contextlib.suppress(BsctZooError):
            assert read() == value, f"byte {place}"
