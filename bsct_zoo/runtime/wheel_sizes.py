"""How much an environment downloads, said before it does."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from bsct_zoo.runtime.uv_tool import run_uv

_WORTH_SAYING = 0.5  # GB
# What torch for GPUs brings and a CPU has no use for; ml-py asks a driver and is small.
_CUDA = ("nvidia-", "triton", "cuda-")


def download_text(place: Path, flags: list[str]) -> str:
    """What is to be said of ``requirements.lock`` in ``place`` before its packages are downloaded.

    Empty if it is little, or nobody says how much. What is in uv's cache already is counted too.
    """
    words = ["pip", "compile", "--format", "pylock.toml", "--no-deps", "requirements.lock"]
    done = run_uv([*words, "--output-file", "pylock.sizes.toml", *flags], place)
    if done.code != 0:
        return ""
    try:
        lock = tomllib.loads((place / "pylock.sizes.toml").read_text())
    except (OSError, ValueError):
        return ""
    total, cuda = sizes(lock)
    if total < _WORTH_SAYING:
        return ""
    said = f"this environment downloads up to {total:.1f} GB"
    if cuda < _WORTH_SAYING:
        return said
    return f"{said}, {cuda:.1f} GB of them CUDA libraries; install a torch for CPUs beside bsct-zoo to avoid them"


def sizes(lock: dict[str, Any]) -> tuple[float, float]:
    """GB of all packages of a ``pylock.toml`` (PEP 751), and of those for CUDA; of each the largest wheel."""
    total = cuda = 0.0
    for package in lock.get("packages", []):
        files = package.get("wheels") or [package.get("sdist") or package.get("archive") or {}]
        largest = max(int(file.get("size") or 0) for file in files) / 1e9
        total += largest
        if package["name"].startswith(_CUDA) and package["name"] != "nvidia-ml-py":
            cuda += largest
    return total, cuda
