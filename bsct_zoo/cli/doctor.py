"""``bsct-zoo doctor``: what is installed, what is missing, what to do."""

from __future__ import annotations


def doctor() -> int:
    """Check the installation without touching the network; exit code 1 if something is missing."""
    import platform
    import sys
    from importlib.metadata import PackageNotFoundError, entry_points, version
    from shutil import disk_usage

    from rich.console import Console
    from rich.table import Table

    from bsct_zoo import __version__
    from bsct_zoo.errors import BadInputError, BsctZooError
    from bsct_zoo.plugins.registry import GROUP, registry
    from bsct_zoo.runtime.folders import cache_dir, data_dir, writable
    from bsct_zoo.runtime.load import where
    from bsct_zoo.suites.library import suite_names, suite_path

    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    problems: list[str] = []

    def line(what: str, found: str, problem: str = "") -> None:
        table.add_row(what, found + (f"  → {problem}" if problem else ""))
        if problem:
            problems.append(problem)

    line("bsct-zoo", f"{__version__} on Python {platform.python_version()} ({sys.executable})")
    for package in ("torch", "ase", "numpy", "pluggy", "typer", "rich"):
        try:
            line(package, version(package))
        except PackageNotFoundError:
            line(package, "missing", f"pip install {package}")
    line("device", _device())
    try:
        from uv import find_uv_bin

        line("uv", str(find_uv_bin()))
    except (ImportError, FileNotFoundError):
        line("uv", "missing", "pip install uv (models in environments of their own need it)")
    for what, folder, variable in (
        ("cache", cache_dir(), "BSCT_ZOO_CACHE"),
        ("data", data_dir(), "BSCT_ZOO_DATA"),
    ):
        try:
            free = disk_usage(writable(folder, variable)).free
            line(what, f"{folder} ({free / 1e9:.1f} GB free)")
        except BadInputError as error:
            line(what, str(folder), str(error))
    for name, adapter in sorted(registry().adapters.items()):
        place = where(adapter)
        line(f"model {name}", place if place != "not built" else "environment not built yet, made when first used")
    for name in suite_names():
        try:
            line(f"suite {name}", str(suite_path(name)))
        except BsctZooError as error:
            table.add_row(f"suite {name}", str(error))
    for point in entry_points(group=GROUP):
        if point.dist is not None and point.dist.name != "bsct-zoo":
            line(f"plugin {point.name}", f"{point.dist.name} {point.dist.version}")
    for warning in registry().warnings:
        line("plugin", "broken", warning)
    console = Console(highlight=False, markup=False, soft_wrap=True)
    console.print(table)
    console.print("all is well" if not problems else f"to mend, marked with →: {len(problems)}")
    return int(bool(problems))


def _device() -> str:
    import torch

    if torch.cuda.is_available():
        return ", ".join(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))
    return "cpu only"
