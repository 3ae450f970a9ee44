"""Run a family's own fetcher where its packages are: here, or in its environment through a worker."""

from __future__ import annotations

from pathlib import Path

from bsct_zoo.plugins.cards import Adapter, ModelCard, import_path
from bsct_zoo.runtime import environment, requirements
from bsct_zoo.runtime.guard import wrap_error
from bsct_zoo.runtime.process import WorkerProcess
from bsct_zoo.runtime.protocol import Message, ProtocolError
from bsct_zoo.runtime.remote import error_of
from bsct_zoo.runtime.uv_tool import OnEvent


def run_fetcher(adapter: Adapter, card: ModelCard, folder: Path, on_event: OnEvent | None = None) -> Path:
    """Path of the file that ``adapter.fetcher`` left in ``folder``; makes the environment if it is not there.

    Raises:
        BadInputError: the fetcher says what the user must mend, such as a token.
        EnvironmentBuildError: its environment cannot be made.
        ModelError: it failed.
    """
    assert adapter.fetcher is not None
    if not requirements.unmet(adapter.environment):
        try:
            return Path(import_path(adapter.fetcher)(card, folder))
        except (Exception, SystemExit) as error:
            failure = wrap_error(error)
        raise failure
    python = environment.build(adapter, on_event).python
    worker = WorkerProcess(python, ("bsct_zoo", adapter.fetcher.partition(":")[0].partition(".")[0]))
    try:
        worker.exchange(None, timeout=600.0)
        request = {"fetcher": adapter.fetcher, "card": card.to_json(), "folder": str(folder)}
        answer = worker.exchange(Message("fetch", request), timeout=None)  # a large file on a slow line
    finally:
        worker.stop()
    if answer.op == "error":
        raise error_of(answer.fields, worker.log_tail)
    path = answer.fields.get("path")
    if answer.op != "result" or not isinstance(path, str):
        raise ProtocolError("the worker does not say what it fetched", worker.log_tail)
    return Path(path)
