"""Results of schema 1, which bsct-zoo 0.1 wrote in three dialects, as results of schema 2."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from bsct_zoo.evaluation.results import Evaluation, ModelResult, Record, Results, TaskInfo, scan_columns
from bsct_zoo.metrics.columns import Column
from bsct_zoo.plugins.tasks import Quantity

_OVER = {"median size": "median_abs", "largest size": "max_abs", "highest": "max", "lowest": "min"}
_METRICS = {"hottest": "max_temperature"}
_SETTINGS = {"step_fs": "dt_fs"}


def results_of_schema_1(data: Mapping[str, Any]) -> Results:
    """What ``compare``, ``md`` or ``properties`` of 0.1 wrote.

    Raises:
        KeyError, TypeError, ValueError, AttributeError, msgspec.ValidationError: it is none.
    """
    readers = {None: _comparison, "md": _md, "properties": _properties}
    kind = data.get("kind")
    if kind not in readers:
        raise ValueError(f"kind '{kind}' is not one of compare, md, properties")
    parts = readers[kind](data)
    head = {"bsct_zoo": data["bsct_zoo"], "machine": data["machine"], "settings": data.get("settings", {})}
    return msgspec.convert({**head, **parts}, Results, from_attributes=True)


def _comparison(data: Mapping[str, Any]) -> dict[str, Any]:
    suite = data["suite"]
    scans = TaskInfo(
        name=str(suite["name"]),
        kind="scans",
        title=str(suite["name"]),
        noun="scan",
        n_items=suite["n_scans"],
        columns=scan_columns(),
        level_of_theory=suite["level_of_theory"],
        sha256=str(suite["sha256"]),
        flagged=tuple(suite.get("flagged", ())),
    )
    checks = [_check_info(name, about, data["rows"]) for name, about in data.get("checks", {}).items()]
    rows = []
    for row in data["rows"]:
        evaluations = {scans.name: _evaluation(row, row["metrics"], _scan_records(row), row.get("counts", {}))}
        for name, part in row.get("checks", {}).items():
            evaluations[name] = _md_evaluation({**part, "versions": row["versions"]})
        rows.append(_row(row, evaluations))
    return {"tasks": (scans, *checks), "rows": rows}


def _scan_records(row: Mapping[str, Any]) -> Iterator[Record]:
    for scan in row["scans"]:
        yield Record(
            id=str(scan["id"]),
            group=str(scan["id"]).rpartition("/")[0],
            status=scan["status"],
            message=str(scan["message"]),
            metrics=dict(scan["metrics"]),
        )


def _md(data: Mapping[str, Any]) -> dict[str, Any]:
    name = str(data["check"])
    rows = [_row(row, {name: _md_evaluation(row)}) for row in data["rows"]]
    return {"tasks": (_check_info(name, data, data["rows"]),), "rows": rows}


def _check_info(name: str, about: Mapping[str, Any], rows: list[Mapping[str, Any]]) -> TaskInfo:
    units = {_METRICS.get(key, key): unit for key, unit in about["units"].items()}
    columns = [
        Column(
            name=_METRICS.get(key, key),
            title=column.get("title", key),
            unit="" if column["over"] in ("count", "failures") else units.get(_renamed(column["figure"]), ""),
            better=column.get("better", "lower"),
            metric=_renamed(column["figure"]),
            over=_OVER.get(column["over"], column["over"]),
            source="docs/dynamics.md",
        )
        for key, column in about["columns"].items()
    ]
    parts = [row.get("checks", {}).get(name, row) for row in rows]
    settings = {_SETTINGS.get(key, key): value for key, value in about["settings"].items()}
    n_items = max((len(part.get("runs", ())) for part in parts), default=0)
    return TaskInfo(
        name=name, kind="md", title=name, noun="run", n_items=n_items, columns=tuple(columns), settings=settings
    )


def _md_evaluation(row: Mapping[str, Any]) -> Evaluation:
    records = [
        Record(
            id=str(run["system"]) if run["seed"] is None else f"{run['system']} {run['seed']}",
            group=str(run["system"]),
            status=run["status"],
            message=str(run["message"]),
            metrics={_renamed(key): value for key, value in run["values"].items()},
            seed=run["seed"],
        )
        for run in row["runs"]
    ]
    values = {_renamed(key): value for key, value in row["values"].items()} | {"ns_per_day": row["ns_per_day"]}
    return _evaluation(row, values, iter(records), {})


def _properties(data: Mapping[str, Any]) -> dict[str, Any]:
    from bsct_zoo.properties.quantities import property_columns

    systems = max((len(row["systems"]) for row in data["rows"]), default=0)
    info = TaskInfo(
        name="properties",
        kind="properties",
        title="properties",
        noun="system",
        n_items=systems,
        columns=property_columns(),
        settings=dict(data["settings"]),
    )
    reference = data.get("reference")
    return {
        "tasks": (info,),
        "rows": [_row(row, {"properties": _property_evaluation(row)}) for row in data["rows"]],
        "reference": None if reference is None else _row(reference, {"properties": _property_evaluation(reference)}),
    }


def _property_evaluation(row: Mapping[str, Any]) -> Evaluation:
    from bsct_zoo.properties.quantities import metrics_of

    records = []
    for system in row["systems"]:
        quantities = tuple(Quantity(**quantity) for quantity in system["quantities"])
        records.append(
            Record(
                id=str(system["system"]),
                group=system["kind"],
                status=system["status"],
                message=system["message"],
                metrics=metrics_of(quantities, system["imaginary"], system["relaxed"]),
                notes=tuple(system["notes"]),
                quantities=quantities,
            )
        )
    values = {f"{kind}_mae": value for kind, value in row["mean_absolute_errors"].items()}
    values |= {"imaginary": float(row["imaginary"]), "not_relaxed": float(row["not_relaxed"])}
    return _evaluation(row, values, iter(records), {})


def _evaluation(
    row: Mapping[str, Any], values: Mapping[str, float | None], records: Iterator[Record], counts: Mapping[str, int]
) -> Evaluation:
    return Evaluation(
        status=row["status"],
        message=row["message"],
        seconds=row["seconds"],
        device=row["device"],
        dtype=row["dtype"],
        versions=dict(row.get("versions", {})),
        notes=tuple(row.get("notes", ())),
        values=dict(values),
        counts=dict(counts),
        records=tuple(records),
    )


def _row(row: Mapping[str, Any], evaluations: dict[str, Evaluation]) -> ModelResult:
    elements, forces = row.get("elements"), row.get("forces", "")
    return ModelResult(
        model=row["model"],
        card=row["card"],
        checkpoint_sha256=row["checkpoint_sha256"],
        level_of_theory=row["level_of_theory"],
        licence=row.get("licence", ""),
        elements=None if elements is None else tuple(elements),
        conservative=forces == "gradient" if forces else None,
        parameters=row.get("parameters"),
        evaluations=evaluations,
    )


def _renamed(metric: str) -> str:
    return _METRICS.get(metric, metric)
