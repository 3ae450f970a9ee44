"""The readable page beside a suite: who made it, how, at which level, with which versions."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bsct_zoo.errors import BadInputError
from bsct_zoo.files import atomic_write, json_bytes

if TYPE_CHECKING:
    from bsct_zoo.suites.building.validate import SuiteFault
    from bsct_zoo.suites.suite import Suite


def manifest_path(suite: Path) -> Path:
    """Where the manifest of the suite at ``suite`` is."""
    return suite.with_suffix(".json")


def write_manifest(
    path: Path,
    suite: Suite,
    sha256: str,
    findings: list[SuiteFault],
    left_out: Mapping[str, int] | None = None,
    with_fallback: int | None = None,
    failures: Mapping[str, int] | None = None,
) -> None:
    """Write what is known of ``suite`` beside its file at ``path``; None for what is not known any more.

    Raises:
        BadInputError: it cannot be written.
    """
    said: dict[str, Any] = {
        "format": "bsct-zoo-suite-manifest",
        "version": 1,
        "name": suite.name,
        "title": suite.title,
        "file": path.name,
        "sha256": sha256,
        "level_of_theory": suite.level_of_theory,
        "licence": suite.licence,
        "citation": suite.citation,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "made_by": dict(suite.made_by),
        "left_out": None if left_out is None else dict(left_out),
        "frames_with_fallback_settings": with_fallback,
        "frames_without_answer": None if failures is None else dict(failures),
        "findings": [asdict(fault) for fault in findings],
        "scans": [
            {
                "id": scan.id,
                "kind": scan.kind,
                "atoms": scan.n_atoms,
                "frames": scan.n_frames,
                "without_reference": int((~scan.referenced).sum()),
                "charge": scan.charge,
                "spin": scan.spin,
                "indices": list(scan.indices),
                **scan.notes,
            }
            for scan in suite.scans
        ],
    }
    try:
        atomic_write(manifest_path(path), json_bytes(said))
    except OSError as error:
        raise BadInputError(f"cannot write {manifest_path(path)}: {error.strerror}; choose another folder") from error


def command_line(arguments: list[str]) -> str:
    """``arguments`` of the program as a line that a shell takes."""
    return shlex.join(["bsct-zoo", *arguments])
