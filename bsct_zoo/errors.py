"""The project's errors: each says what is wrong and what to do."""

from __future__ import annotations


def shortened(text: str, length: int = 160) -> str:
    """``text`` in one line of at most ``length`` characters; the whole of it is shown with ``--debug``."""
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"


class BsctZooError(Exception):
    """Base of all errors that a user can mend."""


class BadInputError(BsctZooError):
    """The request cannot be carried out as it stands (exit code 2)."""


class UnknownNameError(BadInputError):
    """A name that nothing is registered under; names the nearest ones."""

    def __init__(self, what: str, name: str, known: list[str]) -> None:
        from difflib import get_close_matches

        near = get_close_matches(name, known, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(sorted(known)) or 'none'}"
        super().__init__(f"unknown {what} '{name}'; {hint}")


class ModelError(BsctZooError):
    """A model could not be loaded or failed while computing: it costs its own row, nothing else.

    Attributes:
        log_tail: last lines that the model's process printed, for ``--debug``.
    """

    def __init__(self, message: str, log_tail: str = "") -> None:
        super().__init__(message)
        self.log_tail = log_tail


class UnknownElementError(ModelError):
    """A system holds an element that the model was not made for: the scan fails, others stand."""


class OutOfMemoryError(ModelError):
    """A batch did not fit; the caller halves it and goes on."""


class EnvironmentBuildError(ModelError):
    """The environment of a model could not be made."""


class UntrustedFileError(BadInputError):
    """An unverified file that can run code was given without ``--trust``."""


class DamagedFileError(BadInputError):
    """A file is not what was written: it is to be made or fetched again."""

    def __init__(self, path: object, why: str = "its hash is not that of its content") -> None:
        super().__init__(f"{path} is damaged: {why}")
        self.why = why


class DownloadError(BadInputError):
    """A file could not be had from its address, or is not the one that was expected."""


class MissingWeightsError(BadInputError):
    """The weights of a model are not on this machine; the message says how to get them."""
