"""JSON Schema of what ``compare --json`` writes."""

from __future__ import annotations

from typing import Any

_NUMBER_OR_NULL = {"type": ["number", "null"]}
_METRICS = {"type": "object", "additionalProperties": _NUMBER_OR_NULL}


def _object(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": False,
    }


_TEXT = {"type": "string"}
_TEXT_OR_NULL = {"type": ["string", "null"]}
_COUNT = {"type": "integer", "minimum": 0}

SCAN = _object({"id": _TEXT, "status": {"enum": ["ok", "failed"]}, "message": _TEXT, "metrics": _METRICS})

RUN = _object(
    {"system": _TEXT, "seed": {"type": ["integer", "null"]}, "status": {"enum": ["ok", "failed"]}, "message": _TEXT}
    | {"values": _METRICS}
)

CHECKED = _object(  # what a check found of a model
    {
        "device": _TEXT,
        "dtype": _TEXT,
        "status": {"enum": ["ok", "partial", "failed"]},
        "message": _TEXT,
        "seconds": {"type": "number", "minimum": 0},
        "ns_per_day": _NUMBER_OR_NULL,
        "n_runs": _COUNT,
        "n_failed": _COUNT,
        "values": _METRICS,
        "runs": {"type": "array", "items": RUN},
    }
)

CHECK = _object(  # what was asked for of all models
    {
        "units": {"type": "object", "additionalProperties": _TEXT},
        "columns": {"type": "object"},
        "settings": {"type": "object"},
    }
)

ROW = _object(
    {
        "model": _TEXT,
        "card": _TEXT,
        "checkpoint_sha256": _TEXT_OR_NULL,
        "level_of_theory": _TEXT,
        "device": _TEXT,
        "dtype": {"enum": ["float32", "float64"]},
        "versions": {"type": "object", "additionalProperties": _TEXT},
        "status": {"enum": ["ok", "partial", "failed"]},
        "message": _TEXT,
        "seconds": {"type": "number", "minimum": 0},
        "n_scans": _COUNT,
        "n_failed": _COUNT,
        "metrics": _METRICS,
        "counts": {"type": "object", "additionalProperties": _COUNT},
        "scans": {"type": "array", "items": SCAN},
    },
    {
        "licence": _TEXT,
        "elements": {"type": ["array", "null"], "items": _TEXT},
        "forces": {"enum": ["gradient", "direct", ""]},
        "parameters": {"type": ["integer", "null"], "minimum": 0},
        "notes": {"type": "array", "items": _TEXT},
        "checks": {"type": "object", "additionalProperties": CHECKED},
    },
)

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "bsct-zoo comparison, schema 1",
    **_object(
        {
            "schema": {"const": 1},
            "bsct_zoo": _TEXT,
            "suite": _object(
                {"name": _TEXT, "sha256": _TEXT, "level_of_theory": _TEXT_OR_NULL, "n_scans": _COUNT},
                {"flagged": {"type": "array", "items": _TEXT}},
            ),
            "machine": {"type": "object"},
            "settings": {"type": "object"},
            "rows": {"type": "array", "items": ROW},
        },
        {"checks": {"type": "object", "additionalProperties": CHECK}},
    ),
}
