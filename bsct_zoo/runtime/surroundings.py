"""What a worker is given of this machine: variables on a list, no tokens, and as many cores as this process may use."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_GPU_NODES = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")  # CUDA, ROCm, either under WSL
PASS = "BSCT_ZOO_PASS"  # names of further variables, with commas between them
_NAMES = frozenset(
    (
        *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP", "TERM"),
        *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LD_PRELOAD", "SSL_CERT_FILE", "SSL_CERT_DIR", "MPLCONFIGDIR"),
        *("PYTHONHASHSEED", "PYTHONWARNINGS", "PYTHONFAULTHANDLER"),
        *("HF_HOME", "HF_HUB_CACHE", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"),
    )
)
_PREFIXES = (
    *("LC_", "XDG_", "BSCT_ZOO_"),
    *("OMP_", "MKL_", "KMP_", "GOMP_", "OPENBLAS_", "BLIS_", "NUMEXPR_", "VECLIB_", "NUMBA_"),
    *("TORCH", "PYTORCH_", "CUDA_", "CUDNN_", "CUBLAS_", "NVIDIA_", "HIP_", "ROCR_", "HSA_", "TRITON_", "XLA_", "JAX_"),
)
_NETWORK = frozenset(["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
_SECRET = re.compile(r"TOKEN|SECRET|PASSW|CREDENTIAL|API_?KEY|ACCESS_?KEY|PRIVATE|AUTH", re.IGNORECASE)


def worker_environ(
    environ: Mapping[str, str], *, ours: bool = False, network: bool = False, own: Sequence[str] = ()
) -> dict[str, str]:
    """The variables of ``environ`` that a worker gets.

    Args:
        environ: of this process.
        ours: the worker runs this interpreter, so that its code is the user's own: everything but secrets.
        network: it downloads: proxies and their certificates too.
        own: names that it is given whatever they hold: the token of a fetcher.
    """
    asked = {name.strip() for name in environ.get(PASS, "").split(",")} | set(own)

    def passes(name: str) -> bool:
        if name in asked:
            return True
        if _SECRET.search(name):
            return False
        return ours or name in _NAMES or name.startswith(_PREFIXES) or (network and name.upper() in _NETWORK)

    return {name: value for name, value in environ.items() if passes(name)}


def cores() -> int:
    """Cores that this process may use: of its affinity, its cgroup and ``OMP_NUM_THREADS``, the fewest."""
    limits = [_affinity(), *_quotas(Path("/sys/fs/cgroup"), Path("/proc/self/cgroup"))]
    wanted = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0]
    if wanted.isdigit() and int(wanted):
        limits.append(int(wanted))
    return max(1, min(limits))


def _affinity() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except (AttributeError, OSError):  # not on every system
        return os.cpu_count() or 1


def _quotas(root: Path, own: Path) -> list[int]:
    """Cores that the cgroups of this process allow, rounded up; empty where they allow all."""
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return []
    found = []
    for line in lines:
        _, controllers, path = (*line.split(":", 2), "", "")[:3]
        folders = [Path(path.lstrip("/")), *Path(path.lstrip("/")).parents]
        if not controllers:  # version 2
            found += [_share((root / folder / "cpu.max",)) for folder in folders]
        elif "cpu" in controllers.split(","):
            places = [root / "cpu" / folder for folder in folders]
            found += [_share((place / "cpu.cfs_quota_us", place / "cpu.cfs_period_us")) for place in places]
    return [share for share in found if share is not None]


def _share(files: Sequence[Path]) -> int | None:
    try:
        quota, period = " ".join(file.read_text() for file in files).split()[:2]
        return max(1, -(-int(quota) // int(period))) if int(quota) > 0 else None
    except (OSError, ValueError, ZeroDivisionError):  # "max", or none there
        return None


def without_gpu() -> bool:
    """Whether Linux shows no GPU that torch could use; known without importing torch."""
    return sys.platform == "linux" and not any(Path(node).exists() for node in _GPU_NODES)
