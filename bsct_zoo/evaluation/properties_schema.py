"""JSON Schema of what ``bsct-zoo properties --json`` writes."""

from __future__ import annotations

from typing import Any

from bsct_zoo.properties.quantities import TOPICS

_TEXT = {"type": "string"}
_NUMBER = {"type": "number"}
_MAYBE = {"type": ["number", "null"]}
_COUNT = {"type": "integer", "minimum": 0}
_LINES = {"type": "array", "items": _TEXT}
_STATUS = {"enum": ["ok", "partial", "failed"]}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


QUANTITY = _object(
    {
        "kind": {"enum": list(TOPICS)},
        "name": _TEXT,
        "value": _NUMBER,
        "unit": _TEXT,
        "reference": _MAYBE,
        "error": _MAYBE,
        "message": _TEXT,
    }
)
SYSTEM = _object(
    {
        "system": _TEXT,
        "kind": {"enum": ["molecule", "crystal"]},
        "status": _STATUS,
        "relaxed": {"type": "boolean"},
        "imaginary": _COUNT,
        "message": _TEXT,
        "notes": _LINES,
        "quantities": {"type": "array", "items": QUANTITY},
    }
)
ROW = _object(
    {
        "model": _TEXT,
        "card": _TEXT,
        "checkpoint_sha256": {"type": ["string", "null"]},
        "level_of_theory": _TEXT,
        "licence": _TEXT,
        "device": _TEXT,
        "dtype": _TEXT,
        "versions": {"type": "object", "additionalProperties": _TEXT},
        "status": _STATUS,
        "message": _TEXT,
        "seconds": _NUMBER,
        "notes": _LINES,
        "n_systems": _COUNT,
        "not_relaxed": _COUNT,
        "imaginary": _COUNT,
        "mean_absolute_errors": _object(dict.fromkeys(TOPICS, _MAYBE)),
        "systems": {"type": "array", "items": SYSTEM},
    }
)
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "bsct-zoo properties, schema 1",
    **_object(
        {
            "schema": {"const": 1},
            "kind": {"const": "properties"},
            "bsct_zoo": _TEXT,
            "units": {"type": "object", "additionalProperties": _TEXT},
            "settings": {"type": "object"},
            "machine": {"type": "object"},
            "reference": {"anyOf": [ROW, {"type": "null"}]},
            "rows": {"type": "array", "items": ROW},
        }
    ),
}
