"""Weights that are downloaded on request, and where they are stored.

Each has a folder of its own in the cache, ``weights/<adapter>/<card>``, with ``fetched.json`` beside the file. It is
written last and names the valid file of that folder, with its size and sha256.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bsct_zoo.errors import DamagedFileError, DownloadError, MissingWeightsError
from bsct_zoo.files import atomic_write
from bsct_zoo.files import sha256 as file_sha256
from bsct_zoo.kept import read_json, sealed_json
from bsct_zoo.models.download import Tell, download, refuse_offline
from bsct_zoo.plugins.cards import Adapter, ModelCard
from bsct_zoo.runtime.folders import cache_dir, writable


@dataclass(frozen=True)
class Fetched:
    """Downloaded weights: the file, its sha256 when it was downloaded, its size in bytes."""

    path: Path
    sha256: str
    size: int


def folder_of(adapter: Adapter, card: ModelCard) -> Path:
    """Where the weights of ``card`` are or would be."""
    return cache_dir() / "weights" / _file_name(adapter.name) / _file_name(card.name)


def find(adapter: Adapter, card: ModelCard) -> Fetched | None:
    """The weights of ``card``, if they were downloaded from its address and have its size and sha256.

    The file itself is not read here; the loader verifies its sha256.
    """
    folder = folder_of(adapter, card)
    try:
        record = read_json(folder / "fetched.json", unsealed=True)
        fetched = Fetched(folder / record["file"], str(record["sha256"]), int(record["size"]))
        whole = _inside(fetched.path, folder) and fetched.path.stat().st_size == fetched.size
    except (OSError, ValueError, KeyError, TypeError, DamagedFileError):
        return None
    current = record.get("url") == card.url and card.sha256 in (None, fetched.sha256)
    return fetched if whole and current else None


def fetch(
    adapter: Adapter, card: ModelCard, *, tell: Tell | None = None, on_event: Callable[[str], None] | None = None
) -> Fetched:
    """Download the weights of ``card`` into the cache. The user has agreed.

    Raises:
        DownloadError: see ``download``; or the card has no download.
        EnvironmentBuildError: the family's own client needs an environment that cannot be built.
        ModelError: the family's own client failed.
    """
    if not card.url or card.checkpoint is not None:
        raise DownloadError(f"'{adapter.name}:{card.name}' has no download; its weights come with its package")
    folder = folder_of(adapter, card)
    writable(folder)
    (folder / "fetched.json").unlink(missing_ok=True)
    if adapter.fetcher is None:
        path = folder / _file_name(unquote(urlsplit(card.url).path.rpartition("/")[2]) or "weights")
        sha256 = download(card.url, path, sha256=card.sha256, size=card.size, tell=tell)
    else:
        path = _by_the_adapter(adapter, card, folder, on_event)
        sha256 = file_sha256(path)
        if card.sha256 not in (None, sha256):
            path.unlink()
            raise DownloadError(
                f"the file from {card.url} has sha256 {sha256}, its card says {card.sha256}; it was removed"
            )
    size = path.stat().st_size
    record = {"file": path.relative_to(folder).as_posix(), "sha256": sha256, "size": size, "url": card.url}
    atomic_write(folder / "fetched.json", sealed_json(record))
    return Fetched(path, sha256, size)


def with_weights(adapter: Adapter, card: ModelCard) -> ModelCard:
    """``card`` with its downloaded file; unchanged if it has no download.

    Raises:
        MissingWeightsError: they are not downloaded yet.
    """
    if not card.url or card.checkpoint is not None:
        return card
    fetched = find(adapter, card)
    if fetched is None:
        name = f"{adapter.name}:{card.name}"
        raise MissingWeightsError(
            f"the weights of {name} are not here ({size_text(card.size)}, licence {card.licence}); "
            f"get them with: bsct-zoo models fetch {name}"
        )
    return replace(card, checkpoint=str(fetched.path), sha256=fetched.sha256)


def size_text(size: int | None) -> str:
    """A size in bytes, for people."""
    if size is None:
        return "size unknown"
    return f"{size / 1e6:.1f} MB" if size < 1e9 else f"{size / 1e9:.1f} GB"


def _by_the_adapter(adapter: Adapter, card: ModelCard, folder: Path, on_event: Callable[[str], None] | None) -> Path:
    """Download through the family's own client, which may write inside ``folder`` only."""
    from bsct_zoo.runtime.load import run_fetcher

    refuse_offline(card.url)
    path = run_fetcher(adapter, card, folder, on_event)
    if not path.is_file() or not _inside(path, folder):
        raise DownloadError(f"the fetcher of '{adapter.name}' left no file in {folder}; this is a bug of its plugin")
    return folder.resolve() / path.resolve().relative_to(folder.resolve())


def _inside(path: Path, folder: Path) -> bool:
    """Whether ``path``, links followed, is below ``folder``: a name with dots or a link must not lead out of it."""
    return path.resolve().is_relative_to(folder.resolve())


def _file_name(name: str) -> str:
    """``name`` as one part of a path, never hidden and never upwards."""
    return re.sub(r"[^\w.+-]", "-", name).lstrip(".") or "-"
