"""The state that a training run resumes from: a file of torch's, sealed, read whole and checked before it is used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bsct_zoo.errors import DamagedFileError
from bsct_zoo.kept import check_zip, seal_zip
from bsct_zoo.training.job import Tell


def keep_state(path: Path, write: Callable[[Path], object]) -> None:
    """Put at ``path`` what ``write`` writes to the path that it is given: whole or not at all.

    Raises:
        OSError: the disk is full, or the folder cannot be written to.
    """
    part = path.with_suffix(".part")
    write(part)
    seal_zip(part)
    part.replace(path)


def is_kept(path: Path, tell: Tell) -> bool:
    """Whether there is a state at ``path`` to resume from; one that is damaged is removed and said.

    States of versions up to 0.2 have no hash of themselves, and count as damaged.
    """
    try:
        check_zip(path)
    except FileNotFoundError:
        return False
    except DamagedFileError:
        path.unlink(missing_ok=True)
        tell(f"dropped a damaged state, {path.name}; the run starts again from the beginning")
        return False
    return True
