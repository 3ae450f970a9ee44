"""Labels of models, from the command line to columns, results and --against; the CI example that uses one."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from bsct_zoo.errors import BadInputError
from bsct_zoo.models.naming import labelled, named_model, refuse_ambiguous

ROOT = Path(__file__).parents[2]
CHECKPOINTS = ROOT / "adapters/transformer/bsct_zoo_transformer/checkpoints"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("mace", ("", "mace")),
        ("new=mace", ("new", "mace")),
        ("run-3.b+c=transformer:run/a=b.safetensors@x=1", ("run-3.b+c", "transformer:run/a=b.safetensors@x=1")),
        ("transformer:run/a=b.safetensors", ("", "transformer:run/a=b.safetensors")),
        ("xtb@accuracy=0.1", ("", "xtb@accuracy=0.1")),
        ("ase:package.Class@key=value", ("", "ase:package.Class@key=value")),
    ],
)
def test_what_is_a_label(text, parts):
    assert labelled(text) == parts


def test_a_label_without_a_model_and_one_for_two_are_refused():
    with pytest.raises(BadInputError, match="'new=' has a label and no model; write new=NAME"):
        named_model("new=")
    with pytest.raises(BadInputError, match="two models are called 'a'"):
        refuse_ambiguous([named_model("a=xtb"), named_model("a=xtb:gfn1")])
    with pytest.raises(BadInputError, match="two models are called 'xtb'"):
        refuse_ambiguous([named_model("xtb"), named_model("xtb=xtb:gfn1")])
    refuse_ambiguous([named_model("xtb"), named_model("xtb")])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run a command line in a folder, with a cache of its own."""
    cache = tmp_path_factory.mktemp("cache")

    def call(command, folder, **more):
        env = {**os.environ, "BSCT_ZOO_CACHE": str(cache), "COLUMNS": "160", **more}
        shell = f'set -e; bsct-zoo() {{ {sys.executable} -m bsct_zoo "$@"; }}; {command}'
        return subprocess.run(["bash", "-c", shell], cwd=folder, env=env, capture_output=True, text=True, check=False)

    return call


def test_columns_and_changes_are_matched_by_label(run, tmp_path):
    """The file has another name in each run; the label is the same."""
    (tmp_path / "run").mkdir()
    copy("small", tmp_path / "b")
    copy("paper", tmp_path / "run" / "a")
    models = "new=transformer:run/a.safetensors old=transformer:b.safetensors"
    done = run(f"bsct-zoo compare {models} --limit 3 --json r.json", tmp_path)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^new", done.stdout, re.MULTILINE) and re.search(r"^old", done.stdout, re.MULTILINE)
    rows = json.loads((tmp_path / "r.json").read_text())["rows"]
    assert [(row["model"], row["named"]) for row in rows] == [
        ("new", "transformer:run/a.safetensors"),
        ("old", "transformer:b.safetensors"),
    ]
    done = run("bsct-zoo compare old=transformer:run/a.safetensors --limit 3 --against r.json", tmp_path)
    assert done.returncode == 0, done.stderr
    line = next(line for line in done.stdout.splitlines() if re.match(r"old +fsd_full", line))
    before, now = (row["evaluations"]["core"]["values"]["fsd_full"] for row in rows[::-1])
    assert line.split()[2:4] == [f"{before:.3g}", f"{now:.3g}"]


def copy(name, to):
    """A shipped checkpoint under another name."""
    for suffix in (".safetensors", ".json"):
        shutil.copy(CHECKPOINTS / f"{name}{suffix}", to.with_suffix(suffix))


def workflow():
    """The workflow of docs/choosing.md, as YAML has it."""
    text = (ROOT / "docs/choosing.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    return yaml.safe_load(block)["jobs"]["bsct"]["steps"]


def test_the_steps_of_the_ci_example_go_together():
    steps = workflow()
    used = {step["uses"].partition("@")[0] for step in steps if "uses" in step}
    assert used == {f"actions/{name}" for name in ("checkout", "setup-python", "cache", "upload-artifact")}
    cache = next(step["with"] for step in steps if step.get("uses", "").startswith("actions/cache@"))
    assert cache["key"].startswith(cache["restore-keys"]) and "github.run_id" in cache["key"]
    assert cache["path"] == "~/.cache/bsct-zoo"
    place = next(step["with"]["path"] for step in steps if "repository" in step.get("with", {}))
    install, compare = (step["run"] for step in steps if "run" in step)
    assert install == f"pip install ./{place}"
    kept = next(step for step in steps if step.get("uses", "").startswith("actions/upload-artifact@"))
    assert kept["with"]["path"] in compare and kept["if"] == "always()"


def test_the_ci_example_installs_from_a_checkout(tmp_path):
    install = next(step["run"] for step in workflow() if step.get("run", "").startswith("pip"))
    (tmp_path / "bsct-zoo").symlink_to(ROOT)
    command = install.replace("pip install", f"{sys.executable} -m pip install --dry-run --no-deps -q")
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_ci_example_passes_gates_and_keeps_its_result(run, tmp_path):
    """First against itself, then against a baseline that was better by half."""
    copy("small", tmp_path / "model")
    step = next(step["run"] for step in workflow() if "compare" in step.get("run", ""))
    summary = {"GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")}
    base = "bsct-zoo compare my-model=transformer:model.safetensors --suite core --json baseline.json"
    assert run(base, tmp_path).returncode == 0
    done = run(step, tmp_path, **summary)
    assert done.returncode == 0, done.stderr
    assert "| my-model" in (tmp_path / "summary.md").read_text()
    made = json.loads((tmp_path / "baseline.json").read_text())
    core = made["rows"][0]["evaluations"]["core"]
    for part in (core, *core["records"]):
        key = "values" if part is core else "metrics"
        part[key] = {name: None if x is None else x / 2 for name, x in part[key].items()}
    (tmp_path / "baseline.json").write_text(json.dumps(made))
    done = run(step, tmp_path, **summary)
    assert done.returncode == 3 and "failed: my-model is worse than the baseline in fsd_full" in done.stderr
    assert json.loads((tmp_path / "result.json").read_text())["rows"][0]["model"] == "my-model"
