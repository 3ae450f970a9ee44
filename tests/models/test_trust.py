"""Malicious files of every kind that we read: whatever happens, what they carry must not run.

Each leaves a marker behind if it is unpickled; ``test_the_marker_works`` shows that it would.
"""

import contextlib
import hashlib
import importlib
import json
import os
import pickle
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from ase.build import molecule
from bsct_zoo_remote import adapter, card

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import BadInputError, UntrustedFileError
from bsct_zoo.evaluation.store import Shelf
from bsct_zoo.models.naming import parse_model
from bsct_zoo.models.trust import trusted
from bsct_zoo.runtime.checkpoints import checkpoint_card, read_trusted, read_weights, trusted_copy
from bsct_zoo.runtime.load import load_potential
from bsct_zoo.runtime.remote import RemotePotential
from bsct_zoo.suites.suite_file import read_suite


class Evil:
    """Makes an empty file when it is unpickled."""

    def __init__(self, marker):
        self.marker = str(marker)

    def __reduce__(self):
        return os.open, (self.marker, os.O_CREAT | os.O_WRONLY)


@pytest.fixture
def marker(tmp_path):
    return tmp_path / "it-ran"


@pytest.fixture(params=["pickle", "torch"])
def evil(request, tmp_path, marker):
    """A malicious file as bytes: a bare pickle, or an archive of torch.save."""
    path = tmp_path / "evil.bin"
    if request.param == "pickle":
        path.write_bytes(pickle.dumps(Evil(marker)))
    else:
        torch.save(Evil(marker), path)
    return path.read_bytes()


def put(folder, name, content):
    path = folder / name
    path.write_bytes(content)
    return path


def remote(card):
    family = adapter(card)
    return RemotePotential(sys.executable, family, card, device="cpu", dtype="float64", options={}, timeout=60.0)


def test_the_marker_works(evil, marker, tmp_path):
    """With --trust the file is read, here and in a worker, and what it carries does run."""
    path = put(tmp_path, "mine.pth", evil)
    for load in (lambda c: load_potential(adapter(c), c, device="cpu"), remote):
        accepted = trusted("remote:mine.pth", card(checkpoint=str(path), executes_code=True), trust=True)
        with contextlib.suppress(Exception):  # what it leaves is no spring
            load(accepted).close()
        assert marker.exists()
        marker.unlink()


# -- models ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["evil.model", "evil.pt", "evil.pth"])
def test_a_stranger_needs_trust(evil, marker, tmp_path, name):
    path = put(tmp_path, name, evil)
    with pytest.raises(UntrustedFileError, match=r"can run code .* no card of an installed plugin .* --trust"):
        parse_model(f"mace:{path}")
    assert not marker.exists()


@pytest.mark.parametrize("place", ["here", "worker"])
def test_the_last_door_keeps_strangers_out(evil, marker, tmp_path, place):
    """Even a card that never went through ``parse_model``, before a loader that takes no care."""
    path = put(tmp_path, "evil.pth", evil)
    stranger = card(checkpoint=str(path), executes_code=True)
    with pytest.raises(UntrustedFileError, match="it is not trusted"):
        remote(stranger) if place == "worker" else load_potential(adapter(stranger), stranger, device="cpu")
    other = replace(stranger, sha256="0" * 64)
    with pytest.raises(BadInputError, match="not the file that was trusted"):
        remote(other) if place == "worker" else load_potential(adapter(other), other, device="cpu")
    assert not marker.exists()


def test_a_malicious_model_in_the_worker_of_mace(evil, marker, tmp_path):
    """Before the file, and behind every check of ours but the worker's own."""
    from bsct_zoo.models.naming import named_model

    spec = named_model(f"mace:{put(tmp_path, 'evil.model', evil)}")
    other = replace(spec.card, sha256="0" * 64)
    for stranger, message in ((spec.card, "it is not trusted"), (other, "sha256 differs")):
        with pytest.raises(BadInputError, match=message):
            load_potential(spec.adapter, stranger, device="cpu", options=dict(spec.options), own_process=True)
    assert not marker.exists()


def test_a_file_that_is_swapped_after_the_check(evil, marker, tmp_path):
    path = tmp_path / "mine.pth"
    torch.save(3.0, path)
    accepted = trusted("remote:mine.pth", card(checkpoint=str(path), executes_code=True), trust=True)
    with load_potential(adapter(accepted), accepted, device="cpu") as potential:
        batch = AtomsBatch.from_atoms(molecule("H2O"))
        assert float(potential.compute(batch).energy) == pytest.approx(1.5 * float(batch.positions.square().sum()))
    path.write_bytes(evil)
    with pytest.raises(BadInputError, match="sha256 differs"):
        remote(accepted)
    with pytest.raises(BadInputError, match="sha256 differs"):
        read_trusted(accepted)
    assert not marker.exists()


def test_what_a_card_of_an_installed_plugin_knows_needs_no_trust(tmp_path, run, cards):
    path = tmp_path / "mine.pth"
    torch.save(3.0, path)
    refused = run("compare", f"remote:{path}", "--limit", 1)
    assert refused.returncode == 2 and "--trust" in refused.stderr and len(refused.stderr.splitlines()) == 1
    cards(card(url="https://hub.example/one", sha256=hashlib.sha256(path.read_bytes()).hexdigest()))
    done = run("compare", f"remote:{path}", "--limit", 1, "--quiet")
    assert done.returncode == 0, done.stderr


def test_trust_does_not_make_a_damaged_file_whole(tmp_path):
    path = put(tmp_path, "one.pth", b"damaged")
    with pytest.raises(BadInputError, match="not the file that its card names"):
        trusted("remote:one", card(checkpoint=str(path), executes_code=True, sha256="0" * 64), trust=True)


def test_a_private_copy_is_of_the_bytes_that_were_vouched_for(tmp_path):
    path = put(tmp_path, "one.pth", b"content")
    mine = card(checkpoint=str(path), executes_code=True, sha256=hashlib.sha256(b"content").hexdigest())
    with trusted_copy(mine) as copy:
        path.write_bytes(b"swapped")
        assert copy.read_bytes() == b"content" and copy.name == "one.pth"
        assert copy.parent.stat().st_mode & 0o077 == 0
    assert not copy.exists()
    with pytest.raises(BadInputError), trusted_copy(mine):
        pass


# -- checkpoints without pickles ---------------------------------------------------------------------------------


def facts(**changes):
    card = {"name": "own", "title": "t", "level_of_theory": "none", "licence": "MIT", "source": "here"}
    return {"format": "f", "version": 1, "config": {}, "sha256": "0" * 64, "card": {**card, **changes}}


@pytest.mark.parametrize("family", ["mace", "transformer"])
def test_a_pickle_that_calls_itself_safetensors(evil, marker, tmp_path, family):
    path = put(tmp_path, "evil.safetensors", evil)
    files = importlib.import_module(f"bsct_zoo_{family}.files")
    said = {**facts(), "format": files.FORMAT, "version": files.VERSION, "sha256": hashlib.sha256(evil).hexdigest()}
    path.with_suffix(".json").write_text(json.dumps(said))
    with pytest.raises(BadInputError, match="not a safetensors file"):
        read_weights(path, said["sha256"])
    spec = parse_model(f"{family}:{path}")
    with pytest.raises(BadInputError):
        load_potential(spec.adapter, spec.card, device="cpu", options=dict(spec.options))
    assert not marker.exists()


def test_a_header_of_safetensors_that_claims_more_than_there_is(tmp_path):
    path = put(tmp_path, "huge.safetensors", (2**62).to_bytes(8, "little") + b"{}")
    with pytest.raises(BadInputError, match="not a safetensors file"):
        read_weights(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (pickle.dumps(os.getcwd), "not valid JSON"),
        (b"[" * 200_000, "nested too deeply"),
        (b'"' + b"x" * (17 << 20), "larger than 16 MiB"),
        (json.dumps(facts(title="\x1b]0;owned\x07")).encode(), "title is not printable"),
        (json.dumps(facts(licence=["MIT"])).encode(), "Expected `str`, got `array` - at `"),
        (json.dumps(facts(checkpoint_=1)).encode(), "invalid card"),
    ],
    ids=["pickle", "deep", "large", "terminal", "type", "field"],
)
def test_strange_cards(content, message, tmp_path):
    path = put(tmp_path, "own.safetensors", b"")
    path.with_suffix(".json").write_bytes(content)
    with pytest.raises(BadInputError, match=message):
        checkpoint_card(path, "f", 1)


def test_a_card_cannot_point_elsewhere(tmp_path):
    path = put(tmp_path, "own.safetensors", b"")
    path.with_suffix(".json").write_text(json.dumps(facts(checkpoint="/etc/passwd", sha256="1" * 64)))
    found = checkpoint_card(path, "f", 1)
    assert (found.checkpoint, found.sha256) == (str(path.resolve()), "0" * 64)


# -- suites and the store ----------------------------------------------------------------------------------------


def objects(path, **arrays):
    """An npz with pickled objects in it."""
    np.savez(path, **{name: np.array([value], dtype=object) for name, value in arrays.items()})


def test_suites(evil, marker, tmp_path):
    with pytest.raises(BadInputError):
        read_suite(put(tmp_path, "suite.npz", evil))
    path = tmp_path / "objects.npz"
    objects(path, manifest=Evil(marker), positions=Evil(marker))
    assert not marker.exists()
    with pytest.raises(BadInputError):
        read_suite(path)
    with zipfile.ZipFile(tmp_path / "bare.npz", "w") as archive:
        archive.writestr("manifest.npy", evil)
    with pytest.raises(BadInputError):
        read_suite(tmp_path / "bare.npz")
    assert not marker.exists()


def test_the_store(evil, marker, tmp_path):
    """Not even with the right hash, which whoever can write there can make, is anything unpickled."""
    shelf = Shelf(tmp_path)
    objects(tmp_path / "objects.npz", energy=Evil(marker), __facts__=Evil(marker))
    for name, content in {
        "scans-objects.npz": (tmp_path / "objects.npz").read_bytes(),
        "scans-bare.npz": evil,
        "model.json": evil,
        "state-bare.npz": evil,
    }.items():
        put(tmp_path, name, b"bsct-zoo " + hashlib.sha256(content).hexdigest().encode() + b"\n" + content)
    assert shelf.read("scans", "objects") is None and shelf.read("scans", "bare") is None
    assert shelf.read_info() is None and shelf.read_state("bare") is None
    assert not marker.exists()


def test_nothing_of_ours_lets_numpy_unpickle():
    root = Path(__file__).parents[2]
    sources = [
        path for folder in ("bsct_zoo", "adapters", "suites", "training") for path in root.rglob(f"{folder}/**/*.py")
    ]
    assert len(sources) > 50
    for path in sources:
        if "tests" not in path.parts:
            assert "allow_pickle=True" not in path.read_text(), path
