"""The largest memory that a process held, on Linux."""

from __future__ import annotations

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
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return None
    held = next((line.split()[1] for line in lines if line.startswith("VmHWM")), None)
    return None if held is None else float(held) * 1.024e-3
