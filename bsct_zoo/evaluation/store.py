"""The store: what models said, kept by content. Safe against crashes, concurrent runs and damaged files.

A folder a model holds ``model.json`` (what the model declared) and a file for each answer and each unfinished state.
Every file is a record (``bsct_zoo.kept``): read whole and checked before anything of it is used. There is no index to
fall out of step with the files.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bsct_zoo.errors import DamagedFileError
from bsct_zoo.evaluation.ways import Numerics
from bsct_zoo.kept import read_record, write_record
from bsct_zoo.plugins.tasks import Answer

_LAYOUT = 2  # raised whenever what a file holds changes its meaning
_FACTS = "__facts__"
_NUMERICS = tuple(one.name for one in fields(Numerics))


def content_key(content: Any) -> str:
    """Hash of something that JSON can hold."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


class Store:
    """A folder of what models said."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def shelf(self, identity: Mapping[str, Any], on_damage: Callable[[str], None] = lambda text: None) -> Shelf:
        """What is kept of the model that ``identity`` describes; ``on_damage`` hears of files that are dropped."""
        return Shelf(self.folder / content_key({"layout": _LAYOUT, **identity}), on_damage)

    def shelves(self) -> Iterator[Shelf]:
        """What is kept of every model, latest first."""
        paths = [path for path in self.folder.glob("*/model.json") if path.is_file()]
        for path in sorted(paths, key=lambda path: path.stat().st_mtime, reverse=True):
            yield Shelf(path.parent)

    def at(self, place: str) -> Answer | None:
        """The answer that ``Shelf.place`` named; None if it is not here any more, or ``place`` is none."""
        match = re.fullmatch(r"([0-9a-f]{64})/(\w+)-([0-9a-f]{64})\.npz", place)
        return None if match is None else Shelf(self.folder / match[1]).read(match[2], match[3])

    def size(self) -> tuple[int, int]:
        """Number of answers and bytes."""
        files = list(self.folder.glob("*/*.npz"))
        return len(files), sum(file.stat().st_size for file in files if file.exists())

    def clear(self) -> tuple[int, int]:
        """Remove everything; says how many answers and bytes that was."""
        size = self.size()
        shutil.rmtree(self.folder, ignore_errors=True)
        return size


class Shelf:
    """What is kept of one model."""

    def __init__(self, folder: Path, on_damage: Callable[[str], None] = lambda text: None) -> None:
        self.folder, self._on_damage = folder, on_damage

    # -- what the model declared ---------------------------------------------------------------------------

    def read_info(self) -> dict[str, Any] | None:
        """What the model declared when it was loaded; None if it never was."""
        content = self._read(self.folder / "model.json")
        try:
            info: dict[str, Any] | None = None if content is None else json.loads(content)
        except ValueError:  # of another layout: the hash was right
            return None
        return info

    def write_info(self, info: Mapping[str, Any]) -> None:
        """Keep what the model declared.

        Raises:
            OSError: the disk is full, or the folder cannot be written to.
        """
        write_record(self.folder / "model.json", json.dumps(info, indent=1).encode())

    # -- answers -------------------------------------------------------------------------------------------

    def read(self, kind: str, key: str) -> Answer | None:
        """The answer under ``key`` of a kind of task; None if there is none that is whole."""
        arrays = self._arrays(self._path(kind, key))
        if arrays is None:
            return None
        try:
            facts = json.loads(str(arrays.pop(_FACTS)))
            return Answer(arrays, facts["facts"], facts["seconds"], *(int(facts.get(name, 0)) for name in _NUMERICS))
        except (ValueError, KeyError, TypeError):  # of another layout: the hash was right
            return None

    def write(self, kind: str, key: str, answer: Answer) -> None:
        """Keep an answer.

        Raises:
            OSError: the disk is full, or the folder cannot be written to.
        """
        facts = {
            "facts": answer.facts,
            "seconds": answer.seconds,
            **{name: getattr(answer, name) for name in _NUMERICS},
        }
        text = json.dumps(facts, allow_nan=False)
        write_record(self._path(kind, key), _npz({**answer.arrays, _FACTS: np.array(text)}))

    def answers(self, kind: str) -> Iterator[Answer]:
        """Every answer of a kind that is whole."""
        for path in self.folder.glob(f"{kind}-*.npz"):
            answer = self.read(kind, path.stem.removeprefix(f"{kind}-"))
            if answer is not None:
                yield answer

    def place(self, kind: str, key: str) -> str:
        """Where the answer under ``key`` is kept, below the folder of the store; see ``Store.at``."""
        return f"{self.folder.name}/{self._path(kind, key).name}"

    # -- unfinished work -----------------------------------------------------------------------------------

    def read_state(self, key: str) -> dict[str, NDArray[np.generic]] | None:
        """What was kept of unfinished work; None if there is nothing that is whole."""
        return self._arrays(self._path("state", key))

    def write_state(self, key: str, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Keep unfinished work.

        Raises:
            OSError: the disk is full, or the folder cannot be written to.
        """
        write_record(self._path("state", key), _npz(arrays))

    def drop_state(self, key: str) -> None:
        """Forget unfinished work; nothing happens if there is none."""
        self._path("state", key).unlink(missing_ok=True)

    # -- files ---------------------------------------------------------------------------------------------

    def _path(self, kind: str, key: str) -> Path:
        return self.folder / f"{kind}-{key}.npz"

    def _read(self, path: Path) -> bytes | None:
        """Content of a file whose hash is right; one that is damaged is removed and said."""
        try:
            return read_record(path)
        except OSError:
            return None
        except DamagedFileError:
            pass
        self._on_damage(f"dropped a damaged file of the cache, {path.name}; it is computed again")
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
        return None

    def _arrays(self, path: Path) -> dict[str, NDArray[Any]] | None:
        content = self._read(path)
        if content is None:
            return None
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as data:
                arrays = dict(data)
            return arrays if all(isinstance(array, np.ndarray) for array in arrays.values()) else None
        except (ValueError, KeyError, EOFError, zipfile.BadZipFile):  # of another layout: the hash was right
            return None


def _npz(arrays: Mapping[str, Any]) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return buffer.getvalue()
