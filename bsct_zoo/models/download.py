"""Download a file on request: resumed after an interruption, verified, complete or absent.

The standard library's client does the transfer, because the usual packages leave resuming to their caller or lack it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from bsct_zoo import __version__
from bsct_zoo.errors import DownloadError
from bsct_zoo.files import sha256 as file_sha256

Tell = Callable[[int, int | None], None]  # gets the number of bytes so far, and the total if known

_CHUNK = 1 << 18
_TIMEOUT = 60.0  # seconds without data
_YES = ("1", "true", "yes", "on")


def refuse_offline(url: str) -> None:
    """Raise if the user forbids network access (``BSCT_ZOO_OFFLINE``, ``HF_HUB_OFFLINE``).

    Raises:
        DownloadError: it is; names ``url``.
    """
    if any(os.environ.get(name, "").lower() in _YES for name in ("BSCT_ZOO_OFFLINE", "HF_HUB_OFFLINE")):
        raise DownloadError(
            f"offline (BSCT_ZOO_OFFLINE or HF_HUB_OFFLINE is set), so {url} was not downloaded; unset it"
        )


def download(
    url: str, path: Path, *, sha256: str | None = None, size: int | None = None, tell: Tell | None = None
) -> str:
    """Download ``url`` (https, http or file) to ``path``, atomically; returns its sha256.

    Partial content is kept beside ``path`` (``.part``) and the next call resumes from there. A transfer that made
    progress before it broke off is retried at once.

    Raises:
        DownloadError: offline, no such address, not the size or sha256 that was expected, no room, a connection that
            broke, or ``http`` for a file whose sha256 is not known.
    """
    from filelock import FileLock

    _refuse(url, sha256)
    tell = tell or (lambda done, total: None)
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock"):  # two processes must not write one part
            if sha256 is not None and path.is_file() and file_sha256(path) == sha256:
                return sha256  # another process downloaded it
            while True:
                before = _length(part)
                try:
                    _transfer(url, part, sha256, size, tell)
                    break
                except _BrokenOffError as broken:
                    if _length(part) <= before:
                        kept = "what came is kept, the same command goes on from there"
                        raise DownloadError(
                            f"cannot download {url}: {broken}" + (f"; {kept}" if _length(part) else "")
                        ) from None
            return _accept(url, path, part, sha256)
    except OSError as error:
        raise DownloadError(
            f"cannot keep {path} ({error.strerror or error}); free some space or set BSCT_ZOO_CACHE to another folder"
        ) from error


class _BrokenOffError(Exception):
    """The transfer ended early."""


def _refuse(url: str, sha256: str | None) -> None:
    """Raise if ``url`` may not be used."""
    scheme = urlsplit(url).scheme
    if scheme not in ("https", "http", "file"):
        raise DownloadError(f"cannot download {url}: only https, http and file addresses are known")
    if scheme == "http" and sha256 is None:
        raise DownloadError(f"will not download {url}: over http, without a sha256, anybody could change it on the way")
    if scheme != "file":
        refuse_offline(url)


def _transfer(url: str, part: Path, sha256: str | None, size: int | None, tell: Tell) -> None:
    """Complete ``part``, from its present length if the server supports ranges."""
    start = _length(part)
    if size is not None and start == size:
        return
    validator = _validator(part, url)
    headers = {"User-Agent": f"bsct-zoo/{__version__}", "Accept-Encoding": "identity"}
    if start and (validator or sha256 is not None):  # else two versions of the file cannot be told apart
        headers["Range"] = f"bytes={start}-"
        if validator:
            headers["If-Range"] = validator
    try:
        with urlopen(Request(url, headers=headers), timeout=_TIMEOUT) as answer:
            _refuse_answer(url, answer, sha256)
            resumed = getattr(answer, "status", None) == 206
            if resumed and not (answer.headers.get("Content-Range") or "").startswith(f"bytes {start}-"):
                raise DownloadError(f"{url} sent another part of the file than requested; try again later")
            start = start if resumed else 0
            left = answer.headers.get("Content-Length")
            total = start + int(left) if left is not None and left.isdecimal() else size
            _refuse_size(url, part, start, total, size)
            _note_validator(part, url, answer.headers)
            with part.open("ab" if resumed else "wb") as file:
                for chunk in iter(lambda: _read(answer), b""):
                    start += len(chunk)
                    if total is not None and start > total:
                        part.unlink()
                        raise DownloadError(f"{url} sends more than the announced {total} bytes")
                    file.write(chunk)
                    tell(start, total)
            if total is not None and start < total:
                raise _BrokenOffError(f"the connection ended after {start} of {total} bytes")
    except HTTPError as error:
        if error.code == 416:  # the part is longer than the present file
            part.unlink(missing_ok=True)
            raise _BrokenOffError("the remote file is shorter than the local part; try again") from None
        raise DownloadError(f"cannot download {url}: HTTP {error.code} {error.reason}") from None
    except URLError as error:
        reason = getattr(error.reason, "strerror", None) or error.reason
        raise _BrokenOffError(str(reason)) from None


def _read(answer: Any) -> bytes:
    """The next bytes of ``answer``; errors of the connection are kept apart from those of the disk."""
    try:
        chunk: bytes = answer.read(_CHUNK)
    except (HTTPException, OSError) as error:
        raise _BrokenOffError(str(error) or type(error).__name__) from None
    return chunk


def _refuse_answer(url: str, answer: Any, sha256: str | None) -> None:
    if sha256 is None and urlsplit(url).scheme == "https" and urlsplit(answer.url).scheme != "https":
        raise DownloadError(f"{url} redirects to {answer.url}, which is not https; nothing was downloaded")
    if sha256 is None and (answer.headers.get("Content-Type") or "").startswith("text/html"):
        raise DownloadError(f"{url} is a web page, not a file; download the file manually and name its path")


def _refuse_size(url: str, part: Path, start: int, total: int | None, size: int | None) -> None:
    if size is not None and total is not None and total != size:
        part.unlink(missing_ok=True)
        raise DownloadError(f"{url} has {total} bytes, its card says {size}; it is a different file")
    free = shutil.disk_usage(part.parent).free
    if total is not None and total - start > free:
        raise DownloadError(
            f"{url} needs {(total - start) / 1e6:.1f} MB and {part.parent} has {free / 1e6:.1f} MB free; "
            "free some space or set BSCT_ZOO_CACHE to another folder"
        )


def _accept(url: str, path: Path, part: Path, sha256: str | None) -> str:
    """Move the complete ``part`` to ``path`` if it is as expected."""
    actual = file_sha256(part)
    _note(part).unlink(missing_ok=True)
    if sha256 is not None and actual != sha256:
        part.unlink()
        raise DownloadError(f"the file from {url} has sha256 {actual}, its card says {sha256}; it was removed")
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(path)
    return actual


# -- versions of a file ---------------------------------------------------------------------------------------


def _note(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _validator(part: Path, url: str) -> str | None:
    """The server's version of ``part``; if the file at the address changed, the part is useless."""
    try:
        note = json.loads(_note(part).read_text())
    except (OSError, ValueError):
        return None
    if not isinstance(note, dict) or note.get("url") != url:
        return None
    validator = note.get("validator")
    return validator if isinstance(validator, str) else None


def _note_validator(part: Path, url: str, headers: Any) -> None:
    etag = headers.get("ETag") or "W/"
    strong = headers.get("Last-Modified") if etag.startswith("W/") else etag  # If-Range does not accept weak ones
    _note(part).write_text(json.dumps({"url": url, "validator": strong}))


def _length(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
