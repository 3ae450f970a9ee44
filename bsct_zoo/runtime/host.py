"""A worker: a process in any interpreter, asked one request at a time through pipes; its errors are raised as ours."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from time import monotonic
from typing import IO, Any

from bsct_zoo import errors
from bsct_zoo.errors import BadInputError, BsctZooError, ModelError
from bsct_zoo.runtime.protocol import EndOfStream, ProtocolError, WorkerMessage, read_message, write_message
from bsct_zoo.runtime.surroundings import worker_environ

_LOG_TAIL = 16 * 1024
_LINGER = 1.0  # seconds between checks that the process is alive
_PIPE_SIZE = 2**20
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
        """Start the ``main`` of ``module`` in ``python`` and wait for its hello, ``timeout`` seconds at most.

        The worker may import bsct-zoo and the package of ``entry`` ("package.module:name") from where they are here.
        Its output is added to the file ``log``, if one is given. Only with ``network`` it has a network, where the
        system can tell; of this process's variables it gets those of ``surroundings.worker_environ`` and those named in
        ``variables``.

        Raises:
            BadInputError: there is no such package.
            ModelError: the worker does not start.
        """
        self._lock = threading.Lock()
        self._dead = ""
        package = entry.partition(":")[0].partition(".")[0]
        places = json.dumps([_place(name) for name in ("bsct_zoo", package)])
        # Threads that spin while they wait are ten times slower when another job uses the cores.
        ours = str(python) == sys.executable
        given = worker_environ(os.environ, ours=ours, network=network, own=variables)
        environ = {"OMP_WAIT_POLICY": "PASSIVE", **given}
        if threads:
            environ |= {name: str(threads) for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
        bootstrap = Path(__file__).with_name("bootstrap.py")
        # Another interpreter sees nothing of this one's settings; a second process of this one sees what this one does.
        isolation = "-P" if ours else "-I"
        try:
            self._process = subprocess.Popen(
                [str(python), isolation, str(bootstrap), places, module, "online" if network else "offline"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                env=environ,
                start_new_session=True,  # the host handles Ctrl-C and can also end the worker's children
            )
        except OSError as error:
            raise ModelError(f"cannot start {python}: {error.strerror}") from error
        pipes = self._process.stdin, self._process.stdout, self._process.stderr
        assert pipes[0] is not None and pipes[1] is not None and pipes[2] is not None
        self._input, self._output = pipes[0].fileno(), pipes[1].fileno()
        for descriptor in (self._input, self._output):
            os.set_blocking(descriptor, False)
            with contextlib.suppress(ImportError, AttributeError, OSError):  # a whole batch fits, where supported
                import fcntl

                fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
        self._deadline = float("inf")
        self._log = bytearray()
        # Nothing of ``self``, which would live as long as the thread: a worker that nobody holds ends.
        self._reader = threading.Thread(target=_drain, args=(pipes[2], self._log, log), daemon=True)
        self._reader.start()
        try:
            self.ask(None, timeout, "hello")
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def log_tail(self) -> str:
        """The last output of the worker."""
        return bytes(self._log).decode(errors="replace")

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
                    answer = self._exchange(request, timeout)
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
        self._stop()
        return ProtocolError(self._dead, self.log_tail)

    def close(self) -> None:
        """End the worker; can be called twice."""
        self._dead = self._dead or "the model was closed"
        self._stop()

    def __enter__(self) -> WorkerHost:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_reader"):
            self._stop()

    # -- one exchange ------------------------------------------------------------------------------------------

    def _exchange(self, request: WorkerMessage | None, timeout: float | None) -> WorkerMessage:
        """Send ``request`` (if any) and wait for the answer; on any failure the process is stopped.

        Raises:
            ModelError: no answer in ``timeout`` seconds, invalid data, or the process died.
        """
        self._deadline = float("inf") if timeout is None else monotonic() + timeout
        try:
            if request is not None:
                write_message(self, request)
            return read_message(self)
        except TimeoutError:
            self._stop()
            raise ModelError(f"no answer in {timeout:g} s, stopped", self.log_tail) from None
        except (EndOfStream, OSError, ProtocolError) as error:
            died = self._settle()
            self._stop()
            if isinstance(error, ProtocolError) and not isinstance(error, EndOfStream) and not died:
                raise ProtocolError(f"the worker sent invalid data, stopped: {error}", self.log_tail) from None
            raise ModelError(died or "worker closed its connection, stopped", self.log_tail) from None
        except BaseException:  # a Ctrl-C in between: the next answer would be the last question's
            self._stop()
            raise

    def _stop(self) -> None:
        """End the process and its children; can be called twice."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL) if self._process.returncode is None else None
        self._process.wait()
        self._reader.join(timeout=1.0)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()

    # -- as a file for messages --------------------------------------------------------------------------

    def readinto(self, buffer: memoryview, /) -> int:
        """Read what is available, waiting until the deadline; 0 at the end.

        Raises:
            TimeoutError: nothing arrived in time.
        """
        while True:
            try:
                return os.readv(self._output, [buffer])
            except BlockingIOError:
                if not self._wait(self._output, select.POLLIN):
                    return 0

    def write(self, data: bytes | memoryview, /) -> int:
        """Write a part of ``data``, waiting until the deadline.

        Raises:
            TimeoutError: the worker did not read in time.
            BrokenPipeError: the process ended.
        """
        while True:
            try:
                return os.write(self._input, data)
            except BlockingIOError:
                if not self._wait(self._input, select.POLLOUT):
                    raise BrokenPipeError from None

    def _wait(self, descriptor: int, event: int) -> bool:
        """Wait for ``event``; False if the process is dead and nothing will come (a child of it may hold the pipe)."""
        poll = select.poll()
        poll.register(descriptor, event)
        while True:
            dead = self._process.poll() is not None
            left = self._deadline - monotonic()
            if poll.poll(0 if dead else max(0.0, min(left, _LINGER)) * 1000):
                return True
            if dead:
                return False
            if left <= 0:
                raise TimeoutError

    def _settle(self) -> str:
        """How the process ended, in words; empty if it has not ended shortly after its last message."""
        try:
            code = self._process.wait(timeout=2.0)
        except subprocess.TimeoutExpired:
            return ""
        self._reader.join(timeout=1.0)
        if code >= 0:
            return f"worker ended by itself with exit code {code}"
        name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
        return f"worker was killed by signal {name}" + (" (out of memory?)" if name == "SIGKILL" else "")


def _drain(output: IO[bytes], tail: bytearray, file: Path | None) -> None:
    """Read ``output`` to its end: the last of it into ``tail``, all of it into ``file`` if there is one."""
    with contextlib.ExitStack() as open_files:
        open_files.enter_context(output)
        kept = open_files.enter_context(file.open("ab", buffering=0)) if file else None
        while chunk := output.read(65536):
            tail += chunk
            del tail[:-_LOG_TAIL]
            if kept is not None:
                kept.write(chunk)


def _place(name: str) -> dict[str, object]:
    """Where the top-level package ``name`` is in this interpreter."""
    try:
        spec = sys.modules[name].__spec__ if name in sys.modules else find_spec(name)
    except (ImportError, ValueError):
        spec = None
    if spec is None:
        raise BadInputError(f"there is no package '{name}' in this interpreter; is its plugin installed?")
    search = spec.submodule_search_locations
    return {
        "name": name,
        "origin": spec.origin if spec.has_location else None,
        "search": None if search is None else [str(path) for path in search],
    }


def error_of(said: Mapping[str, Any], log_tail: str = "") -> BsctZooError:
    """The error that the worker reports; ``log_tail`` is its preceding output."""
    error = _KINDS.get(str(said.get("error")), ModelError)(str(said.get("message", "no message")))
    if isinstance(error, ModelError):
        error.log_tail = "\n".join(filter(None, (log_tail, str(said.get("traceback", "")))))
    return error
