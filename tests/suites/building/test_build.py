"""Builds from end to end: what they leave, that they go on after a kill, and frames that have no answer."""

import json
import sys

import numpy as np
import pytest

from bsct_zoo.cli.run import exit_code
from bsct_zoo.errors import BadInputError
from bsct_zoo.evaluation.building import About, build, other_settings
from bsct_zoo.evaluation.engine import evaluate
from bsct_zoo.evaluation.reference import open_reference
from bsct_zoo.evaluation.scan_task import ScanTask
from bsct_zoo.evaluation.settings import Settings
from bsct_zoo.files import exclusive_lock
from bsct_zoo.models.naming import parse_model
from bsct_zoo.suites.building.settings import BuildSettings
from bsct_zoo.suites.library import open_suite
from bsct_zoo.suites.suite_file import read_suite

SPRINGS = "ase:bsct_zoo_test_calculators.Springs"


def made(source, path, reference=None, kind="bond", jobs=1, **settings):
    opened = None if reference is None else open_reference(reference)
    return build(source, path, BuildSettings(kind, **settings), opened, About(path.stem), jobs=jobs)


def test_a_suite_and_its_manifest(ethanol_file, tmp_path):
    built = made(ethanol_file, tmp_path / "mine.npz", SPRINGS, frames=20)
    suite = read_suite(built.path)
    assert [scan.id for scan in suite.scans] == [s.id for s in built.suite.scans]
    assert {scan.group for scan in suite.scans} == {"C-C", "C-O"} and len(
        suite.scans
    ) == 3  # both bonds of the ether are one
    assert all(scan.referenced.all() for scan in suite.scans)
    manifest = json.loads(built.path.with_suffix(".json").read_text())
    assert manifest["sha256"] == suite.sha256
    assert manifest["made_by"]["reference"] == SPRINGS and manifest["made_by"]["versions"]["ase"]
    assert [scan["id"] for scan in manifest["scans"]] == [scan.id for scan in suite.scans]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mine.json", "mine.npz", "two.xyz"]


def test_workers_are_at_it_together_and_their_number_does_not_matter(ethanol_file, tmp_path):
    log = tmp_path / "log"
    slow = made(ethanol_file, tmp_path / "slow.npz", f"{SPRINGS}@pause=0.25,log={log}", frames=20, jobs=2)
    asked = [line.split() for line in log.read_text().splitlines()]
    assert len(asked) == 60
    first, second = ([(float(a), float(b)) for p, a, b in asked if p == pid] for pid in {p for p, _, _ in asked})
    together = sum(max(0.0, min(b, d) - max(a, c)) for a, b in first for c, d in second)
    assert together > 1.0  # seconds in which both computed, of 15 that all frames take
    one = made(ethanol_file, tmp_path / "a" / "x.npz", SPRINGS, frames=20, jobs=1)
    two = made(ethanol_file, tmp_path / "b" / "x.npz", SPRINGS, frames=20, jobs=2)
    assert one.path.read_bytes() == two.path.read_bytes()
    for scan, other in zip(slow.suite.scans, one.suite.scans, strict=True):
        np.testing.assert_array_equal(scan.energy, other.energy)


def test_a_build_that_is_done_is_not_done_again(ethanol_file, tmp_path):
    log = tmp_path / "log"
    reference = f"{SPRINGS}@log={log}"
    made(ethanol_file, tmp_path / "mine.npz", reference, frames=10)
    asked = len(log.read_text().splitlines())
    assert asked == 30
    again = made(ethanol_file, tmp_path / "mine.npz", reference, frames=10)
    assert again.known == 30 and len(log.read_text().splitlines()) == asked
    with pytest.raises(BadInputError, match="made otherwise; give --replace"):
        made(ethanol_file, tmp_path / "mine.npz", reference, frames=11)


@pytest.mark.parametrize("fault", ["die", "fail"])
def test_frames_without_an_answer_cost_themselves(pair_file, tmp_path, fault):
    reference = f"{SPRINGS}@fault={fault},low=1.0,high=1.2"
    built = made(pair_file, tmp_path / "x.npz", reference, frames=40)
    (scan,) = built.suite.scans
    bad = (scan.coordinate > 1.0) & (scan.coordinate < 1.2)
    np.testing.assert_array_equal(scan.referenced, ~bad)
    assert bad.sum() == 3  # 0.0585 Å from frame to frame
    assert [f.kind for f in built.findings] == ["missing"]
    assert scan.notes["flags"] == [f"missing: {built.findings[0].text}"]


def test_a_reference_that_is_not_smooth_is_flagged(pair_file, tmp_path):
    """A state switch of the reference stays with its scan, where whoever judges a model finds it."""
    built = made(pair_file, tmp_path / "x.npz", f"{SPRINGS}@fault=step,low=2.0,high=9.0", frames=60)
    assert [f.kind for f in built.findings] == ["jump"]
    assert built.findings[0].text == "the energy jumps by +50.0 meV at 2.02 Å"
    (again,) = read_suite(built.path).scans
    assert again.notes["flags"] == ["jump: the energy jumps by +50.0 meV at 2.02 Å"]


def test_another_build_of_the_same_suite_is_refused(ethanol_file, tmp_path):
    locked = exclusive_lock(tmp_path / ".x.frames", "is building in", "another name")
    with locked, pytest.raises(BadInputError, match="another process is building in"):
        made(ethanol_file, tmp_path / "x.npz", SPRINGS, frames=10)


def test_a_suite_without_a_reference(ethanol_file, tmp_path):
    built = made(ethanol_file, tmp_path / "x.npz", frames=10)
    assert built.suite.level_of_theory is None
    assert all(scan.energy is None for scan in read_suite(built.path).scans)


def test_what_does_not_converge_is_tried_with_fallback_settings(ethanol_file, tmp_path):
    pytest.importorskip("tblite")
    hasty = made(ethanol_file, tmp_path / "hasty.npz", "xtb@max_iterations=9", frames=10)
    patient = made(ethanol_file, tmp_path / "patient.npz", "xtb", frames=10)
    assert hasty.with_fallback > 0 and patient.with_fallback < hasty.with_fallback
    again = read_suite(hasty.path)
    assert sum(len(scan.notes.get("fallback_frames", ())) for scan in again.scans) == hasty.with_fallback
    assert all(scan.referenced[scan.notes.get("fallback_frames", [])].all() for scan in again.scans)
    for one, other in zip(hasty.suite.scans, patient.suite.scans, strict=True):
        there = one.referenced & other.referenced
        assert there.sum() >= 8
        np.testing.assert_allclose(one.energy[there], other.energy[there], atol=1e-4)


def test_what_fallback_settings_do_not_find_either_is_marked(pair_file, tmp_path):
    """One iteration finds nothing; ten, damped, find the short bonds and not the long ones."""
    pytest.importorskip("tblite")
    built = made(pair_file, tmp_path / "x.npz", "xtb@max_iterations=1", frames=6)
    (scan,) = built.suite.scans
    marked = np.isnan(scan.energy)
    np.testing.assert_array_equal(scan.referenced, ~marked)
    assert np.isnan(scan.forces[marked]).all() and np.isfinite(scan.forces[~marked]).all()
    assert built.with_fallback == (~marked).sum() == 3
    assert [f.text for f in built.findings] == ["3 of 6 frames have no reference, first at 2.13 Å"]


def test_the_reference_finds_again_what_fallback_settings_found(ethanol_file, tmp_path):
    """A row that fails where the reference did not would be held to more than the reference was."""
    pytest.importorskip("tblite")
    built = made(ethanol_file, tmp_path / "hasty.npz", "xtb@max_iterations=9", frames=10)
    assert built.with_fallback > 0 and not built.failures
    results = compared("xtb@max_iterations=9", tmp_path / "hasty.npz")
    evaluation = results.rows[0].evaluations["hasty"]
    assert (evaluation.status, exit_code(results)) == ("ok", 0)
    assert evaluation.values["forces_mae_full"] < 1e-6
    found = sum(int(note.split()[0]) for record in evaluation.records for note in record.notes)
    assert found == built.with_fallback


def test_frames_that_the_reference_lacks_fail_no_row_that_lacks_them_too(pair_file, tmp_path):
    pytest.importorskip("tblite")
    built = made(pair_file, tmp_path / "x.npz", "xtb@max_iterations=1", frames=6)
    (reason,) = built.failures
    assert built.failures[reason] == 3 and reason.startswith("SCF not converged in 10 cycles")
    assert json.loads((tmp_path / "x.json").read_text())["frames_without_answer"] == dict(built.failures)
    results = compared("xtb@max_iterations=1", tmp_path / "x.npz")
    (record,) = results.rows[0].evaluations["x"].records
    assert (record.status, exit_code(results)) == ("ok", 0)
    assert record.metrics["forces_mae_full"] < 1e-6
    assert record.notes[-1] == "3 of 6 frames have an answer neither of the reference nor of the model"
    (whole,) = compared("xtb", tmp_path / "x.npz").rows[0].evaluations["x"].records
    assert whole.status == "ok" and not whole.notes  # it has them all


def test_a_build_whose_every_frame_failed_is_no_suite(pair_file, tmp_path, here):
    """Exit code 1 and the reason, the first time and the second."""
    for _ in range(2):
        words = ("suites", "build", "x", "--from", str(pair_file), "--out", str(tmp_path / "x.npz"), "--frames", "5")
        code, out, err = here(*words, "--reference", f"{SPRINGS}@fault=fail,low=0,high=99", "--jobs", "1")
        assert code == 1 and not out
        assert "error: the reference has no answer for any of 5 frames, so no suite was made: " in err
        assert not (tmp_path / "x.npz").exists()


def test_a_reference_with_other_settings_than_the_shipped_models_wants_theirs():
    """Told from the cards: GFN2-xTB with another electronic temperature is what four of them were trained on."""
    said = other_settings("GFN2-xTB")
    assert "transformer were trained on GFN2-xTB (Te=3000 K), not GFN2-xTB" in said
    assert "--reference xtb@electronic_temperature=3000" in said
    assert other_settings("GFN2-xTB (Te=3000 K)") == other_settings("GFN1-xTB") == other_settings("PBE") == ""


def compared(model, path):
    settings = Settings(use_store=False, dtype="float64")
    return evaluate([parse_model(model)], [ScanTask(open_suite(str(path)))], settings)


def test_a_molecule_that_the_reference_dies_at_is_left_out(tmp_path):
    from ase import Atoms
    from ase.io import write

    write(tmp_path / "two.xyz", [Atoms("C2", [[0, 0, 0], [1.3, 0, 0]]), Atoms("N2", [[0, 0, 0], [1.45, 0, 0]])])
    built = made(
        tmp_path / "two.xyz", tmp_path / "x.npz", f"{SPRINGS}@fault=die,low=1.29,high=1.31", frames=6, relax=True
    )
    assert [scan.group for scan in built.suite.scans] == ["N-N"]
    assert built.left_out == {
        "molecules that did not relax with the reference: worker ended by itself with exit code 9": 1
    }
    with pytest.raises(
        BadInputError, match=r"no molecule is left to scan: .* did not relax with the reference: .* \(2\)"
    ):
        made(tmp_path / "two.xyz", tmp_path / "y.npz", f"{SPRINGS}@fault=die,low=1.0,high=2.0", frames=6, relax=True)


def test_molecules_are_relaxed_with_the_reference_first(tmp_path):
    pytest.importorskip("tblite")
    pytest.importorskip("rdkit")
    (tmp_path / "m.smi").write_text("CO methanol\n")
    built = made(tmp_path / "m.smi", tmp_path / "x.npz", "xtb", frames=60)
    (scan,) = built.suite.scans
    assert scan.notes["smiles"] == "CO"
    e = int(np.argmin(scan.energy))
    _, near = sorted(np.abs(scan.coordinate - 1.42))[:2]
    assert abs(scan.coordinate[e] - 1.42) <= max(near, 0.03)
    assert np.abs(scan.forces[e]).max() < 1.5  # the frame next to the minimum, a fraction of a step away
    assert built.findings == []


@pytest.fixture
def here(monkeypatch, capsys):
    """Run the command line in this process: exit code, standard output, standard error."""
    from bsct_zoo.cli.main import main

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["bsct-zoo", *words])
        monkeypatch.setenv("COLUMNS", "80")
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, *capsys.readouterr()

    return run


# -- the command ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--from", "nowhere.smi"], "there is no file nowhere.smi"),
        (["--scan", "stretch"], "unknown scan 'stretch'"),
        (["--reference", "xtbb"], "unknown model 'xtbb'"),
        (["--reference", "model:"], "needs a name"),
        (["--out", "x.txt"], "must end in .npz"),
        (["--only", "N-N"], "types at hand are C-C"),
        (["--scan", "strain"], "no strain"),
        (["--frames", "2"], "are no scan"),
        (["--device", "tpu"], "device 'tpu'"),
    ],
)
def test_bad_requests_are_one_line_and_exit_code_2(ethanol_file, here, words, message):
    base = {"--from": str(ethanol_file), "--scan": "bond", "--reference": SPRINGS, "--device": "cpu"}
    base |= dict(zip(words[::2], words[1::2], strict=True))
    code, _, said = here("suites", "build", "mine", *(word for pair in base.items() for word in pair))
    assert code == 2 and message in said and "Traceback" not in said
    assert len(said.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "content", "words", "message"),
    [
        ("m.smi", "", (), "m.smi holds no structure"),
        ("m.smi", "CCO\nC1CC(\n", ("--strict",), "m.smi: line 2: 'C1CC(' is not a SMILES"),
        (
            "m.smi",
            "c1ccccc1\n",
            (),
            "bonds in rings: cutting one leaves one fragment, not two (1); types at hand are C-H",
        ),
        ("m.smi", "c1ccccc1\n", ("--smarts", "c:c"), "bonds in rings: cutting one leaves one fragment, not two"),
        ("m.smi", "CCO\n", ("--smarts", "C(-"), "'C(-' is not a SMARTS"),
        ("m.smi", "CCO\n", ("--smarts", "CCO"), "'CCO' has 3 atoms; this scan is of 2"),
        (
            "m.smi",
            "CCO\n",
            ("--only", "N-N"),
            "types at hand are C-C, C-H, C-O, H-O; those with hydrogen need --hydrogens",
        ),
        ("m.smi", "CCO\n", ("--per-type", "0"), "--per-type 0 leaves nothing"),
        ("m.smi", "CCO\n", ("--start", "3"), "--start must be above 0 and below --stop"),
        ("m.xyz", "", (), "cannot read structures from"),
        ("m.xyz", "2\n\nO 0 0 0\nH 0 0 0.09\n", (), "is the file in nm?"),
    ],
)
def test_bad_structures_are_one_line_and_exit_code_2(tmp_path, here, name, content, words, message):
    pytest.importorskip("rdkit")
    (tmp_path / name).write_text(content)
    code, out, said = here("suites", "build", "mine", "--from", str(tmp_path / name), *words)
    assert code == 2 and message in said and out == ""
    assert len(said.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("build", "core", "--from", "{two}"), "the name 'core' is taken by a suite of a plugin"),
        (("build", "a/b", "--from", "{two}"), "'a/b' is not a name"),
        (("build", "mine", "--from", "{two}", "--reference", "ase:no.such.Calculator"), "there is no package 'no'"),
        (("show", "nowhere"), "unknown suite 'nowhere'"),
        (("show", "core", "--scan", "X-X/*"), "no scan of suite 'core' matches 'X-X/*'; groups are C-Br, C-C"),
        (("validate", "nowhere"), "unknown suite 'nowhere'"),
    ],
)
def test_bad_names_are_one_line_and_exit_code_2(ethanol_file, here, words, message):
    code, _, said = here("suites", *(word.format(two=ethanol_file) for word in words))
    assert code == 2 and message in said
    assert len(said.strip().splitlines()) == 1


def test_a_reference_without_crystals_is_not_asked_for_any(tmp_path, here, monkeypatch):
    """It says so once, before anything is computed, and not for every frame."""
    from ase.build import bulk
    from ase.io import write

    write(tmp_path / "si.xyz", bulk("Si"))
    words = ("--from", str(tmp_path / "si.xyz"), "--scan", "strain", "--device", "cpu", "--quiet")
    reference = f"{SPRINGS}@molecules_only=true"
    code, _, said = here("suites", "build", "mine", *words, "--reference", reference, "--out", str(tmp_path / "x.npz"))
    assert code == 2 and "the reference has no answer for Si2-1: " in said and "molecules alone" in said
    assert len(said.strip().splitlines()) == 1


def test_show_tells_what_there_is(ethanol_file, tmp_path, here):
    made(ethanol_file, tmp_path / "mine.npz", frames=20)
    path = str(tmp_path / "mine.npz")
    _, out, _ = here("suites", "show", path)
    facts = dict(line.strip().split(maxsplit=1) for line in out.splitlines() if line and not line.startswith(" "))
    assert facts["frames"] == "60" and facts["reference"] == "none" and "cite" not in facts and "{" not in out
    code, out, _ = here("suites", "show", path, "--ids")
    ids = [line.split()[0] for line in out.splitlines()[1:]]
    assert code == 0 and ids == [scan.id for scan in read_suite(tmp_path / "mine.npz").scans]


def test_show_draws_a_scan_in_80_columns(ethanol_file, tmp_path, here):
    made(ethanol_file, tmp_path / "mine.npz", SPRINGS, frames=20)
    code, out, _ = here("suites", "show", str(tmp_path / "mine.npz"), "--scan", "C-C/*")
    assert code == 0
    lines = out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith("C-C/") and "energy above the minimum, eV" in lines
    assert any("\u2800" < letter <= "\u28ff" for letter in out)


def test_validate_says_what_is_wrong_and_can_flag_it(ethanol_file, tmp_path, here):
    from dataclasses import replace

    from bsct_zoo.suites.suite_file import write_suite

    built = made(ethanol_file, tmp_path / "mine.npz", SPRINGS, frames=60)
    path = str(built.path)
    assert here("suites", "validate", path)[0] == 0
    scans = list(built.suite.scans)
    scans[1] = replace(scans[1], energy=scans[1].energy + 0.3 * (np.arange(60) > 30))
    write_suite(built.path, replace(built.suite, scans=tuple(scans)))
    code, out, _ = here("suites", "validate", path, "--flag")
    assert code == 1 and "jump" in out
    assert [bool(scan.notes.get("flags")) for scan in read_suite(built.path).scans] == [False, True, False]
    assert here("suites", "validate", "core", "--flag")[0] == 2
    code, out, _ = here("compare", SPRINGS, "--suite", path, "--no-cache", "--quiet", "--device", "cpu")
    assert code == 0 and "flagged: 1 of 3 scans have a reference that is itself not smooth" in " ".join(out.split())
