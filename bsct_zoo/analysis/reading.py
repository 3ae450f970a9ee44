"""Several files of results put together: the same models, every metric that any file has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from bsct_zoo.analysis.measures import Measure
from bsct_zoo.analysis.sources import ModelKey, md_measures, property_measures, scan_measures
from bsct_zoo.errors import BadInputError
from bsct_zoo.evaluation.results import Evaluation, Results, TaskInfo, read_results
from bsct_zoo.files import sha256

# Settings that do not make another quantity.
_IGNORED = ("device", "dtype", "max_batch_atoms", "use_cache", "timeout", "of")


@dataclass(frozen=True)
class Collection:
    """What several files say of models.

    Attributes:
        models: how each was called, the shortest name first.
        measures: by name, with values in the order of ``models``.
        files: name and sha256 of each file.
        prefixes: of metrics by task ("nve_") and by suite ("core/"), which may be left out where that is clear.
        notes: what to know of the matching.
    """

    models: tuple[str, ...]
    measures: Mapping[str, Measure]
    files: tuple[tuple[str, str], ...]
    prefixes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def measure(self, name: str) -> Measure:
        """The measure that ``name`` means: its own name, or the part behind the task's or suite's.

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
    """Evaluations of one task in all files."""

    task: TaskInfo
    asked: Mapping[str, Any]
    rows: dict[ModelKey, Evaluation] = field(default_factory=dict)


def collect(paths: Sequence[Path]) -> Collection:
    """Everything that ``paths`` hold; of a model that is in two files under one task, the last counts.

    Raises:
        BadInputError: a file is missing or none of ours, or two hold results that were not made alike.
    """
    names: dict[ModelKey, list[str]] = {}
    tasks: dict[tuple[str, str], _Gathered] = {}
    files = []
    for path in paths:
        results = read_results(path)
        files.append((str(path), sha256(path)))
        for row in results.rows:
            key = ModelKey.of(row.named or row.model, row.card, row.checkpoint_sha256)
            names.setdefault(key, []).append(row.model)
            for name, evaluation in row.evaluations.items():
                _gathered(tasks, results, results.task(name)).rows[key] = evaluation
    keys = list(names)
    suites = [gathered for gathered in tasks.values() if gathered.task.kind == "scans"]
    measures: list[Measure] = []
    for gathered in tasks.values():
        task, rows = gathered.task, [gathered.rows.get(key) for key in keys]
        if task.kind == "scans":
            prefix = f"{task.name}/" if len(suites) > 1 else ""
            measures += scan_measures(task, f"scans {task.sha256} {task.n_items}", rows, prefix)
        elif task.kind == "properties":
            measures += property_measures(task, rows)
        else:
            measures += md_measures(task, rows)
    called = [min(names[key], key=len) for key in keys]
    notes = [
        f"{name} stands for {called.count(name)} models with different weights"
        for name in dict.fromkeys(called)
        if called.count(name) > 1
    ]
    prefixes = [f"{g.task.name}{'/' if g.task.kind == 'scans' else '_'}" for g in tasks.values()]
    known = {measure.name: measure for measure in measures}
    return Collection(tuple(called), known, tuple(files), tuple(prefixes), tuple(notes))


def _gathered(tasks: dict[tuple[str, str], _Gathered], results: Results, task: TaskInfo) -> _Gathered:
    """Where evaluations of ``task`` are gathered: with those of the same scans, or of the same settings.

    Raises:
        BadInputError: the same task was made otherwise in another file.
    """
    if task.kind == "scans":
        return tasks.setdefault((task.name, f"{task.sha256} {task.n_items}"), _Gathered(task, {}))
    asked = _asked(results, task)
    gathered = tasks.setdefault((task.name, ""), _Gathered(task, asked))
    if gathered.asked != asked:
        other = ", ".join(name for name in asked if asked[name] != gathered.asked.get(name))
        raise BadInputError(f"results of '{task.name}' differ in {other}; choose files that were made alike")
    return gathered


def _asked(results: Results, task: TaskInfo) -> dict[str, Any]:
    """What must be the same for evaluations to be compared."""
    if task.kind == "properties":
        truth = results.reference
        return {
            "systems": task.settings.get("systems"),
            "force": task.settings.get("measure", {}).get("max_force"),
            "reference": None if truth is None else [truth.model, truth.checkpoint_sha256],
        }
    return {name: value for name, value in task.settings.items() if name not in _IGNORED}
