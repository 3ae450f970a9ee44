"""Mutated files and texts: every reader answers with a result or with one line of ours, in time and in memory.

A few hundred inputs run with all other tests; 10,000 by ``BSCT_ZOO_FUZZ=10000 pytest tests/fuzz --timeout 7200``.
A mutation replaces, removes or repeats a part of a valid structure, or changes bytes.
"""

from __future__ import annotations

import io
import json
import os
import resource
import signal
import tarfile
import zipfile
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bsct_zoo.errors import BadInputError, BsctZooError

INPUTS = int(os.environ.get("BSCT_ZOO_FUZZ", "320"))
LONGEST_S, LARGEST = 20, 2 << 30
NASTY = [
    *(
        None,
        True,
        False,
        0,
        5,
        -1,
        -3,
        2**31,
        2**63,
        10**30,
        200,
        1e300,
        -0.0,
        0.5,
        "",
        "banana",
        "\x1b[31mred",
        "a\nb",
    ),
    *("=1+1", "../../etc/passwd", "x" * 5000, "ü\u202e", [], {}, [[]], {"a": {}}, [1, "a", None], "nan", "1e999"),
]
RAW = ["NaN", "Infinity", "-Infinity", "1e999", "[" * 100_000, '{"a":' * 50_000, '"\\ud800"', "01", "1" * 5000]


@contextmanager
def bounded():
    """One input: no longer than 20 s, no more than 2 GB beyond what is there."""

    def late(number, frame):
        raise AssertionError(f"longer than {LONGEST_S} s")

    before = signal.signal(signal.SIGALRM, late)
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + LARGEST, hard))
    signal.alarm(LONGEST_S)
    try:
        yield
    except BsctZooError as error:
        text = str(error)
        assert text and len(text) < 20_000 and "internal error" not in text, text
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def places(tree, at=()):
    """Every place in a structure of JSON."""
    yield at
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in list(pairs)[:40]:
        yield from places(value, (*at, key))


@st.composite
def mutated_json(draw, sound):
    """Text of ``sound`` with one to three changes."""
    tree = json.loads(json.dumps(sound))
    raw = None
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.sampled_from(list(places(tree))[:2000]))
        how = draw(st.sampled_from(["replace", "replace", "replace", "remove", "raw", "rename", "repeat"]))
        if not at:
            tree = deepcopy(draw(st.sampled_from(NASTY))) if how == "replace" and draw(st.booleans()) else tree
            continue
        parent = tree
        for key in at[:-1]:
            parent = parent[key]
        key = at[-1]
        if how == "remove":
            del parent[key]
        elif how == "rename" and isinstance(parent, dict):
            parent[draw(st.sampled_from(["banana", "", "__class__", f"{key} "]))] = parent.pop(key)
        elif how == "repeat" and isinstance(parent, list):
            parent.insert(key, parent[key])
        elif how == "raw":
            parent[key], raw = "@raw@", draw(st.sampled_from(RAW))
        else:
            parent[key] = deepcopy(draw(st.sampled_from(NASTY)))
    text = json.dumps(tree)
    return (text if raw is None else text.replace('"@raw@"', raw)).encode()


@st.composite
def mutated_bytes(draw, sound):
    """``sound`` with flips, cuts and pieces put elsewhere."""
    content = bytearray(sound)
    for _ in range(draw(st.integers(1, 6))):
        how = draw(st.sampled_from(["flip", "flip", "cut", "splice", "insert"]))
        at = draw(st.integers(0, max(0, len(content) - 1)))
        if how == "flip" and content:
            content[at] ^= 1 << draw(st.integers(0, 7))
        elif how == "cut":
            del content[at:]
        elif how == "splice":
            end = draw(st.integers(at, min(len(content), at + 200)))
            content[draw(st.integers(0, len(content))) :] += content[at:end]
        else:
            content[at:at] = draw(st.binary(max_size=8) | st.sampled_from([b"9" * 12, b"\0", b"nan", b"\x1b[2J", b"-"]))
    return bytes(content)


@st.composite
def mutated_lines(draw, sound):
    """``sound`` with words of its lines replaced, lines repeated or removed."""
    lines = sound.split("\n")
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(lines) - 1))
        words = lines[at].split(" ")
        new = draw(
            st.sampled_from(["999999999", "-1", "nan", "1e999", "Zz", "X", "", "\x1b[31m", "=", '"', "[", "0", "{}"])
        )
        how = draw(st.sampled_from(["word", "word", "word", "remove", "repeat"]))
        if how == "word":
            words[draw(st.integers(0, len(words) - 1))] = new
            lines[at] = " ".join(words)
        elif how == "remove":
            del lines[at]
        else:
            lines.insert(at, lines[at])
        lines = lines or [""]
    return "\n".join(lines).encode()


# -- what is read, and by whom -------------------------------------------------------------------------------------


def results():
    from made import results, row

    return results(row("a", [1.0, 2.0], failed=(1,)), row("b", [3.0, 4.0])).to_json()


def read_results(folder, content):
    """Read, drawn, written, selected from and compared with itself."""
    from bsct_zoo.analysis.changes import changes
    from bsct_zoo.evaluation.results import read_results
    from bsct_zoo.report.files import csv_text
    from bsct_zoo.report.report import Report

    path = folder / "r.json"
    path.write_bytes(content)
    found = read_results(path)
    report = Report(found)
    repr(report), report._repr_html_(), csv_text(found)
    changes(found, found, [name for name, (task, _) in found.columns.items() if task.kind == "scans"][:2])


def suite(folder):
    from dataclasses import replace

    from bsct_zoo.suites.library import open_suite
    from bsct_zoo.suites.suite_file import write_suite

    core = open_suite("core")
    write_suite(folder / "s.npz", replace(core, scans=core.scans[:2]))
    return (folder / "s.npz").read_bytes()


def read_suite(folder, content):
    from bsct_zoo.evaluation.records import info_of
    from bsct_zoo.evaluation.scan_task import ScanTask
    from bsct_zoo.report.listing import console
    from bsct_zoo.report.suite_tables import curve_text, draw_scans, draw_suite
    from bsct_zoo.suites.building.validate import validate
    from bsct_zoo.suites.suite_file import read_suite

    path = folder / "s.npz"
    path.write_bytes(content)
    found = read_suite(path)
    info_of(ScanTask(found)), validate(found), found._repr_html_()
    draw_suite(found, console()), draw_scans(found.scans, console()), curve_text(found.scans[0])


def with_member(archive, name, content):
    """The zip ``archive`` with one of its arrays exchanged."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            new.writestr(info, content if info.filename == name else old.read(info))
    return buffer.getvalue()


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def card():
    from bsct_zoo.kept import read_json

    folder = Path(__file__).parents[2] / "adapters/transformer/bsct_zoo_transformer/checkpoints"
    return read_json(folder / "small.json", unsealed=True), (folder / "small.safetensors").read_bytes()


def read_checkpoint(folder, content, weights):
    from bsct_zoo_transformer.checkpoint import load
    from bsct_zoo_transformer.files import file_card

    path = folder / "m.safetensors"
    path.write_bytes(weights)
    path.with_suffix(".json").write_bytes(content)
    found = file_card(str(path))
    load(path, found.sha256)


CARDS = """[mine]
calculator = "ase.calculators.emt.EMT"
arguments = { asap_cutoff = false }
elements = ["Al", "Cu"]
requirements = ["numpy>=1.26"]
cutoff = 5.0
parameters = 12
title = "EMT"
licence = "LGPL-2.1"

[mine.cards.other]
level_of_theory = "EMT"
size = 100
"""


def read_cards(folder, content):
    from bsct_zoo.plugins.calculator_cards import adapters_of
    from bsct_zoo.report.listing import console
    from bsct_zoo.report.model_tables import draw_model

    (folder / "models.toml").write_bytes(content)
    for adapter in adapters_of(folder / "models.toml"):
        draw_model(adapter, adapter.cards[0], console())


CONFIG = {
    "data": ["frames"],
    "out": "run",
    "seed": 1,
    "budget": "30m",
    "model": {"width": 96},
    "training": {"lr": 0.01},
}


def read_config(folder, content, suffix="json"):
    from bsct_zoo_transformer.config import TransformerConfig

    from bsct_zoo.training.config import read_config
    from bsct_zoo.training.settings import Optimiser, settings_for

    (folder / f"c.{suffix}").write_bytes(content)
    found = read_config(folder / f"c.{suffix}")
    optimiser, design = settings_for(found.settings, Optimiser, TransformerConfig)
    Optimiser(**{"lr": 1e-3, **optimiser})
    TransformerConfig(**{"elements": (1,), "reference_energies": (-13.0,), **design})


def frames(folder):
    from ase import Atoms

    from bsct_zoo.files import npz_bytes
    from bsct_zoo.training.foreign import flat_arrays

    atoms = Atoms("H2", [[0, 0, 0], [0, 0, 0.74]])
    return npz_bytes(flat_arrays([atoms] * 3, [-1.0, -1.1, -1.2], [np.full((2, 3), 0.1)] * 3))


MANIFEST = {"reference_energies": {"H": -13.6}, "kinds": ["frame"], "settings": {"electronic_temperature": 300}}


def read_frames(folder, manifest, arrays):
    from bsct_zoo.training.data import read_training_data

    (folder / "manifest.json").write_bytes(manifest)
    for split in ("train", "valid"):
        (folder / f"{split}.npz").write_bytes(arrays)
    read_training_data(folder).train.batch([0])


STRUCTURES = {
    "x.extxyz": '2\nProperties=species:S:1:pos:R:3 charge=0 spin=1 pbc="F F F"\nH 0 0 0\nH 0 0 0.74\n',
    "x.xyz": "3\nwater\nO 0 0 0\nH 0 0.76 0.59\nH 0 -0.76 0.59\n",
    "POSCAR": "NaCl\n1.0\n4 0 0\n0 4 0\n0 0 4\nNa Cl\n1 1\nDirect\n0 0 0\n0.5 0.5 0.5\n",
    "x.cif": "data_x\n_cell_length_a 4\n_cell_length_b 4\n_cell_length_c 4\n_cell_angle_alpha 90\n_cell_angle_beta 90\n"
    "_cell_angle_gamma 90\nloop_\n_atom_site_label\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n"
    "Na 0 0 0\nCl 0.5 0.5 0.5\n",
    "x.gen": "2 C\nH\n1 1 0 0 0\n2 1 0 0 0.74\n",
    "x.pdb": "ATOM      1  N   ALA A   1      11.104   6.134  -6.504  1.00  0.00           N  \nEND\n",
    "x.smi": "CCO ethanol\nc1ccccc1 benzene\n",
    "x.sdf": "\n  RDKit          3D\n\n  2  1  0  0  0  0  0  0  0  0999 V2000\n"
    "    0.0000    0.0000    0.0000 H   0  0\n"
    "    0.0000    0.0000    0.7400 H   0  0\n  1  2  1  0\nM  END\n$$$$\n",
}


def read_structures(folder, name, content):
    from bsct_zoo.atoms.sources import read_structures

    (folder / name).write_bytes(content)
    read_structures(folder / name, 0)


def archive(kind, content):
    """An archive of BSCT-SPICE with one member."""
    buffer = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_BZIP2) as made:
            made.writestr("bsct/H-H/1/partition.npz", content)
    else:
        with tarfile.open(fileobj=buffer, mode="w:gz") as made:
            info = tarfile.TarInfo("bsct/H-H/1/partition.npz")
            info.size = len(content)
            made.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def read_archive(folder, content):
    from bsct_zoo_bsct_spice.importer import import_scans

    (folder / "a").write_bytes(content)
    import_scans(folder / "a", "x")


TEXTS = [
    "mace:small@head=omol",
    "transformer:x.safetensors",
    "nve@time=0.5,molecules=CCO+water",
    "fsd_full>50",
    "elements>=H,C",
]


def read_text(text):
    from bsct_zoo.analysis.conditions import parse_condition
    from bsct_zoo.evaluation.tasks import parse_task
    from bsct_zoo.models.naming import named_model
    from bsct_zoo.training.budget import parse_budget

    for parse in (named_model, parse_task, parse_condition, parse_budget):
        with bounded():
            parse(text)


def read_message(content):
    from bsct_zoo.runtime import protocol

    while protocol.read_message(io.BytesIO(content)):
        return


def message():
    from bsct_zoo.runtime.protocol import WorkerMessage, write_message

    buffer = io.BytesIO()
    write_message(buffer, WorkerMessage("compute", {"a": 1}, {"x": np.arange(6.0).reshape(2, 3)}))
    return buffer.getvalue()


# -- the tests: shares of all inputs -------------------------------------------------------------------------------


def fuzz(share):
    """Settings of a test with its share of the inputs."""
    unhealthy = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(
        max_examples=max(1, INPUTS * share // 100),
        deadline=None,
        suppress_health_check=unhealthy,
        database=None,
        derandomize="BSCT_ZOO_FUZZ" not in os.environ,
    )


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


@fuzz(15)
@given(st.data())
def test_results(here, data):
    sound = results()
    content = data.draw(mutated_json(sound) | mutated_bytes(json.dumps(sound).encode()))
    with bounded():
        read_results(here, content)


@fuzz(15)
@given(st.data())
def test_suites(here, data):
    sound = suite(here)
    how = data.draw(st.sampled_from(["bytes", "manifest", "array"]))
    if how == "bytes":
        content = data.draw(mutated_bytes(sound))
    elif how == "manifest":
        with zipfile.ZipFile(io.BytesIO(sound)) as opened:
            manifest = json.loads(np.load(io.BytesIO(opened.read("manifest.npy"))).tobytes())
        text = data.draw(mutated_json(manifest))
        content = with_member(sound, "manifest.npy", npy(np.frombuffer(text, np.uint8)))
    else:
        name = data.draw(st.sampled_from(["atomic_numbers", "coordinate", "positions", "energy", "forces"]))
        with zipfile.ZipFile(io.BytesIO(sound)) as opened:
            array = np.load(io.BytesIO(opened.read(f"{name}.npy"))).copy()
        array.flat[data.draw(st.integers(0, array.size - 1))] = data.draw(st.sampled_from([0, -1, 200, 1e5]))
        if array.dtype.kind == "f":
            array *= data.draw(st.sampled_from([1, 0, np.nan, np.inf, 1e300]))
        content = with_member(sound, f"{name}.npy", npy(array))
    with bounded(), np.errstate(all="ignore"):
        read_suite(here, content)


@fuzz(10)
@given(st.data())
def test_checkpoints(here, data):
    facts, weights = card()
    if data.draw(st.booleans()):
        content = data.draw(mutated_json(facts) | mutated_bytes(json.dumps(facts).encode()))
    else:
        content, weights = json.dumps(facts).encode(), data.draw(mutated_bytes(weights))
    with bounded():
        read_checkpoint(here, content, weights)


@fuzz(10)
@given(
    mutated_lines(CARDS)
    | mutated_bytes(CARDS.encode())
    | st.sampled_from([b"a = " + b"[" * 9999, b"[mine]\ncutoff = nan"])
)
def test_cards_of_calculators(here, content):
    with bounded():
        read_cards(here, content)


@fuzz(10)
@given(st.data())
def test_configurations(here, data):
    suffix = data.draw(st.sampled_from(["json", "json", "yaml", "toml"]))
    toml = 'data = "frames"\nout = "run"\n[model]\nwidth = 96\nk = 16\n[training]\nlr = 0.01\n'
    content = data.draw(mutated_lines(toml) if suffix == "toml" else mutated_json(CONFIG))
    with bounded():
        read_config(here, content, suffix)


@fuzz(10)
@given(st.data())
def test_frames(here, data):
    sound = frames(here)
    if data.draw(st.booleans()):
        manifest, arrays = data.draw(mutated_json(MANIFEST)), sound
    else:
        manifest, arrays = json.dumps(MANIFEST).encode(), data.draw(mutated_bytes(sound))
    with bounded():
        read_frames(here, manifest, arrays)


@fuzz(20)
@given(st.data())
def test_structures(here, data):
    name = data.draw(st.sampled_from(sorted(STRUCTURES)))
    sound = STRUCTURES[name]
    content = data.draw(mutated_lines(sound) | mutated_bytes(sound.encode()))
    with bounded(), np.errstate(all="ignore"):
        read_structures(here, name, content)


@fuzz(4)
@given(st.data())
def test_archives(here, data):
    buffer = io.BytesIO()
    np.savez(buffer, perturb_range=[0.3, 1.2, 3.0], bond_index=[0, 1], labels=[0, 1])
    inner = data.draw(mutated_bytes(buffer.getvalue()) | st.just(buffer.getvalue()))
    content = archive(data.draw(st.sampled_from(["zip", "tar"])), inner)
    with bounded():
        read_archive(here, data.draw(mutated_bytes(content) | st.just(content)))


@fuzz(3)
@given(st.sampled_from(TEXTS).flatmap(mutated_lines) | st.text(max_size=40).map(str.encode))
def test_texts(content):
    read_text(content.decode(errors="replace"))


@fuzz(3)
@given(mutated_bytes(message()))
def test_messages_of_workers(content):
    with bounded():
        read_message(content)


def test_the_harness_sees_what_it_looks_for():
    with pytest.raises(ZeroDivisionError), bounded():
        1 / 0  # noqa: B018
    with pytest.raises((MemoryError, RuntimeError)), bounded():
        torch.ones(3 << 29)  # 6 GB
    with bounded():
        raise BadInputError("one line")
