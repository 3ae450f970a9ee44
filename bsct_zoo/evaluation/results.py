"""Results, schema 2: declared once, written as JSON, validated on reading; ``docs/json.md`` describes it.

msgspec declares it: importing it takes a fraction of the time of pydantic, and every start would pay it.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from bsct_zoo import notebook
from bsct_zoo.errors import BadInputError
from bsct_zoo.files import why_no_json
from bsct_zoo.metrics.catalogue import METRICS
from bsct_zoo.metrics.columns import Column
from bsct_zoo.plugins.tasks import Dtype, Quantity, Status

SCHEMA = 2
Count = Annotated[int, msgspec.Meta(ge=0)]
Seconds = Annotated[float, msgspec.Meta(ge=0)]
Numbers = dict[str, float | None]


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One item judged with one model.

    Attributes:
        id: of the item, unique within its task.
        group: to gather by, such as a bond type.
        status: "ok", "partial" or "failed".
        message: why it is not "ok"; empty otherwise.
        metrics: value of each metric; None where there is none.
        missing: metrics without a value by the reason.
        seed: of the item's random numbers; None where there are none.
        charge: total charge in e that was used.
        multiplicity: 2S+1 that was used.
        pbc: periodic directions that were used.
        constraints: those that were honoured.
        notes: what a reader must know.
        quantities: the numbers behind the metrics, where an item has many.
        curves: what the answer looks like, by name, as ``curves.encode`` writes it; the task says over what.
        answer: where the store keeps the whole answer, below its folder; empty if it does not.
    """

    id: str
    group: str = ""
    status: Status
    message: str = ""
    metrics: Numbers
    missing: dict[str, list[str]] = {}
    seed: int | None = None
    charge: int = 0
    multiplicity: Annotated[int, msgspec.Meta(ge=1)] = 1
    pbc: tuple[bool, bool, bool] = (False, False, False)
    constraints: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    quantities: tuple[Quantity, ...] = ()
    curves: dict[str, str] = {}
    answer: str = ""

    def _repr_html_(self) -> str:
        import numpy as np  # late: reading a file needs none

        about = [("group", self.group), ("status", self.status), ("why", self.message), *self.metrics.items()]
        html = notebook.facts(self.id, [(name, f"{x:.4g}" if isinstance(x, float) else x) for name, x in about])
        rows = [[q.kind, q.name, f"{q.value:.4g}", q.unit] for q in self.quantities]
        html += notebook.table(["quantity", "name", "value", "unit"], rows) if rows else ""
        for name, text in self.curves.items():
            values = np.frombuffer(b64decode(text), "<f4").tolist()
            html += notebook.curve(range(len(values)), values, f"{name}, by frame") if name != "time" else ""
        return html


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """One model under one task.

    Attributes:
        status: "ok", "partial" (some items failed) or "failed" (all did, or the model never came up).
        message: why; one line.
        seconds: the model's own time, whether spent now or before.
        device: "cpu", "cuda:0".
        dtype: "float32" or "float64".
        versions: of the packages that made the numbers.
        threads, batch_atoms: of the CPU that answers were computed on, and how many atoms filled a batch there, each
            number once; they decide the last digits. Empty where a GPU computed, or a version that did not say.
        notes: what a reader must know of the model under this task.
        values: a number for each column; None where no record has the metric.
        counts: over how many records (quantities) each value is.
        records: one by one.
    """

    status: Status
    message: str = ""
    seconds: Seconds = 0.0
    device: str = ""
    dtype: Dtype = "float64"
    versions: dict[str, str] = {}
    threads: tuple[Annotated[int, msgspec.Meta(ge=1, le=4096)], ...] = ()
    batch_atoms: tuple[Annotated[int, msgspec.Meta(ge=1, le=10**9)], ...] = ()
    notes: tuple[str, ...] = ()
    values: Numbers = {}
    counts: dict[str, Count] = {}
    records: tuple[Record, ...] = ()

    @property
    def n_failed(self) -> int:
        """Records without an answer."""
        return sum(record.status == "failed" for record in self.records)


class ModelResult(msgspec.Struct, frozen=True, kw_only=True):
    """One model under every task.

    Attributes:
        model: as the user named it, or the label that they gave it.
        card: name of the model card.
        checkpoint_sha256: of the weights; None if the model has no file of its own.
        level_of_theory: what the model imitates.
        licence: of the weights.
        elements: symbols that it knows, empty if it takes any; None if it did not say.
        conservative: whether forces are the energy's gradient; None if it did not say.
        parameters: how many numbers were trained; None if unknown.
        evaluations: by name of the task.
        named: as the user named it, where ``model`` is a label; else empty.
    """

    model: str
    card: str
    checkpoint_sha256: str | None
    level_of_theory: str
    licence: str = ""
    elements: tuple[str, ...] | None = None
    conservative: bool | None = None
    parameters: Count | None = None
    evaluations: dict[str, Evaluation]
    named: str = ""

    @property
    def status(self) -> Status:
        """Of all tasks together."""
        statuses = {evaluation.status for evaluation in self.evaluations.values()}
        return statuses.pop() if len(statuses) == 1 else "partial"


class TaskInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked of every model.

    Attributes:
        name: unique within the results.
        kind: "scans", "md", "properties", or a plugin's own.
        title: one line.
        noun: what an item is called.
        n_items: how many were asked for.
        columns: of values, with unit, direction and aggregation.
        headline: columns that a table shows by default.
        settings: what the user asked for.
        level_of_theory: of the reference; None without one.
        sha256: of the file that holds the items; empty if none does.
        flagged: ids of items whose reference is itself at fault.
        elements: symbols that any item holds; None if unknown.
        curves: by id of the item, what all models' curves stand over and against: "coordinate", and the reference's.
    """

    name: str
    kind: str
    title: str
    noun: str = "item"
    n_items: Count
    columns: tuple[Column, ...]
    headline: tuple[str, ...] = ()
    settings: dict[str, Any] = {}
    level_of_theory: str | None = None
    sha256: str = ""
    flagged: tuple[str, ...] = ()
    elements: tuple[str, ...] | None = None
    curves: dict[str, dict[str, str]] = {}

    @property
    def counted(self) -> str:
        """How many items, as in "6 of 56 scans" where a suite was cut."""
        whole = self.settings.get("of")
        of = f" of {whole}" if isinstance(whole, int) and whole > self.n_items else ""
        return f"{self.n_items}{of} {self.noun}{'s' * (self.n_items != 1 or bool(of))}"

    def column(self, name: str) -> Column | None:
        """The column called ``name``; None if there is none."""
        return next((column for column in self.columns if column.name == name), None)


class Results(msgspec.Struct, frozen=True, kw_only=True, rename={"schema_version": "schema"}, dict=True):
    """Models under tasks.

    Attributes:
        schema_version: of this file; ``schema`` in JSON.
        bsct_zoo: version that made it.
        machine: what it ran on.
        settings: what the user asked for of the run.
        tasks: what was asked of every model; the first one names its columns plainly, others with a prefix.
        rows: one for each model.
        reference: the model that errors of properties are taken against; None without one.
        command: words of the command line that decide the numbers, for ``bsct-zoo rerun``; empty if made in Python.
        date: when it was made, UTC, as in "2026-11-29T14:05:00Z"; empty in files of versions that did not say.
    """

    schema_version: Literal[2] = 2
    bsct_zoo: str
    machine: dict[str, Any]
    settings: dict[str, Any]
    tasks: tuple[TaskInfo, ...]
    rows: tuple[ModelResult, ...]
    reference: ModelResult | None = None
    command: tuple[str, ...] = ()
    date: Annotated[str, msgspec.Meta(pattern=r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)?$")] = ""

    def task(self, name: str) -> TaskInfo:
        """The task called ``name``.

        Raises:
            KeyError: there is none.
        """
        for task in self.tasks:
            if task.name == name:
                return task
        raise KeyError(name)

    @cached_property
    def columns(self) -> Mapping[str, tuple[TaskInfo, Column]]:
        """Every column by the name that it has in this file, with its task; see ``column_names``."""
        return dict(column_names(self.tasks))

    def value(self, row: ModelResult, name: str) -> float | None:
        """Value of the column called ``name`` in ``row``; None if there is none."""
        place = self.columns.get(name)
        if place is None or place[0].name not in row.evaluations:
            return None
        return row.evaluations[place[0].name].values.get(place[1].name)

    @property
    def all_rows(self) -> tuple[ModelResult, ...]:
        """Those of the models, and that of the reference if there is one."""
        return (*self.rows, *(() if self.reference is None else (self.reference,)))

    def rows_under(self, task: TaskInfo) -> list[tuple[ModelResult, Evaluation]]:
        """The models that were put under ``task``, each with its evaluation."""
        return [(row, row.evaluations[task.name]) for row in self.rows if task.name in row.evaluations]

    def to_json(self) -> dict[str, Any]:
        """As in the JSON schema."""
        data: dict[str, Any] = msgspec.to_builtins(self)
        return data


def column_names(tasks: tuple[TaskInfo, ...]) -> Iterator[tuple[str, tuple[TaskInfo, Column]]]:
    """Names of columns among ``tasks``: with the name of their task in front, as in "nve_drift", "torsions_fsd_full".

    Those of the first suite and of properties have their plain names too: "fsd_full", "frequency_mae".
    """
    plain = [next((task for task in tasks if task.kind == kind), None) for kind in ("scans", "properties")]
    for task in tasks:
        for column in task.columns:
            if any(task is one for one in plain):
                yield column.name, (task, column)
            yield f"{task.name.replace('-', '_')}_{column.name}", (task, column)


# -- JSON --------------------------------------------------------------------------------------------------------


def json_text(results: Any, ascii_only: bool = False) -> str:
    """JSON of what has a ``to_json``; NaN is refused. ``ascii_only`` where the encoding is not ours to choose."""
    return json.dumps(results.to_json(), indent=1, ensure_ascii=ascii_only, allow_nan=False) + "\n"


def without_curves(results: Results) -> Results:
    """``results`` with every number, and without curves and places in a store."""
    bare = lambda record: msgspec.structs.replace(record, curves={}, answer="")  # noqa: E731

    def row(one: ModelResult) -> ModelResult:
        evaluations = {
            name: msgspec.structs.replace(evaluation, records=tuple(map(bare, evaluation.records)))
            for name, evaluation in one.evaluations.items()
        }
        return msgspec.structs.replace(one, evaluations=evaluations)

    return msgspec.structs.replace(
        results,
        tasks=tuple(msgspec.structs.replace(task, curves={}) for task in results.tasks),
        rows=tuple(map(row, results.rows)),
        reference=None if results.reference is None else row(results.reference),
    )


def json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of ``Results``."""
    schema = msgspec.json.schema(Results)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "bsct-zoo results, schema 2", **schema}


def read_results(path: Path) -> Results:
    """The results that are kept in ``path``, of schema 2 or 1.

    Raises:
        BadInputError: the file is missing, not JSON, or not results; names the field at fault.
    """
    from bsct_zoo.evaluation.schema1 import results_of_schema_1

    try:
        content = path.read_bytes()
        data = msgspec.json.decode(content)
    except OSError as error:
        raise BadInputError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # of JSON, and of the encoding
        raise BadInputError(
            f"{path} is not JSON ({why_no_json(content, error)}); write it with: bsct-zoo compare ... --json FILE"
        ) from error
    version = data.get("schema") if isinstance(data, dict) else None
    try:
        if version == 1:
            return _consistent(results_of_schema_1(data))
        if version != SCHEMA:
            raise BadInputError(
                f"{path} has {'no schema' if version is None else f'schema {version}'}; this bsct-zoo reads what "
                f"--json of compare, md and properties writes, schema 1 and {SCHEMA}"
            )
        return _consistent(msgspec.convert(data, Results))
    except msgspec.ValidationError as error:
        raise BadInputError(f"{path} is not results of schema {version}: {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise BadInputError(f"{path} is not results of schema {version}: {what}") from error


def _consistent(results: Results) -> Results:
    """``results``, if their parts agree.

    Raises:
        ValueError: a task or an item is there twice, an evaluation is of no task, or a mean is outside what it is of.
    """
    tasks = {task.name: task for task in results.tasks}
    if len(tasks) < len(results.tasks):
        raise ValueError("two tasks have one name - at `$.tasks`")
    for number, task in enumerate(results.tasks):
        names = [column.name for column in task.columns]
        if len(set(names)) < len(names) or not set(task.headline) <= set(names):
            raise ValueError(f"columns and headline do not agree - at `$.tasks[{number}]`")
    rows = [(f"$.rows[{place}]", row) for place, row in enumerate(results.rows)]
    for where, row in [*rows, *([] if results.reference is None else [("$.reference", results.reference)])]:
        for name, evaluation in row.evaluations.items():
            place = f"at `{where}.evaluations.{name}`"
            if name not in tasks:
                raise ValueError(f"there is no task '{name}' - {place}")
            if len({record.id for record in evaluation.records}) < len(evaluation.records):
                raise ValueError(f"two records have one id - {place}.records")
            for column in tasks[name].columns:
                _refuse_impossible(column, evaluation, place)
    return results


def _refuse_impossible(column: Column, evaluation: Evaluation, place: str) -> None:
    """Raise where the value of ``column`` is none that its records can have, or is of more records than there are."""
    value = evaluation.values.get(column.name)
    of = [x for record in evaluation.records if (x := record.metrics.get(column.of)) is not None]
    if value is None or not of or column.over not in ("mean", "median", "median_abs", "max_abs", "max", "min"):
        return
    of = [abs(x) for x in of] if column.over.endswith("_abs") else of
    low, high = min(of), max(of)
    slack = 1e-6 * max(abs(low), abs(high))
    if not low - slack <= value <= high + slack:
        text = f"{column.name} is {value:g}, the {column.over} of numbers from {low:g} to {high:g}"
        raise ValueError(f"{text} - {place}.values")
    if evaluation.counts.get(column.name, 0) > len(evaluation.records):
        raise ValueError(f"{column.name} is over more records than there are - {place}.counts")


def scan_columns() -> tuple[Column, ...]:
    """The columns of every task of scans."""
    return tuple(METRICS.values())
