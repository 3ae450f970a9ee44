"""Run a family's own fetcher in this interpreter, or in its environment through a worker."""

from __future__ import annotations

from pathlib import Path

from bsct_zoo.plugins.cards import Adapter, ModelCard, import_path
from bsct_zoo.runtime.guard import wrap_error
from bsct_zoo.runtime.host import WorkerHost
from bsct_zoo.runtime.place import ready_place
from bsct_zoo.runtime.protocol import ProtocolError, WorkerMessage
from bsct_zoo.runtime.uv_tool import OnEvent


def run_fetcher(adapter: Adapter, card: ModelCard, folder: Path, on_event: OnEvent | None = None) -> Path:
    """Path of the file that ``adapter.fetcher`` left in ``folder``; builds the environment if it is missing.

    Raises:
        BadInputError: the user must do something, such as setting a token.
        EnvironmentBuildError: its environment cannot be built.
        ModelError: it failed.
    """
    assert adapter.fetcher is not None
    place = ready_place(adapter, on_event)
    if place.kind == "here":
        try:
            return Path(import_path(adapter.fetcher)(card, folder))
        except (Exception, SystemExit) as error:
            failure = wrap_error(error)
        raise failure
    request = {"fetcher": adapter.fetcher, "card": card.to_json(), "folder": str(folder)}
    with WorkerHost(place.python, adapter.fetcher, network=True, variables=adapter.fetcher_variables) as host:
        answer = host.ask(WorkerMessage("fetch", request), timeout=None)  # a large file on a slow connection
    path = answer.fields.get("path")
    if not isinstance(path, str):
        raise ProtocolError("the worker does not report what it downloaded", host.log_tail)
    return Path(path)
