"""The folders of bsct-zoo on this machine."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from bsct_zoo.errors import BadInputError


def cache_dir() -> Path:
    """For what can be computed again: environments, predictions. ``BSCT_ZOO_CACHE``, or else the user's cache folder.

    The folder need not exist; ``writable`` makes it.
    """
    return _folder("BSCT_ZOO_CACHE", "user_cache_path")


def data_dir() -> Path:
    """For what cannot be made again cheaply: imported suites. ``BSCT_ZOO_DATA``, or else the user's data folder."""
    return _folder("BSCT_ZOO_DATA", "user_data_path")


def writable(folder: Path, variable: str = "BSCT_ZOO_CACHE") -> Path:
    """``folder``, made if necessary and checked to be writable; ``variable`` moves it elsewhere.

    Raises:
        BadInputError: it is not writable.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise BadInputError(
            f"cannot write to {folder} ({error.strerror}); set {variable} to a writable folder"
        ) from error
    return folder


def _folder(variable: str, usual: str) -> Path:
    if chosen := os.environ.get(variable):
        return Path(chosen).expanduser().absolute()
    import platformdirs  # not installed in the environments of models, which get the path

    folder: Path = getattr(platformdirs, usual)("bsct-zoo")
    return folder
