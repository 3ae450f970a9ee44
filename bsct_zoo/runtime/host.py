"""The host's side of a worker: started, greeted, asked one request at a time; its errors are raised as ours."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bsct_zoo import errors
from bsct_zoo.errors import BsctZooError, ModelError
from bsct_zoo.runtime.process import WorkerProcess
from bsct_zoo.runtime.protocol import ProtocolError, WorkerMessage

# Errors that keep their class; any other becomes a ModelError.
_KINDS: dict[str, type[BsctZooError]] = {
    "BadInputError": errors.BadInputError,
    "DownloadError": errors.DownloadError,
    "OutOfMemoryError": errors.OutOfMemoryError,
    "UnknownElementError": errors.UnknownElementError,
    "UnknownNameError": errors.BadInputError,  # its text is made already
    "UntrustedFileError": errors.UntrustedFileError,
}


class WorkerHost:
    """A worker that answers requests until it dies or is closed; from then on every request fails."""

    def __init__(
        self,
        python: str | Path,
        entry: str,
        *,
        module: str = "bsct_zoo.runtime.worker",
        threads: int | None = None,
        log: Path | None = None,
        timeout: float | None = 600.0,
        network: bool = False,
        variables: Sequence[str] = (),
    ) -> None:
        """Start ``module`` in ``python`` and wait for its hello, ``timeout`` seconds at most.

        The worker may import bsct-zoo and the package of ``entry`` ("package.module:name"). Its output is added
        to the file ``log``, if one is given. ``network`` and ``variables``: see ``WorkerProcess``.

        Raises:
            BadInputError: there is no such package.
            ModelError: the worker does not start.
        """
        self._lock = threading.Lock()
        self._dead = ""
        package = entry.partition(":")[0].partition(".")[0]
        self._worker = WorkerProcess(
            python, ("bsct_zoo", package), threads, module=module, log=log, network=network, variables=variables
        )
        try:
            self.ask(None, timeout, "hello")
        except BaseException:
            self.close()
            raise

    @property
    def log_tail(self) -> str:
        """The last output of the worker."""
        return self._worker.log_tail

    @property
    def pid(self) -> int:
        """Process id of the worker."""
        return self._worker.pid

    def ask(
        self,
        request: WorkerMessage | None,
        timeout: float | None,
        expected: str = "result",
        on_message: Callable[[WorkerMessage], None] | None = None,
    ) -> WorkerMessage:
        """The answer of op ``expected``; ``on_message`` gets the messages before it. Each may take ``timeout`` seconds.

        Raises:
            BsctZooError: the error that the worker reports.
            ModelError: the worker died, hung or sent invalid data.
        """
        with self._lock:
            while True:
                if self._dead:
                    raise ModelError(self._dead, self.log_tail)
                try:
                    answer = self._worker.exchange(request, timeout)
                except BaseException as error:
                    self._dead = str(error) if isinstance(error, BsctZooError) else "the worker was stopped"
                    raise
                if answer.op == "error":
                    raise error_of(answer.fields, self.log_tail)
                if answer.op == expected:
                    return answer
                if on_message is None:
                    raise self.nonsense(f"'{answer.op}' where '{expected}' was due")
                on_message(answer)
                request = None

    def nonsense(self, what: str) -> ProtocolError:
        """The error for an invalid answer, which ends the worker."""
        self._dead = f"the worker wrote nonsense, stopped: {what}"
        self._worker.stop()
        return ProtocolError(self._dead, self.log_tail)

    def close(self) -> None:
        """End the worker; can be called twice."""
        self._dead = self._dead or "the model was closed"
        self._worker.stop()

    def __enter__(self) -> WorkerHost:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_worker"):
            self._worker.stop()


def error_of(said: Mapping[str, Any], log_tail: str = "") -> BsctZooError:
    """The error that the worker reports; ``log_tail`` is its preceding output."""
    error = _KINDS.get(str(said.get("error")), ModelError)(str(said.get("message", "no message")))
    if isinstance(error, ModelError):
        error.log_tail = "\n".join(filter(None, (log_tail, str(said.get("traceback", "")))))
    return error
