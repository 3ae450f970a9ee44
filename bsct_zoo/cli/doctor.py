"""``bsct-zoo doctor``: what is installed, what is missing, what to do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bsct_zoo.report.installation import Diagnosis

_PACKAGES = ("torch", "ase", "numpy", "pluggy", "typer", "rich")


def doctor() -> int:
    """Check the installation without network access; exit code 1 if there is a problem."""
    from bsct_zoo.report.installation import draw_diagnoses
    from bsct_zoo.report.listing import console

    diagnoses = [*_tools(), *_folders(), *_plugins()]
    draw_diagnoses(diagnoses, console())
    return int(any(one.problem for one in diagnoses))


def _tools() -> Iterator[Diagnosis]:
    import platform
    import sys
    from importlib.metadata import PackageNotFoundError, version

    from bsct_zoo import __version__
    from bsct_zoo.report.installation import Diagnosis

    yield Diagnosis("bsct-zoo", f"{__version__} on Python {platform.python_version()} ({sys.executable})")
    for package in _PACKAGES:
        try:
            yield Diagnosis(package, version(package))
        except PackageNotFoundError:
            yield Diagnosis(package, "missing", f"pip install {package}")
    yield Diagnosis("device", _device())
    yield Diagnosis("workers", _workers())
    try:
        from uv import find_uv_bin

        yield Diagnosis("uv", str(find_uv_bin()))
    except (ImportError, FileNotFoundError):
        yield Diagnosis("uv", "missing", "pip install uv (needed to build the environments of models)")


def _folders() -> Iterator[Diagnosis]:
    from shutil import disk_usage

    from bsct_zoo.errors import BadInputError
    from bsct_zoo.report.installation import Diagnosis
    from bsct_zoo.runtime.folders import cache_dir, data_dir, writable

    for name, folder, variable in (("cache", cache_dir(), "BSCT_ZOO_CACHE"), ("data", data_dir(), "BSCT_ZOO_DATA")):
        try:
            free = disk_usage(writable(folder, variable)).free
            yield Diagnosis(name, f"{folder} ({free / 1e9:.1f} GB free)")
        except BadInputError as error:
            yield Diagnosis(name, str(folder), str(error))


def _plugins() -> Iterator[Diagnosis]:
    from importlib.metadata import entry_points

    from bsct_zoo.errors import BsctZooError
    from bsct_zoo.plugins.registry import GROUP, registry
    from bsct_zoo.report.installation import Diagnosis
    from bsct_zoo.runtime.load import where
    from bsct_zoo.suites.library import suite_names, suite_path

    for name, adapter in sorted(registry().adapters.items()):
        place = where(adapter)
        yield Diagnosis(f"model {name}", "environment not built; built on first use" if place == "not built" else place)
    for name in suite_names():
        try:
            yield Diagnosis(f"suite {name}", str(suite_path(name)))
        except BsctZooError as error:
            yield Diagnosis(f"suite {name}", str(error))
    for point in entry_points(group=GROUP):
        if point.dist is not None and point.dist.name != "bsct-zoo":
            yield Diagnosis(f"plugin {point.name}", f"{point.dist.name} {point.dist.version}")
    for warning in registry().warnings:
        yield Diagnosis("plugin", "broken", warning)


def _workers() -> str:
    """Cores of workers, and whether they have a network."""
    import subprocess
    import sys

    from bsct_zoo.runtime.surroundings import cores

    code = "import sys; from bsct_zoo.runtime.bootstrap import leave_network; sys.exit(not leave_network())"
    alone = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
    network = "no network" if alone else "the system leaves them the network of this process"
    return f"{cores()} core{'s' * (cores() != 1)}, {network}"


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        return ", ".join(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))
    return "cpu"
