"""Folders of frames: what is in them, and that they come out the same however they are made."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from ase import Atoms
from ase.io import write

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.atoms.charge_spin import lowest_spin
from bsct_zoo.cli.main import main
from bsct_zoo.errors import BadInputError
from bsct_zoo.evaluation.events import Message
from bsct_zoo.evaluation.reference import open_reference
from bsct_zoo.runtime.load import load_potential
from bsct_zoo.training.data import SPLITS, read_training_data
from bsct_zoo.training.making.make import make
from bsct_zoo.training.making.recipe import KINDS

from .conftest import FEW, FEW_OPTIONS, LABELS, MOLECULES

COMMAND = [sys.executable, "-m", "bsct_zoo", "data", "make"]


def opened(reference):
    """The reference, loaded; it is closed at the end of the block."""
    spec = reference.spec
    return load_potential(spec.adapter, spec.card, device="cpu", options=dict(spec.options))


def content(folder):
    return {split: (folder / f"{split}.npz").read_bytes() for split in SPLITS}


def run(*words, cwd):
    env = os.environ | {"COLUMNS": "160"}
    return subprocess.run([*COMMAND, *map(str, words)], cwd=cwd, env=env, capture_output=True, text=True, check=False)


def test_every_kind_of_frame_is_there_and_trainers_can_read_it(folder):
    data = read_training_data(folder)
    assert data.kinds == KINDS and data.level_of_theory == "GFN2-xTB (Te=3000 K)"
    train = {kind: int((data.train.kind == k).sum()) for k, kind in enumerate(KINDS)}
    assert train["md"] == train["rattle"] == train["mode"] == train["dimer"] == train["near"] == 2 * 3
    assert train["bond"] == 2 * 3 + 2 + 2  # two of each molecule, two at C-F and two at C-N
    manifest = json.loads((folder / "manifest.json").read_text())
    pairs = [entry["name"] for entry in manifest["molecules"] if entry["name"].startswith("diatomic")]
    left_out = manifest["left_out"]  # those that the suite of pairs has
    assert left_out["diatomic C-O"] == "it is in the suite dimers" and len(pairs) + len(left_out) == 5 * 6 // 2
    assert 0 < train["diatomic"] <= 3 * len(pairs)
    assert sum(train.values()) == len(data.train) == manifest["counts"]["train"]["frames"]
    assert set(data.valid.atomic_numbers) == {1, 7} and set(data.test.atomic_numbers) == {1, 6}


def test_frames_near_the_minimum_have_a_bond_a_little_changed(folder):
    data = read_training_data(folder).train
    fluoride = [
        k
        for k in np.flatnonzero(data.kind == KINDS.index("near"))
        if 9 in data.atomic_numbers[data.first[k] : data.first[k + 1]]
    ]
    forces = [np.linalg.norm(data.forces[data.first[k] : data.first[k + 1]], axis=1).max() for k in fluoride]
    assert len(fluoride) == 2 and min(forces) > 0.1 and max(forces) < 8  # 6 % of a bond: 2 to 5 eV/Å
    assert np.ptp(data.energy[fluoride]) < 0.5


def test_frames_tell_their_molecule_and_dimers_stay_within_a_split(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    for split in SPLITS:
        with np.load(folder / f"{split}.npz") as arrays:
            assert {manifest["molecules"][k]["split"] for k in arrays["molecule"]} == {split}
    with np.load(folder / "test.npz") as arrays:  # methane has no partner but itself
        cuts = np.split(arrays["atomic_numbers"], np.cumsum(arrays["n_atoms"])[:-1])
        dimers = [z for z, kind in zip(cuts, arrays["kind"], strict=True) if KINDS[kind] == "dimer"]
        assert dimers and all((z == 6).sum() == 2 for z in dimers)


def test_labels_are_the_reference_and_forces_the_slope_of_the_energy(folder, reference):
    """Central differences along a random direction, for a frame of every kind."""
    data, rng = read_training_data(folder).train, np.random.default_rng(0)
    first = data.first
    with opened(reference) as potential:
        for kind in range(len(KINDS)):
            k = int(rng.choice(np.flatnonzero(data.kind == kind)))
            atoms = slice(first[k], first[k + 1])
            z, x, forces = data.atomic_numbers[atoms], data.positions[atoms], data.forces[atoms]
            along = rng.normal(size=x.shape)
            along /= np.linalg.norm(along)
            step = 1e-3
            systems = [Atoms(z, x + s * along) for s in (0, step, -step, 2 * step, -2 * step)]
            for system in systems:
                system.info["spin"] = lowest_spin(z, 0)
            there, *e = potential.compute(AtomsBatch.from_atoms(systems)).energy.tolist()
            assert there == pytest.approx(data.energy[k], abs=1e-9)
            slope = (8 * (e[0] - e[1]) - (e[2] - e[3])) / (12 * step)
            assert slope == pytest.approx(-(forces * along).sum(), rel=1e-4, abs=1e-4)


def test_workers_do_not_matter_and_the_seed_does(folder, smiles_file, reference, tmp_path):
    two = make(tmp_path / "two", [smiles_file], reference, FEW, workers=2)
    assert content(tmp_path / "two") == content(folder) and two.known == 0
    again = make(tmp_path / "two", [smiles_file], reference, FEW)
    assert again.known == len(again.manifest["molecules"]) and content(tmp_path / "two") == content(folder)
    few = replace(FEW, seed=1, md=0, bond=0, heavy_bond=0, dimer=0, diatomic=0, near=0)
    make(tmp_path / "two", [smiles_file], reference, few)
    other, base = read_training_data(tmp_path / "two").train, read_training_data(folder).train
    rattled = other.kind == KINDS.index("rattle")
    assert rattled.sum() == 6 and not np.isin(other.energy[rattled], base.energy).any()


def test_a_killed_run_goes_on_to_the_same_frames(folder, smiles_file, tmp_path):
    words = ["made", "--from", smiles_file, "--reference", LABELS, "--workers", "1", *FEW_OPTIONS]
    # The fixture's dynamics is shorter than the command can ask for, so this test has a whole run of its own.
    whole = run("whole", *words[1:], cwd=tmp_path)
    assert whole.returncode == 0, whole.stderr
    process = subprocess.Popen([*COMMAND, *map(str, words)], cwd=tmp_path, stderr=subprocess.DEVNULL)
    parts = tmp_path / "made" / "parts"
    deadline = time.monotonic() + 120
    while len(list(parts.glob("*/frames-*"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "made" / "manifest.json").exists()
    next(parts.glob("*/minima-*")).write_bytes(b"what a broken disk leaves")
    kept = {path: path.stat().st_mtime_ns for path in parts.glob("*/frames-*.npz")}
    assert len(kept) >= 2
    second = run(*words, cwd=tmp_path)
    assert second.returncode == 0, second.stderr
    assert all(path.stat().st_mtime_ns == when for path, when in kept.items())
    assert content(tmp_path / "made") == content(tmp_path / "whole")


def test_molecules_of_a_suite_are_left_out_with_a_line_that_says_which(tmp_path):
    file = tmp_path / "some.smi"
    file.write_text(MOLECULES + "NC=O train\n")  # formamide, which ``core`` has
    done = run("out", "--from", file, "--reference", LABELS, *FEW_OPTIONS, "--workers", "2", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "left out: NC=O: it is in the suite core" in done.stderr
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["left_out"]["NC=O"] == "it is in the suite core"
    assert "NC=O" not in {entry["name"] for entry in manifest["molecules"]}


def test_any_ase_calculator_labels_crystals_and_cells_come_along(tmp_path):
    from ase.build import bulk

    file = tmp_path / "metals.xyz"
    alloy = bulk("Cu", a=3.8, cubic=True)  # fcc with one, two and three of four atoms exchanged
    alloys = [alloy.copy() for _ in range(3)]
    for k, atoms in enumerate(alloys):
        atoms.numbers[: k + 1] = 79
    write(file, alloys)
    emt = open_reference("ase:ase.calculators.emt.EMT")
    make(tmp_path / "out", [file], emt, replace(FEW, md=3))
    data = read_training_data(tmp_path / "out")
    frames = [data.train, data.valid, *([] if data.test is None else [data.test])]
    assert sum(map(len, frames)) == 3 * (3 + 2) and all(f.pbc.all() and (f.cell != 0).any() for f in frames)
    batch, energy, forces = data.train.batch([0, len(data.train) - 1], dtype=torch.float64)
    with opened(emt) as potential:
        found = potential.compute(batch)
    assert torch.allclose(found.energy, energy, atol=1e-9) and torch.allclose(found.forces, forces, atol=1e-9)


def test_ions_state_their_charge(tmp_path, reference):
    file = tmp_path / "ions.smi"
    file.write_text("[NH4+] train\nO train\n[NH2-] valid\n")
    make(tmp_path / "out", [file], reference, replace(FEW, md=0, bond=0, heavy_bond=0, dimer=0))
    data = read_training_data(tmp_path / "out")
    assert set(data.train.charge.tolist()) == {0, 1} and set(data.valid.charge.tolist()) == {-1}


def test_a_molecule_that_falls_apart_is_left_out(tmp_path, reference):
    whole, broken = tmp_path / "whole.smi", tmp_path / "broken.xyz"
    whole.write_text("O train\nOO valid\n")
    write(broken, Atoms("He2", [[0, 0, 0], [0, 0, 0.6]]))
    events = []
    recipe = replace(FEW, md=0, dimer=0, diatomic=0)
    made = make(tmp_path / "out", [whole, broken], reference, recipe, listen=events.append)
    assert made.manifest["left_out"] == {"He2-1": "it comes apart while it relaxes"}
    assert [event.text for event in events if isinstance(event, Message)] == [
        "left out: He2-1: it comes apart while it relaxes"
    ]
    assert [entry["name"] for entry in made.manifest["molecules"]] == ["O", "OO"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--frames", "bonds=3"], "unknown kind of frames 'bonds'; did you mean bond or heavy-bond?"),
        (["--frames", "md"], "--frames md is not a kind and a number"),
        (["--frames", "md=-1"], "is not a kind and a number"),
        (["--temperatures", "hot"], "--temperatures hot are not numbers"),
        (["--temperatures", "-3"], "temperatures must be from above 0 to 5000 K"),
        (["--reference", "none"], "--reference none gives no labels"),
        (["--reference", "xbt"], "unknown model 'xbt'; did you mean xtb"),
        (["--from", "nowhere.smi"], "there is no file nowhere.smi"),
        (["--from", "suite.smi"], "no molecule is left"),
        (["--from", "one.smi"], "no molecule can be spared to validate with"),
        (["--from", "broken.smi", "--strict"], "line 2: 'C(' is not a SMILES"),
        (["--from", "foreign.smi"], "N is marked 'valid', but no training molecule has N; mark one 'train'"),
    ],
)
def test_bad_input_is_one_line(options, said, tmp_path, smiles_file, monkeypatch, capsys):
    (tmp_path / "suite.smi").write_text("NC=O\nCNC(C)=O\n")
    (tmp_path / "one.smi").write_text("O\n")
    (tmp_path / "broken.smi").write_text("O\nC(\n")
    (tmp_path / "foreign.smi").write_text("O train\nN valid\n")
    source = [] if "--from" in options else ["--from", str(smiles_file)]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["bsct-zoo", "data", "make", "out", *source, *options])
    with pytest.raises(SystemExit) as ended:
        main()
    lines = capsys.readouterr().err.strip().splitlines()
    assert ended.value.code == 2 and said in lines[-1]
    assert len([line for line in lines if not line.startswith("left out: ")]) == 1


def test_an_element_that_the_reference_does_not_know(tmp_path):
    file = tmp_path / "some.smi"
    file.write_text("O train\n[SiH4] train\nOO valid\n")
    with pytest.raises(BadInputError, match=r"the reference does not know Si, which \[SiH4\] has"):
        make(tmp_path / "out", [file], open_reference("transformer"), FEW)
