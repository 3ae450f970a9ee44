"""Run a training: resume, train, evaluate the errors, and write the card."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bsct_zoo.errors import BadInputError, DamagedFileError, ModelError
from bsct_zoo.evaluation.events import Listener, Message, Progress
from bsct_zoo.evaluation.machine import machine
from bsct_zoo.files import atomic_write, exclusive_lock, sha256
from bsct_zoo.kept import read_json, sealed_json
from bsct_zoo.plugins.cards import Adapter, import_path
from bsct_zoo.plugins.registry import registry
from bsct_zoo.runtime.host import WorkerHost
from bsct_zoo.runtime.load import load_potential
from bsct_zoo.runtime.place import ready_place
from bsct_zoo.runtime.protocol import WorkerMessage
from bsct_zoo.runtime.uv_tool import OnEvent
from bsct_zoo.suites.library import suite_names, suite_path
from bsct_zoo.training.config import config_bytes
from bsct_zoo.training.data import TrainingData, read_training_data
from bsct_zoo.training.errors import Errors, evaluate, rotation_error
from bsct_zoo.training.job import Trained, TrainingJob

_RECORD, _LOG = "run.json", "train.log"


@dataclass(frozen=True)
class Request:
    """A training run as requested by the user.

    Attributes:
        adapter: the family.
        job: what its trainer gets; suites are filled in.
        licence: of the weights, for the card.
        merged: every option, merged from the command line and a file, for the file beside the checkpoint; none is
            written without.
    """

    adapter: Adapter
    job: TrainingJob
    licence: str
    merged: Mapping[str, Any] | None = None

    @property
    def command(self) -> str:
        """The command of the run, without the user's folders."""
        job = self.job
        words = ["bsct-zoo", "train", self.adapter.name, "--data", "DATA", "--out", "OUT"]
        words += ["--budget", f"{job.budget_s:g}", "--seed", str(job.seed), "--dtype", job.dtype]
        words += ["--device", job.device, "--threads", str(job.threads), "--name", job.name]
        for key, value in job.options.items():
            words += ["--set", f"{key}={json.dumps(value) if isinstance(value, bool) else value}"]
        return shlex.join(words)


@dataclass(frozen=True)
class TrainingOutcome:
    """The result of a run: errors are by split; where it is ``repeated`` it was complete, and nothing was trained."""

    trained: Trained
    errors: Mapping[str, Errors]
    repeated: bool


def train(request: Request, listen: Listener) -> TrainingOutcome:
    """Run ``request``, resuming an earlier part of the same run.

    Raises:
        BadInputError: the data or a setting cannot be used, or ``out`` holds another run or is in use.
        EnvironmentBuildError: the trainer's environment cannot be built.
        ModelError: the trainer failed, or its model has no answer.
    """
    job = request.job
    data = read_training_data(job.data)

    def say(text: str) -> None:
        listen(Message(model=request.adapter.name, text=text))

    if not request.adapter.trains_charge and (alike := data.of_one_state()) is not data:
        before, after = (sum(map(len, frames.splits)) for frames in (data, alike))
        say(
            f"{before - after:,} of {before:,} frames are left out: they have another charge or multiplicity than "
            "most, and this model takes neither"
        )
        data, job = alike, replace(job, one_state=True)

    with exclusive_lock(job.out, "is training in", "another --out"):
        new = not (job.out / _RECORD).exists()
        record = _record(request, data)
        trained = _finished(record, job.out)
        repeated = trained is not None
        if trained is None:
            given = replace(job, suites=_suites(), shipped=sorted(registry().suites))
            given = replace(given, data=job.data.resolve(), out=job.out.resolve())
            try:
                trained = _run_trainer(request.adapter, given, listen, say)
            except BadInputError:
                if new:  # it refused a setting: another one may be tried in the same folder
                    (job.out / _RECORD).unlink(missing_ok=True)
                raise
            kept = trained.to_json() | {"checkpoint": trained.checkpoint.name, "sha256": sha256(trained.checkpoint)}
            atomic_write(job.out / _RECORD, sealed_json(record | {"trained": kept}))
        errors, rotation = _errors(request, data, trained, say)
        _finish_card(request, data, trained, errors | ({} if rotation is None else {"rotation": rotation}))
        if request.merged is not None:
            content = config_bytes(request.adapter.name, _from_here(request), job.options)
            atomic_write(trained.checkpoint.with_suffix(".config.json"), content)
    return TrainingOutcome(trained, errors, repeated)


def _suites() -> dict[str, str]:
    """Files of the available suites, by name."""
    files = {}
    for name in suite_names():
        with suppress(BadInputError):  # not imported yet
            files[name] = str(suite_path(name))
    return files


def _run_trainer(adapter: Adapter, job: TrainingJob, listen: Listener, say: OnEvent) -> Trained:
    """Run ``job`` in its own process, whose CPU time is only the trainer's; it ends with this process.

    It runs this interpreter if that meets the requirements for training, or else that of an environment.
    """
    if adapter.trainer is None:
        raise BadInputError(f"'{adapter.name}' has no trainer in bsct-zoo; use your own weights as {adapter.name}:...")
    python = ready_place(adapter, say, extra=adapter.training_requirements).python
    log = job.out / _LOG
    spent_s, cpu_s = None, 0.0  # the trainer's last report, and its CPU time then

    def hear(message: WorkerMessage) -> None:
        nonlocal spent_s, cpu_s
        if message.fields.get("spent_s") is not None:
            spent_s, cpu_s = float(message.fields["spent_s"]), float(message.fields["cpu_s"])
        if spent_s is not None:
            spent = min(spent_s + float(message.fields["cpu_s"]) - cpu_s, job.budget_s)
            listen(Progress(model=adapter.name, done=round(spent), total=round(job.budget_s), unit="CPU s"))
        if message.op == "tell":
            say(str(message.fields["text"]))

    request = WorkerMessage("train", {"trainer": adapter.trainer, "job": job.to_json()})
    try:
        with WorkerHost(
            python, adapter.trainer, module="bsct_zoo.training.child", threads=job.threads, log=log, timeout=None
        ) as host:
            return Trained.from_json(host.ask(request, None, on_message=hear).fields, job.out)
    except ModelError as error:
        raise ModelError(f"{error}; see {log}", error.log_tail) from error


def _errors(
    request: Request, data: TrainingData, trained: Trained, say: OnEvent
) -> tuple[dict[str, Errors], dict[str, float] | None]:
    """Errors of the loaded checkpoint by split, in the precision of its training; that of rotation where it has one."""
    say("evaluating")
    splits = {"valid": data.valid} | ({} if data.test is None else {"test": data.test})
    assert request.adapter.file_card is not None
    with load_potential(
        request.adapter,
        import_path(request.adapter.file_card)(str(trained.checkpoint)),
        device=request.job.device,
        dtype=request.job.dtype,
        options={option.name: option.default for option in request.adapter.options},
        threads=request.job.threads,
        on_event=say,
    ) as potential:
        errors = {split: evaluate(potential, frames, data.kinds) for split, frames in splits.items()}
        return errors, None if potential.info.equivariant else rotation_error(potential, data.test or data.valid)


def _finish_card(request: Request, data: TrainingData, trained: Trained, measured: Mapping[str, Any]) -> None:
    """Write the command, the licence, the training and what was ``measured`` to the card of the checkpoint.

    Raises:
        BadInputError: the checkpoint's JSON is missing or damaged.
    """
    notes = {
        "settings": {**_asked(request.job), **trained.settings},
        "data_sha256": dict(data.sha256),
        **data.origin,
        "frames": {"train": len(data.train), "valid": len(data.valid)},
        "steps": trained.steps,
        "spent_s": round(trained.spent_s, 1),
        "parameters": trained.parameters,
        "machine": machine(request.job.device),  # CPU seconds depend on it
        **measured,
    }
    changes = {
        "source": f"trained by: {request.command}",
        "licence": request.licence,
        "parameters": trained.parameters,
        "states": data.train.states if request.adapter.trains_charge else [],
        "notes": json.loads(json.dumps(notes)),
    }
    beside = trained.checkpoint.with_suffix(".json")
    try:
        content = read_json(beside, unsealed=True)
        content["card"] = {**content["card"], **changes}
    except (OSError, KeyError, TypeError, DamagedFileError) as error:
        raise BadInputError(f"{beside} is missing or damaged; train it again") from error
    atomic_write(beside, sealed_json(content))


def _from_here(request: Request) -> dict[str, Any]:
    """The merged options with paths relative to the folder of the run, which may move together with the data."""
    assert request.merged is not None
    data = [os.path.relpath(path, request.job.out) for path in request.merged["data"]]
    return {**request.merged, "data": data, "out": "."}


def _asked(job: TrainingJob) -> dict[str, Any]:
    """The common part of the request."""
    return {name: getattr(job, name) for name in ("budget_s", "seed", "device", "dtype", "threads")}


# -- records of a run --------------------------------------------------------------------------------------


def _record(request: Request, data: TrainingData) -> dict[str, Any]:
    """The record of the run in ``out``; written now if there is none."""
    asked = {
        "model": request.adapter.name,
        "data_sha256": dict(data.sha256),
        "name": request.job.name,
        **_asked(request.job),
        "options": dict(request.job.options),
    }
    path = request.job.out / _RECORD
    if not path.exists():
        atomic_write(path, sealed_json({"asked": asked}))
        return {"asked": asked}
    try:
        record = read_json(path, unsealed=True)
        before = dict(record["asked"])
    except (OSError, ValueError, KeyError, TypeError, DamagedFileError) as error:
        raise BadInputError(f"{path} is damaged; choose another --out, or remove the folder") from error
    for key, value in asked.items():
        if before.get(key) != value:
            what = "other data" if key == "data_sha256" else f"{key} {before.get(key)}, not {value}"
            raise BadInputError(f"{path.parent} holds a run with {what}; choose another --out, or remove the folder")
    return record


def _finished(record: Mapping[str, Any], out: Path) -> Trained | None:
    """The result of the run in ``out``, if it is complete and its checkpoint unchanged."""
    entry = record.get("trained")
    if not entry:
        return None
    trained = Trained.from_json(entry, out)
    if not trained.checkpoint.exists() or not trained.checkpoint.with_suffix(".json").exists():
        return None
    if sha256(trained.checkpoint) != entry["sha256"]:
        raise BadInputError(f"{trained.checkpoint} was changed since it was trained; choose another --out")
    return trained
