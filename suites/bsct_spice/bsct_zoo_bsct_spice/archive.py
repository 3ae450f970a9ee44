"""The files of an archive or a folder, one after the other.

Nothing is extracted to disk: archives are streamed, so a member with a path that leads elsewhere can do no harm, and
is refused all the same. A compressed archive is read to its end, so that its own checksum vouches for every number;
tarfile alone stops early and checks none.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from bsct_zoo.errors import BadInputError
from bsct_zoo.files import opened_zip, refuse_bomb

Member = tuple[str, bytes]

# What the readers of archives raise on damage; RuntimeError and its child NotImplementedError stand for encrypted and
# unknown compression.
DAMAGE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, RuntimeError)

_LARGEST_MEMBER = 16 << 20
_FRAME = re.compile(r"atoms_(\d+)\.xyz")


def members(source: Path) -> Iterator[Member]:
    """Path below the data's own folder and content of every file in ``source``."""
    if source.is_dir():
        yield from _folder_members(source)
        return
    if not source.exists():
        raise BadInputError(f"there is no file or folder {source}")
    try:
        with source.open("rb") as file:
            start = file.read(6)  # zipfile.is_zipfile is fooled by a tar that ends with an npz
        if start.startswith(b"PK"):
            yield from _zip_members(source)
        else:
            yield from _tar_members(source, start)
    except (*DAMAGE, tarfile.TarError) as error:
        raise BadInputError(f"{source} is not an archive, or a truncated or damaged one; get it again") from error


def _folder_members(source: Path) -> Iterator[Member]:
    for path in sorted(source.rglob("*")):
        if path.is_file() and not path.is_symlink() and wanted(path.name):
            try:
                yield path.relative_to(source).as_posix(), path.read_bytes()
            except OSError as error:
                raise BadInputError(f"cannot read {path}: {error.strerror}") from error


def _opened(source: Path, start: bytes) -> IO[bytes] | gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile:
    """The tar inside ``source``, whose first bytes are ``start``; it raises where it is damaged or ends too early."""
    if start.startswith(b"\x1f\x8b"):
        return gzip.open(source)
    if start.startswith(b"BZh"):
        return bz2.open(source)
    if start.startswith(b"\xfd7zXZ\0"):
        return lzma.open(source)
    plain = source.open("rb")
    plain.seek(max(0, source.stat().st_size - 1024))
    if plain.read().strip(b"\0"):  # a tar ends with two blocks of zeros
        plain.close()
        raise tarfile.ReadError("no end of archive")
    plain.seek(0)
    return plain


def _tar_members(source: Path, start: bytes) -> Iterator[Member]:
    with _opened(source, start) as stream, tarfile.open(fileobj=stream, mode="r|") as archive:
        size, unpacked = source.stat().st_size, 0
        for member in archive:
            unpacked += member.size
            refuse_bomb(source, size, unpacked)
            _refuse_escape(member.name, source, link=member.issym() or member.islnk())
            if not member.isfile() or not wanted(PurePosixPath(member.name).name):
                continue
            if member.size > _LARGEST_MEMBER:
                raise BadInputError(f"{source}: {member.name} is too large for a frame")
            file = archive.extractfile(member)
            assert file is not None
            yield member.name, file.read()
        while part := stream.read(1 << 20):  # to the checksum
            unpacked += len(part)
            refuse_bomb(source, size, unpacked)


def _zip_members(source: Path) -> Iterator[Member]:
    with opened_zip(source, source) as archive:
        for info in archive.infolist():
            _refuse_escape(info.filename, source, link=(info.external_attr >> 28) == 0xA)
            if info.is_dir() or not wanted(PurePosixPath(info.filename).name):
                continue
            if info.file_size > _LARGEST_MEMBER:
                raise BadInputError(f"{source}: {info.filename} is too large for a frame")
            yield info.filename, archive.read(info)


def _refuse_escape(name: str, source: Path, link: bool) -> None:
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or ".." in path.parts or link:
        raise BadInputError(f"{source} holds '{name}', which leads out of the archive; it is not to be trusted")


def wanted(name: str) -> bool:
    """Whether a file is part of a scan; unperturbed.xyz and what else an archive has are not."""
    return name == "partition.npz" or _FRAME.fullmatch(name) is not None
