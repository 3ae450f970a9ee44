import csv
import io
import json
import re
from pathlib import Path

import jsonschema
import pytest

from bsct_zoo.evaluation.results import Evaluation, ModelResult, Record, Results, TaskInfo, json_schema, json_text
from bsct_zoo.metrics.catalogue import METRICS
from bsct_zoo.report.files import csv_text

DOCS = Path(__file__).parents[2] / "docs" / "json.md"
SCHEMA = json_schema()


def refuse(name):
    raise AssertionError(f"{name} in JSON")


def test_json_fits_its_schema(everything):
    data = json.loads(json_text(everything), parse_constant=refuse)
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(data, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert data["schema"] == 2 and data["bsct_zoo"] == "0.2.0"
    task = data["tasks"][0]
    assert (task["name"], task["sha256"], task["n_items"]) == ("core", "a" * 64, 18)
    assert {column["name"] for column in task["columns"]} == set(METRICS)
    assert set(data["rows"][0]["evaluations"]["core"]["values"]) == set(METRICS)


def test_what_is_missing_is_null_and_counted(everything):
    transformer = json.loads(json_text(everything))["rows"][1]["evaluations"]["core"]
    assert transformer["values"]["fsd_compress"] is None
    assert transformer["counts"]["fsd_compress"] == 0
    assert transformer["counts"]["fsd_full"] == 18


def test_the_schema_refuses_what_is_not_results(everything):
    good = json.loads(json_text(everything))
    for spoil in (
        lambda data: data.update(schema=1),
        lambda data: data.pop("machine"),
        lambda data: data["rows"][0]["evaluations"]["core"].update(status="fine"),
        lambda data: data["rows"][0]["evaluations"]["core"]["values"].update(fsd_full="1.0"),
        lambda data: data["rows"][0]["evaluations"]["core"]["records"][0].pop("id"),
    ):
        data = json.loads(json.dumps(good))
        spoil(data)
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(data, SCHEMA)


def test_json_refuses_nan(comparison, row):
    with pytest.raises(ValueError, match="JSON"):
        json_text(comparison(row("one", float("nan"))))


def test_json_for_a_terminal_of_any_encoding(comparison, row):
    made = comparison(row("one", level="ωB97M-D3(BJ)"))
    assert json_text(made, ascii_only=True).isascii()
    assert json.loads(json_text(made, ascii_only=True)) == json.loads(json_text(made))


def test_csv_has_a_line_for_each_model_and_record(everything):
    lines = list(csv.DictReader(io.StringIO(csv_text(everything))))
    assert len(lines) == len(everything.rows) * (1 + 18)
    means = [line for line in lines if not line["item"]]
    assert [line["model"] for line in means] == [row.model for row in everything.rows]
    assert float(means[0]["fsd_full"]) == everything.rows[0].evaluations["core"].values["fsd_full"]
    assert means[1]["fsd_compress"] == ""
    assert means[3]["n_failed"] == "3"
    assert means[4]["message"] == "killed | by the kernel"
    assert all(line["task_sha256"] == "a" * 64 and line["versions"] == "torch=2.13.0" for line in lines)
    record = next(line for line in lines if line["item"] == "C-N/1")
    assert float(record["fsd_full"]) == 2 * 0.002345
    assert "nan" not in csv_text(everything).lower()


def test_the_page_names_every_key_and_metric():
    text = re.sub(r"^```.*?^```", "", DOCS.read_text(), flags=re.DOTALL | re.MULTILINE)
    named = set(re.findall(r"`([^`\n]+)`", text))
    keys = {name for kind in (Results, TaskInfo, ModelResult, Evaluation, Record) for name in kind.__struct_fields__}
    assert {"schema" if key == "schema_version" else key for key in keys} <= named
    assert set(METRICS) <= named
