"""The command line from outside: real processes, a real third-party plugin, a small suite."""

import io
import json
import os
import re
import resource
import subprocess
import sys
import tarfile
from functools import reduce
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from bsct_zoo.cli.main import app
from bsct_zoo.evaluation.results import json_schema
from bsct_zoo.suites.scan import Scan
from bsct_zoo.suites.suite import Suite
from bsct_zoo.suites.suite_file import write_suite

PLUGIN = """
import os, sys
from bsct_zoo import hookimpl
from bsct_zoo.plugins.cards import Adapter, EnvironmentSpec, ModelCard, Option


def adapter(name, requirements=()):
    card = ModelCard("one", "a [red] spring", "a spring", "CC0-1.0", "a textbook", elements=("H", "Ar"))
    other = ModelCard("far", "a spring of another level", "elsewhere", "CC0-1.0", "a textbook", elements=("H", "Ar"))
    option = Option("mode", str, "good", "how to behave")
    return Adapter(name, "springs", "bsct_zoo_spring:load", (card, other), EnvironmentSpec(requirements), (), (option,))


@hookimpl
def register_adapters():
    return [adapter("spring"), adapter("faraway", ("bsct-zoo-no-such-package==1.0",))]


def load(card, device, dtype, mode):
    import torch
    from bsct_zoo.potentials.potential import Potential, PotentialInfo, Prediction, check_elements

    class Spring(Potential):
        info = PotentialInfo(
            elements=frozenset({1, 18}), cutoff=None, dtype=dtype, device=device, conservative=True,
            level_of_theory=card.level_of_theory, licence=card.licence,
        )

        def compute(self, batch):
            check_elements(batch, self.info.elements)
            print("noise of python")
            os.write(1, b"noise of C\\n")
            if mode == "broken":
                raise RuntimeError("it [bold] broke")
            x = batch.positions.double().reshape(-1, 2, 3)
            way = x[:, 1] - x[:, 0]
            length = way.norm(dim=1, keepdim=True)
            force = -30 * (length - 0.8) * way / length
            energy = 15 * (length[:, 0] - 0.8) ** 2
            return Prediction(energy, torch.stack([-force, force], 1).reshape(-1, 3))

    return Spring()
"""


@pytest.fixture(scope="session")
def plugins(tmp_path_factory):
    """A folder with an installed plugin, made by someone else."""
    folder = tmp_path_factory.mktemp("plugins")
    (folder / "bsct_zoo_spring.py").write_text(PLUGIN)
    facts = folder / "bsct_zoo_spring-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: bsct-zoo-spring\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("[bsct_zoo]\nspring = bsct_zoo_spring\n")
    return folder


@pytest.fixture
def run(tmp_path, plugins):
    """Run the command line in a process of its own; its cache and data are kept in the test's folder."""

    def run(*arguments, preexec_fn=None, **variables):
        environment = {
            **os.environ,
            "BSCT_ZOO_CACHE": str(tmp_path / "cache"),
            "BSCT_ZOO_DATA": str(tmp_path / "data"),
            "PYTHONPATH": os.pathsep.join([str(plugins), *filter(None, [os.environ.get("PYTHONPATH")])]),
            "COLUMNS": "80",
            **variables,
        }
        command = [sys.executable, "-m", "bsct_zoo", *map(str, arguments)]
        return subprocess.run(
            command,
            capture_output=True,
            encoding="utf-8",
            timeout=300,
            stdin=subprocess.DEVNULL,
            env=environment,
            preexec_fn=preexec_fn,
        )

    return run


@pytest.fixture
def refused(run):
    """Run what must be refused: exit code 2, one line, nothing on standard output; gives the line."""

    def refused(*arguments, **settings):
        done = run(*arguments, **settings)
        assert done.returncode == 2, (done.stdout, done.stderr)
        assert done.stdout == ""
        lines = done.stderr.strip().splitlines()
        assert len(lines) == 1, done.stderr
        assert lines[0].startswith("error: ")
        return lines[0]

    return refused


def pair(name, z, group="H-H"):
    """A scan of two atoms on a spring."""
    length = np.linspace(0.6, 1.2, 5)
    positions = np.zeros((5, 2, 3))
    positions[:, 1, 0] = length
    forces = np.zeros_like(positions)
    forces[:, 1, 0] = -30 * (length - 0.8)
    forces[:, 0, 0] = -forces[:, 1, 0]
    energy = 15 * (length - 0.8) ** 2
    numbers = np.array([z, z])
    return Scan(f"{group}/{name}", "bond", group, numbers, length, positions, energy, forces, indices=(0, 1))


@pytest.fixture
def suite(tmp_path):
    """Two scans of hydrogen and one of helium, which the spring does not know."""
    path = tmp_path / "small.npz"
    scans = (pair("a", 1), pair("b", 1), pair("c", 2, "He-He"))
    write_suite(path, Suite("small", "for tests", "a spring", "CC0-1.0", "", scans))
    return path


# -- what it does -------------------------------------------------------------------------------------------


def test_help_imports_nothing_heavy(run):
    code = (
        "import sys; sys.argv = ['bsct-zoo', '--help']\n"
        "from bsct_zoo.cli.main import main\n"
        "try: main()\n"
        "except SystemExit as stop: assert not stop.code\n"
        "print([m for m in ('torch', 'ase', 'numpy', 'scipy') if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.strip() == "[]"
    assert "compare" in done.stdout


def test_what_is_kept_is_shown_without_torch_and_scipy(tmp_path, monkeypatch):
    monkeypatch.setenv("BSCT_ZOO_CACHE", str(tmp_path))
    code = (
        "import sys\n"
        "from bsct_zoo.cli.main import main\n"
        "try: main()\n"
        "except SystemExit as stop: assert stop.code in (0, 1)\n"
        "print([m for m in ('torch', 'scipy', 'pandas', 'matplotlib') if m in sys.modules], file=sys.stderr)"
    )
    command = [sys.executable, "-c", code, "compare", "transformer", "--suite", "core", "--limit", "2", "-q"]
    first, second = (subprocess.run(command, capture_output=True, text=True) for _ in range(2))
    assert "'torch'" in first.stderr and second.stderr.strip() == "[]"
    assert "transformer" in first.stdout and first.stdout == second.stdout


def test_the_help_of_every_command_names_its_options_whole_at_80_columns(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    left = [[]]
    while left:
        words = left.pop()
        command = reduce(lambda group, word: group.commands[word], words, typer.main.get_command(app))
        left += [[*words, name] for name in getattr(command, "commands", {})]
        shown = CliRunner().invoke(app, [*words, "--help"], terminal_width=80).stdout
        assert [line for line in shown.splitlines() if "…" in line] == [], words


def test_without_arguments_the_help_is_shown(run):
    done = run()
    assert "Usage" in done.stdout
    assert done.stderr == ""


def test_version(run):
    assert run("--version").stdout.startswith("bsct-zoo ")


def test_a_table_within_80_columns_without_colour(run, suite):
    done = run("compare", "spring", "spring:far", "--suite", suite, "--only", "H-H/*")
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "small: 2 of 3 scans, a spring" in done.stdout
    assert "warning: spring:far: elsewhere; the reference is a spring" in " ".join(done.stdout.split())
    assert "noise" not in done.stdout


def test_only_data_on_standard_output_with_json(run, suite):
    done = run("compare", "spring", "--suite", suite, "--json", "-", "--limit", "2", "--only", "H-H/*")
    data = json.loads(done.stdout)
    jsonschema.validate(data, json_schema())
    assert done.returncode == 0
    assert data["tasks"][0]["settings"] == {"only": "H-H/*", "limit": 2, "seed": 0, "of": 3}


def test_quiet_says_nothing_but_the_result(run, suite):
    first = run("compare", "spring", "--suite", suite, "--only", "H-H/*", "--quiet", "--markdown")
    assert first.stdout.startswith("**small")
    assert [line for line in first.stderr.splitlines() if "noise" not in line] == []


def test_a_report_comes_with_compare_or_from_its_results(run, suite, tmp_path):
    """The same page from the run itself and from its JSON, with the suite's file; without it molecules are missing."""
    first, again, alone = (tmp_path / name for name in ("first.html", "again.html", "alone.html"))
    asked = ("--suite", suite, "--only", "H-H/*", "--quiet", "--html", first, "--json", tmp_path / "r.json")
    assert run("compare", "spring", *asked).returncode == 0
    done = run("report", tmp_path / "r.json", "--suite", suite, "--html", again)
    assert done.returncode == 0 and done.stdout.startswith(f"wrote {again} (2."), done.stderr
    assert first.read_bytes() == again.read_bytes()
    assert run("report", tmp_path / "r.json", "--html", alone).returncode == 0
    assert alone.stat().st_size < first.stat().st_size


def test_explain_lists_the_worst_scans_and_says_where_nothing_decides(run, suite, tmp_path):
    """The spring is its own reference here."""
    done = run("explain", "spring", "--suite", suite, "--only", "H-H/*", "--quiet")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("spring on small: the 2 worst of 2 scans\n")
    done = run("explain", "spring", "H-H/a", "--suite", suite, "--quiet", "--frames", tmp_path / "frames")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1] == "error: no step decides H-H/a, so there are no frames to write"


def test_an_unknown_element_costs_its_scan_and_the_others_stand(run, suite):
    done = run("compare", "spring", "--suite", suite, "--json", "-")
    row = json.loads(done.stdout)["rows"][0]
    assert done.returncode == 1
    evaluation = row["evaluations"]["small"]
    assert evaluation["status"] == "partial"
    assert [record["status"] for record in evaluation["records"]] == ["ok", "ok", "failed"]
    assert evaluation["records"][2]["message"] == "the model does not know He"


def test_a_broken_model_costs_its_row_and_its_words_are_there_with_debug(run, suite):
    arguments = ("compare", "spring@mode=broken", "spring", "--suite", suite, "--only", "H-H/*")
    done = run(*arguments)
    assert done.returncode == 1
    assert "it [bold] broke" in done.stdout
    assert "2/2" in done.stdout
    assert "Traceback" not in done.stderr
    assert "--debug" in done.stderr
    for debug in ((*arguments, "--debug"), ("--debug", *arguments)):
        done = run(*debug)
        assert done.returncode == 1
        assert "last output of spring@mode=broken" in done.stderr
        assert "RuntimeError: it [bold] broke" in done.stderr


def test_files_are_written_and_devices_left_alone(run, suite, tmp_path):
    real = tmp_path / "real.json"
    link = tmp_path / "link.json"
    link.symlink_to(real)
    done = run("compare", "spring", "--suite", suite, "--only", "H-H/a", "--json", link, "--csv", "/dev/null")
    assert done.returncode == 0, done.stderr
    assert "H-H/a" in real.read_text()
    assert link.is_symlink()
    assert not os.path.isfile("/dev/null")  # noqa: PTH113
    assert not list(tmp_path.glob(".*"))


def test_a_full_disk_does_not_cost_the_table(run, suite):
    done = run("compare", "spring", "--suite", suite, "--only", "H-H/a", "--csv", "/dev/full")
    assert done.returncode == 2
    assert "spring" in done.stdout
    assert "error: cannot write /dev/full: No space left on device" in done.stderr


def test_a_full_cache_does_not_cost_the_table(run, suite):
    def no_room():
        resource.setrlimit(resource.RLIMIT_FSIZE, (64, 64))

    done = run("compare", "spring", "--suite", suite, "--only", "H-H/*", preexec_fn=no_room)
    assert done.returncode == 2, done.stderr
    assert "2/2" in done.stdout
    assert done.stderr.strip().splitlines()[-1].startswith("error: answers could not be kept in")


def test_a_read_only_cache_in_which_everything_is_there_is_enough(run, suite, tmp_path):
    command = ("compare", "spring", "--suite", suite, "--only", "H-H/*", "--quiet")
    first = run(*command)
    cache = tmp_path / "cache"
    for path in sorted(cache.rglob("*"), reverse=True):
        path.chmod(0o555 if path.is_dir() else 0o444)
    cache.chmod(0o555)
    before = sorted((path, path.stat().st_mtime_ns) for path in cache.rglob("*"))
    again = run(*command)
    assert again.returncode == 0, again.stderr
    timeless = [re.sub(r"2/2 +\S+", "2/2", shown.stdout) for shown in (first, again)]
    assert timeless[0] == timeless[1]
    assert before == sorted((path, path.stat().st_mtime_ns) for path in cache.rglob("*"))  # root may write all the same
    for path in (cache, *cache.rglob("*")):
        path.chmod(0o755)


def test_a_gate_for_continuous_integration(run, refused, suite, tmp_path):
    baseline = tmp_path / "baseline.json"
    compare = ("compare", "spring", "--suite", suite, "--only", "H-H/*", "--quiet")
    assert run(*compare, "--json", baseline).returncode == 0
    met = run(*compare, "--fail-if", "fsd_full>=0", "--fail-if", "worse", "--against", baseline)
    assert met.returncode == 3
    assert "failed: spring meets 'fsd_full>=0'" in met.stderr
    assert "verdict" in met.stdout
    assert "same" in met.stdout
    assert run(*compare, "--fail-if", "fsd_full<0").returncode == 0
    assert "did you mean fsd_full" in refused(*compare, "--fail-if", "fsd_ful>3")
    assert "worse than what" in refused(*compare, "--fail-if", "worse")
    (tmp_path / "wrong.json").write_text("{}")
    assert "no schema" in refused(*compare, "--against", tmp_path / "wrong.json")
    assert "was made on suite" in refused("compare", "spring", "--against", baseline)
    others = ("compare", "spring", "--suite", suite, "--only", "He-He/*", "--against", baseline)
    assert "has no scan of small in common with this" in refused(*others)
    assert "the baseline has no new; it has spring" in refused(
        "compare", "spring", "new=spring", "--suite", suite, "--fail-if", "worse", "--against", baseline
    )
    empty = json.loads(baseline.read_text()) | {"rows": []}
    (tmp_path / "empty.json").write_text(json.dumps(empty))
    assert "no model in common" in refused(*compare, "--against", tmp_path / "empty.json")


def test_select(run, refused, suite, tmp_path):
    result = tmp_path / "result.json"
    run("compare", "spring", "--suite", suite, "--only", "H-H/*", "--json", result)
    found = run("select", "--from", result, "--require", "elements>=H", "--minimise", "forces_mae_full,seconds")
    assert found.returncode == 0, found.stderr
    assert "1 of 1 models on the Pareto front" in found.stdout
    none = run("select", "--from", result, "--require", "elements>=C")
    assert none.returncode == 1
    assert "excluded: spring, does not meet 'elements>=C'" in none.stdout
    assert "unknown objective" in refused("select", "--from", result, "--minimise", "speed")


def test_lists(run, suite, tmp_path):
    models = run("models", COLUMNS="200").stdout
    assert "spring:far" in models
    assert "H Ar" in models
    assert "[red]" in models
    assert "how to behave" in run("models", "show", "spring").stdout
    assert "core" in run("suites", "list").stdout
    shown = " ".join(run("suites", "show", suite).stdout.split())
    assert "3: H-H 2, He-He 1" in shown
    assert run("suites", "path", "core").stdout.strip().endswith("core.npz")
    doctor = run("doctor")
    assert "bsct-zoo-spring 1.0" in doctor.stdout
    assert doctor.returncode == 0, doctor.stdout


def test_the_list_counts_the_scans_that_are_here(run, suite, tmp_path):
    data = tmp_path / "data"
    (data / "suites").mkdir(parents=True)
    (data / "suites" / "mine.npz").write_bytes(Path(suite).read_bytes())
    (data / "suites" / "bsct-spice.npz").write_bytes(Path(suite).read_bytes()[:100])
    listed = run("suites", "list", BSCT_ZOO_DATA=str(data)).stdout.partition("\n\n")[0]
    lines = {line.split()[0]: line for line in listed.splitlines()}
    assert " 3 " in lines["mine"]
    assert "damaged" in lines["bsct-spice"]


def test_cache_is_shown_and_cleared(run, refused, suite):
    run("compare", "spring", "--suite", suite, "--only", "H-H/*")
    count = int(run("cache", "show").stdout.split()[0])
    if count:  # the plugin is an installed release, so what it says is kept
        assert "say --yes" in refused("cache", "clear")
    assert run("cache", "clear", "--yes").returncode == 0
    assert run("cache", "show").stdout.startswith("0 answers")


def test_completion_knows_models_and_suites(run):
    def complete(words):
        number = len(words.split()) - 1
        return run(_BSCT_ZOO_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=str(number)).stdout.split()

    assert complete("bsct-zoo compare spr") == ["spring", "spring:one", "spring:far"]
    assert complete("bsct-zoo compare spring --suite co") == ["core", "core-dft"]


def test_a_broken_plugin_costs_one_line(run, plugins, tmp_path):
    facts = tmp_path / "bad-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: bad\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("[bsct_zoo]\nbad = no_such_module_at_all\n")
    done = run("models", PYTHONPATH=os.pathsep.join([str(plugins), str(tmp_path)]))
    assert done.returncode == 0
    assert "spring" in done.stdout
    assert [line.startswith("warning: plugin 'bad'") for line in done.stderr.strip().splitlines()] == [True]


# -- bad input ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("compare", "Missing argument 'MODEL'"),
        ("compre xtb", "Did you mean 'compare'?"),
        ("compare sprng", "unknown model 'sprng'; did you mean spring"),
        ("compare spring --suite cor", "unknown suite 'cor'; did you mean core"),
        ("compare spring --suite bsct-spice", "run: bsct-zoo suites import bsct-spice"),
        ("compare spring:fax", "'fax'; did you mean far?"),
        ("compare spring@mod=1", "'mod'; did you mean mode?"),
        ("compare spring@mode", "has no value"),
        ("compare xtb@max_iterations=many", "must be a whole number"),
        ("compare transformer:nowhere.safetensors", "nowhere.safetensors"),
        ("compare mace:nowhere.model", "there is no file nowhere.model"),
        ("compare spring --suite nowhere.npz", "cannot read suite nowhere.npz"),
        ("compare spring --metric fsd_ful", "did you mean fsd_full"),
        ("compare spring --sort fsd_ful", "did you mean fsd_full"),
        ("compare spring --only Q/*", "no scan of suite 'core' matches 'Q/*'"),
        ("compare spring --limit 0", "'--limit'"),
        ("compare spring --jobs 0", "'--jobs'"),
        ("compare spring --max-batch-atoms 0", "'--max-batch-atoms'"),
        ("compare spring --dtype float16", "'float32', 'float64'"),
        ("compare spring --by angle", "'metric', 'bond'"),
        ("compare spring --device cuda:99", "device 'cuda:99' is not here"),
        ("compare spring --device tpu", "device 'tpu' is not here"),
        ("compare spring --json /nowhere/x.json", "there is no folder /nowhere"),
        ("compare spring --csv /", "is a folder"),
        ("compare spring --json - --markdown", "standard output"),
        ("models show sprng", "did you mean spring"),
        ("suites show cor", "did you mean core"),
        ("suites import core", "is shipped"),
        ("suites import bsct-spice nowhere", "no such file or folder: nowhere"),
        ("suites import bsct-spice . --name ../x", "is not a name"),
        ("env path sprng", "did you mean spring"),
    ],
)
def test_bad_requests(refused, arguments, says):
    assert says in refused(*arguments.split())


def test_debug_shows_the_traceback_and_keeps_the_exit_code(run):
    done = run("models", "show", "nope", "--debug")
    assert done.returncode == 2
    assert "Traceback" in done.stderr
    assert done.stderr.strip().splitlines()[-1].startswith("error: unknown model 'nope'")


def test_a_cache_that_cannot_be_written(refused, suite, tmp_path):
    (tmp_path / "file").write_text("")
    line = refused("compare", "spring", "--suite", suite, BSCT_ZOO_CACHE=str(tmp_path / "file" / "cache"))
    assert "cannot write" in line
    assert "BSCT_ZOO_CACHE" in line


def spoilt(path, **changes):
    """The suite at ``path`` with other arrays."""
    with np.load(path) as data:
        arrays = {**{name: data[name] for name in data.files}, **changes}
    np.savez(path, **arrays)


def test_suites_that_are_not_sound(refused, suite):
    whole = suite.read_bytes()
    with np.load(suite) as data:
        positions = data["positions"].copy()
    positions[3, 1] = np.nan
    for spoil, says in (
        (lambda: suite.write_bytes(whole[: len(whole) // 2]), "truncated"),
        (lambda: suite.write_text("{}"), "is not a suite file"),
        (lambda: spoilt(suite, coordinate=np.zeros(3)), "has shape (3,)"),
        (lambda: spoilt(suite, positions=positions), "scan H-H/a: frame 1 has a position that is not finite"),
        (
            lambda: spoilt(suite, manifest=np.frombuffer(b"{wrong", dtype=np.uint8)),
            "its manifest is incomplete or wrong",
        ),
    ):
        suite.write_bytes(whole)
        spoil()
        assert says in refused("compare", "spring", "--suite", suite)


def test_a_checkpoint_with_wrong_json(refused, tmp_path):
    (tmp_path / "x.safetensors").write_bytes(b"x")
    (tmp_path / "x.json").write_text("{wrong")
    assert "x.json is damaged: it is not valid JSON" in refused("compare", f"transformer:{tmp_path / 'x.safetensors'}")


def test_a_file_that_could_run_code_needs_trust(refused, tmp_path):
    (tmp_path / "x.model").write_bytes(b"x")
    assert "--trust" in refused("compare", f"mace:{tmp_path / 'x.model'}")


def test_archives_that_are_not_sound(refused, tmp_path):
    escaping = tmp_path / "escaping.tar.gz"
    with tarfile.open(escaping, "w:gz") as archive:
        member = tarfile.TarInfo("../../C-C/1/atoms_0.xyz")
        member.size = 3
        archive.addfile(member, io.BytesIO(b"1\n\n"))
    assert "escaping.tar.gz" in refused("suites", "import", "bsct-spice", escaping)
    truncated = tmp_path / "truncated.tar.gz"
    truncated.write_bytes(escaping.read_bytes()[:40])
    assert "truncated" in refused("suites", "import", "bsct-spice", truncated)
    assert not list((tmp_path / "data").glob("**/*.npz"))


def test_an_environment_without_network_costs_its_row(run, suite, tmp_path):
    offline = {"UV_OFFLINE": "1", "UV_CACHE_DIR": str(tmp_path / "uv")}
    done = run("compare", "faraway", "spring", "--suite", suite, "--only", "H-H/*", "--json", "-", **offline)
    rows = [row["evaluations"]["small"] for row in json.loads(done.stdout)["rows"]]
    assert done.returncode == 2
    assert [row["status"] for row in rows] == ["failed", "ok"]
    assert "cannot make the environment for 'faraway'" in rows[0]["message"]


def test_a_job_script_does_what_the_command_would(run, refused, suite, plugins, tmp_path):
    words = ("--suite", suite, "--only", "H-H/*", "--dtype", "float64")
    script = run("compare", "spring", "named=spring", *words, "--slurm", "--trust").stdout
    assert "#SBATCH --array=0-1\n" in script
    assert "gpu" not in script
    assert "gpu:1" in run("compare", "spring", "--device", "cuda", "--slurm").stdout
    (tmp_path / "job.sh").write_text(script)
    environment = {
        **os.environ,
        "BSCT_ZOO_CACHE": str(tmp_path / "cache"),
        "PYTHONPATH": os.pathsep.join([str(plugins), *filter(None, [os.environ.get("PYTHONPATH")])]),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "SLURM_ARRAY_TASK_ID": "1",
    }
    done = subprocess.run(["bash", "job.sh"], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    result = json.loads((tmp_path / "results-1.json").read_text())
    assert [row["model"] for row in result["rows"]] == ["named"]
    assert result["command"][-4:] == ["--only", "H-H/*", "--dtype", "float64"]
    assert "did you mean spring" in refused("compare", "sprin", "--slurm")
