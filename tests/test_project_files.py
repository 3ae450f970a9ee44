"""Files of the project that agree with each other: versions, workflows and what they run."""

import re
from pathlib import Path

import pytest

import bsct_zoo
from bsct_zoo.analysis.verified import unsupported
from bsct_zoo.evaluation.results import read_results

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))


def test_one_version():
    assert f"\nversion: {bsct_zoo.__version__}\n" in (ROOT / "CITATION.cff").read_text()
    assert re.search(rf"^## {re.escape(bsct_zoo.__version__)}\b", (ROOT / "CHANGELOG.md").read_text(), re.M)


@pytest.mark.parametrize(
    "path", [*WORKFLOWS, *(ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml")], ids=lambda p: p.name
)
def test_a_file_of_github_is_yaml(path):
    yaml = pytest.importorskip("yaml")
    content = yaml.safe_load(path.read_text())
    if path in WORKFLOWS:
        assert content["permissions"] == {"contents": "read"}  # more is given job by job
        for job in content["jobs"].values():
            assert job["timeout-minutes"] <= 180
            for step in job["steps"]:
                assert ("uses" in step) != ("run" in step)
                assert "${{" not in step.get("run", "")  # texts of strangers are variables, never script
    elif "body" in content:
        assert len({part["id"] for part in content["body"]}) == len(content["body"])


@pytest.mark.parametrize("path", sorted((ROOT / "leaderboard" / "results").glob("*.json")), ids=lambda p: p.stem)
def test_our_results_follow_from_their_records(path):
    results = read_results(path)
    assert list(unsupported(results)) == []
    assert results.command and results.date and path.stat().st_size < 1_000_000
    assert not any(record.curves for row in results.rows for e in row.evaluations.values() for record in e.records)
