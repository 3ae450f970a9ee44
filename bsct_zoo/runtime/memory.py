"""Memory on Linux: the largest that a process held, and what is left for others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path


def forget_peak(pid: int) -> bool:
    """Begin anew to watch the memory of process ``pid``; False where that cannot be done."""
    try:
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    except OSError:
        return False
    return True


def peak_mb(pid: int) -> float | None:
    """The largest resident memory of process ``pid`` in MB (10⁶ bytes) since then; None where nobody says."""
    return _entry_mb(Path(f"/proc/{pid}/status"), "VmHWM")


def available_mb() -> float | None:
    """Memory in MB (10⁶ bytes) that this process and its children can still take; None where nobody says.

    Of the machine, and of the cgroups of this process, the least.
    """
    machine = _entry_mb(Path("/proc/meminfo"), "MemAvailable")
    return None if machine is None else min(machine, *_left_mb(Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")))


def _entry_mb(file: Path, name: str) -> float | None:
    """The entry ``name`` of a file of /proc, which counts in kB of 1024 bytes."""
    try:
        lines = file.read_text().splitlines()
    except OSError:
        return None
    held = next((line.split()[1] for line in lines if line.startswith(f"{name}:")), None)
    return None if held is None else float(held) * 1.024e-3


def _left_mb(root: Path, own: Path) -> Iterator[float]:
    """What each cgroup of this process leaves; files that it holds in memory and can drop count as left."""
    yield float("inf")
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        if controllers and "memory" not in controllers.split(","):
            continue
        top, names = (root / "memory", _VERSION_1) if controllers else (root, _VERSION_2)
        for folder in (Path(path.lstrip("/")), *Path(path.lstrip("/")).parents):
            try:
                limit, used = (int((top / folder / name).read_text()) for name in names)
                stat = dict(line.split() for line in (top / folder / "memory.stat").read_text().splitlines())
            except (OSError, ValueError):  # "max", or none there
                continue
            yield (limit - used + int(stat.get("inactive_file", 0))) * 1e-6


_VERSION_1 = ("memory.limit_in_bytes", "memory.usage_in_bytes")
_VERSION_2 = ("memory.max", "memory.current")
