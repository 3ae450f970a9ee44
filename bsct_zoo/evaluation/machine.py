"""What the computer is that results were made on."""

from __future__ import annotations

import platform
from typing import Any

from bsct_zoo.runtime.surroundings import cores


def machine(device: str) -> dict[str, Any]:
    """What this computer is, as far as it matters for timings."""
    facts: dict[str, Any] = {
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": cores(),
        "python": platform.python_version(),
    }
    if device.startswith("cuda"):
        import torch

        facts["gpu"] = torch.cuda.get_device_name(device)
    return facts


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as file:  # noqa: PTH123
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
        return names[0] if names else platform.machine()
    except OSError:
        return platform.processor() or platform.machine()
