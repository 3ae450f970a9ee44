"""Weights that a calculator's own package downloads: fetched into one folder on request, used from there offline."""

from __future__ import annotations

from pathlib import Path

from bsct_zoo.errors import BadInputError, DamagedFileError
from bsct_zoo.files import sha256
from bsct_zoo.kept import read_json, sealed_json
from bsct_zoo.models.calculators.make import Maker, downloads_in
from bsct_zoo.plugins.cards import ModelCard

_LIST = "files.json"


def fetch(card: ModelCard, folder: Path) -> Path:
    """Let the package of ``card`` download into ``folder``; returns a list of its files with their sha256.

    Raises:
        BadInputError: it cannot be made.
    """
    assert card.calculator is not None
    folder = folder.resolve()
    with downloads_in(folder, online=True):
        Maker(card.calculator, "cpu", "float32", folder, {}).calculator()
    files = {path.relative_to(folder).as_posix(): sha256(path) for path in _files(folder)}
    record = folder / _LIST
    record.write_bytes(sealed_json(files))
    return record


def verified(record: Path) -> Path:
    """The folder of what ``fetch`` listed in ``record``, if every file is as it was.

    Raises:
        BadInputError: one is not.
    """
    folder = record.parent
    try:
        for name, expected in read_json(record, unsealed=True).items():
            if sha256(folder / name) != expected:
                raise BadInputError(f"{folder / name} has changed since it was downloaded; fetch the model again")
    except (OSError, ValueError, DamagedFileError) as error:
        raise BadInputError(f"{record} or a file that it lists is damaged; fetch the model again") from error
    return folder


def _files(folder: Path) -> list[Path]:
    """Files of weights: locks, notes of hubs and what is written in passing are left out."""
    skipped = {".lock", ".json.lock", ".tmp", ".incomplete", ".pyc"}
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and path.suffix not in skipped and path.name not in (_LIST, "fetched.json")
    )
