"""Files of ``compare``, ``md`` and ``properties`` put together: the same models, every metric that any file has."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from bsct_zoo.analysis.measures import Measure
from bsct_zoo.analysis.sources import ModelKey, check_measures, property_measures, scan_measures
from bsct_zoo.errors import BadInputError
from bsct_zoo.evaluation.comparison import Comparison, Row
from bsct_zoo.evaluation.md_results import MDReport, MDRow
from bsct_zoo.evaluation.md_stored import report_from_json
from bsct_zoo.evaluation.stored import comparison_from_json
from bsct_zoo.plugins.checks import Check

_IGNORED = ("device", "dtype", "max_batch_atoms", "use_cache", "timeout")  # settings that do not make another quantity


@dataclass(frozen=True)
class Results:
    """What several files say of models.

    Attributes:
        models: how each was called, the shortest name first.
        measures: by name, with values in the order of ``models``.
        files: name and sha256 of each file.
        prefixes: of metrics by check ("nve_") and by suite ("core/"), which may be left out where that is clear.
        notes: what to know of the matching.
    """

    models: tuple[str, ...]
    measures: Mapping[str, Measure]
    files: tuple[tuple[str, str], ...]
    prefixes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def measure(self, name: str) -> Measure:
        """The measure that ``name`` means: its own name, or the part behind the check's or suite's.

        Raises:
            BadInputError: no file has it, or several have.
        """
        if name in self.measures:
            return self.measures[name]
        full = {f"{name}_mae", *(prefix + name for prefix in self.prefixes)}
        meant = [known for known in self.measures if known in full]
        if len(meant) == 1:
            return self.measures[meant[0]]
        if meant:
            raise BadInputError(f"'{name}' may be {' or '.join(meant)}; write which")
        near = get_close_matches(name, list(self.measures), n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"they have {', '.join(self.measures) or 'none'}"
        raise BadInputError(f"no result has the metric '{name}'; {hint}")


@dataclass
class _Gathered:
    """Rows of all files, by what they are of; lives for one call of ``read_results``."""

    names: dict[ModelKey, list[str]] = field(default_factory=dict)
    suites: dict[tuple[str, str], dict[ModelKey, Row]] = field(default_factory=dict)
    checks: dict[str, tuple[Check, Mapping[str, Any], dict[ModelKey, MDRow]]] = field(default_factory=dict)
    properties: dict[ModelKey, Mapping[str, Any]] = field(default_factory=dict)
    asked: Mapping[str, Any] | None = None
    units: Mapping[str, str] = field(default_factory=dict)

    def key(self, model: str, card: str, checkpoint: str | None) -> ModelKey:
        key = ModelKey.of(model, card, checkpoint)
        self.names.setdefault(key, []).append(model)
        return key

    def add_comparison(self, found: Comparison) -> None:
        suite = self.suites.setdefault((found.suite, f"{found.suite_sha256} {found.n_scans}"), {})
        for row in found.rows:
            key = self.key(row.model, row.card, row.checkpoint_sha256)
            suite[key] = row
            for name, md in row.checks.items():
                self._add_run(found.checks[name], key, md)

    def add_check(self, report: MDReport) -> None:
        for row in report.rows:
            self._add_run(report, self.key(row.model, row.card, row.checkpoint_sha256), row)

    def _add_run(self, report: MDReport, key: ModelKey, row: MDRow) -> None:
        asked = _settings(report.settings)
        check, known, rows = self.checks.setdefault(report.check.name, (report.check, asked, {}))
        if known != asked:
            other = ", ".join(name for name in asked if asked[name] != known.get(name))
            raise BadInputError(f"results of check '{check.name}' differ in {other}; choose files that were made alike")
        rows[key] = row

    def add_properties(self, data: Mapping[str, Any]) -> None:
        measured = data["settings"].get("measure", {})
        truth = data["reference"]
        asked = {
            "systems": data["settings"].get("systems"),
            "force": measured.get("max_force"),
            "reference": None if truth is None else [truth["model"], truth["checkpoint_sha256"]],
        }
        if self.asked is not None and self.asked != asked:
            raise BadInputError("results of 'properties' have other systems or another reference; choose files alike")
        self.asked, self.units = asked, dict(data["units"])
        for row in data["rows"]:
            self.properties[self.key(row["model"], row["card"], row["checkpoint_sha256"])] = row


def read_results(paths: Sequence[Path]) -> Results:
    """Everything that ``paths`` hold; of a model that is in two files of one kind, the last counts.

    Raises:
        BadInputError: a file is missing or none of ours, or two hold results that were not made alike.
    """
    gathered, files = _Gathered(), []
    for path in paths:
        content = _content(path)
        files.append((str(path), hashlib.sha256(content).hexdigest()))
        _add(gathered, path, content)
    keys = list(gathered.names)
    measures: list[Measure] = []
    for (suite, what), rows in gathered.suites.items():
        prefix = f"{suite}/" if len(gathered.suites) > 1 else ""
        measures += scan_measures(suite, f"scans {what}", [rows.get(key) for key in keys], prefix)
    for name, (check, asked, found) in gathered.checks.items():
        measures += check_measures(check, float(asked["time_ps"]), f"md {name}", [found.get(key) for key in keys])
    if gathered.properties:
        measures += property_measures([gathered.properties.get(key) for key in keys], "properties", gathered.units)
    names = [min(gathered.names[key], key=len) for key in keys]
    notes = [
        f"{name} stands for {names.count(name)} models with different weights"
        for name in dict.fromkeys(names)
        if names.count(name) > 1
    ]
    prefixes = [*(f"{name}_" for name in gathered.checks), *(f"{suite}/" for suite, _ in gathered.suites)]
    known = {measure.name: measure for measure in measures}
    return Results(tuple(names), known, tuple(files), tuple(prefixes), tuple(notes))


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInputError(f"cannot read {path}: {error.strerror}") from error


def _add(gathered: _Gathered, path: Path, content: bytes) -> None:
    """File what one file holds.

    Raises:
        BadInputError: it is no result of ours.
    """
    made = "write it with --json of compare, md or properties"
    try:
        data = json.loads(content)
    except ValueError as error:
        raise BadInputError(f"{path} is not JSON ({error}); {made}") from error
    if not isinstance(data, dict) or data.get("schema") != 1:
        raise BadInputError(f"{path} is no result of schema 1; {made}")
    try:
        kind = data.get("kind", "comparison" if "suite" in data else None)
        if kind == "comparison":
            gathered.add_comparison(comparison_from_json(data))
        elif kind == "md":
            gathered.add_check(report_from_json(data))
        elif kind == "properties":
            gathered.add_properties(data)
        else:
            raise BadInputError(f"{path} is of kind '{kind}', which has no models to correlate; {made}")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise BadInputError(f"{path} is damaged: {what}; {made}") from error


def _settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name not in _IGNORED}
