"""JSON Schema of what ``correlate --json`` writes."""

from __future__ import annotations

from typing import Any


def _object(required: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": required, "required": list(required), "additionalProperties": False}


_TEXT = {"type": "string"}
_LINES = {"type": "array", "items": _TEXT}
_MAYBE = {"type": ["number", "null"]}
_ENDS = {"type": ["array", "null"], "items": {"type": "number"}, "minItems": 2, "maxItems": 2}

ESTIMATE = _object(
    {
        "name": _TEXT,
        "n_models": {"type": "integer", "minimum": 0},
        "value": {"type": ["number", "null"], "minimum": -1, "maximum": 1},
        "over_models": _ENDS,
        "over_molecules": _ENDS,
    }
)
METRIC = _object(
    {
        "metric": _TEXT,
        "unit": _TEXT,
        "source": _TEXT,
        "over": _TEXT,
        "items": _TEXT,
        "values": {"type": "array", "items": {"anyOf": [{"type": "number"}, {"const": "failed"}]}},
        "seconds": {"type": "array", "items": _MAYBE},
    }
)
PAIR = _object(
    {"x": METRIC, "y": METRIC, "models": _LINES, "estimates": {"type": "array", "items": ESTIMATE}, "notes": _LINES}
)
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "bsct-zoo correlation, schema 1",
    **_object(
        {
            "schema": {"const": 1},
            "kind": {"const": "correlation"},
            "bsct_zoo": _TEXT,
            "files": {"type": "array", "items": _object({"name": _TEXT, "sha256": _TEXT})},
            "settings": {"type": "object"},
            "pairs": {"type": "array", "items": PAIR},
        }
    ),
}
