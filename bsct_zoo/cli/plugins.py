"""``bsct-zoo install``, ``uninstall`` and ``plugins``: models, suites and checks from other packages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from bsct_zoo.cli import options

if TYPE_CHECKING:
    from rich.console import Console


def install(
    package: Annotated[str, typer.Argument(help="Package name, folder, wheel or git address.")],
    editable: Annotated[bool, options.run("--editable", "-e", help="Install in editable mode.")] = False,
    build: Annotated[bool, options.run("--build", help="Build the environments of its models now.")] = False,
    yes: options.Unasked = False,
    quiet: options.Quiet = False,
) -> int:
    """Install a plugin package; no other installed package changes."""
    import subprocess
    import sys

    from rich.markup import escape

    from bsct_zoo.errors import BadInputError
    from bsct_zoo.runtime.plugin_install import check_interpreter, parse_source
    from bsct_zoo.runtime.plugin_install import install as install_package

    source = parse_source(package)
    check_interpreter()
    if not yes:
        warning = f"installing '{package}' runs its code with your permissions"
        if not sys.stdin.isatty():
            raise BadInputError(f"{warning}; if you trust its authors, add --yes")
        typer.confirm(f"{warning}; continue?", abort=True, err=True)
    messages = _messages(quiet)
    with messages.status(f"installing {escape(package)}"):
        plugin = install_package(
            source, editable=editable, tell=lambda text: messages.print(text, style="dim", markup=False)
        )
    registers = plugin.registers or "nothing registered"
    messages.print(f"installed {plugin.name} {plugin.version}: {registers}", markup=False)
    for problem in plugin.problems:
        messages.print(f"left out: {problem}", markup=False)
    failed = bool(plugin.problems)
    for name in plugin.unbuilt:
        if not build:
            messages.print(f"its environment is built on first use, or now with: bsct-zoo env build {name}")
            continue
        command = [sys.executable, "-m", "bsct_zoo", "env", "build", name]
        failed |= subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode != 0
    return int(failed)


def uninstall(
    name: Annotated[str, typer.Argument(help="A plugin package, or a model, suite or check that it registers.")],
    quiet: options.Quiet = False,
) -> None:
    """Remove a plugin package and the environments of its models."""
    from bsct_zoo.plugins.registry import registry
    from bsct_zoo.runtime import environment
    from bsct_zoo.runtime.plugin_install import uninstall as uninstall_package
    from bsct_zoo.runtime.plugin_packages import plugin_packages

    messages = _messages(quiet)
    plugin = uninstall_package(name, plugin_packages(registry()))
    messages.print(f"removed {plugin.name} {plugin.version}", markup=False)
    for adapter in plugin.adapters:
        for folder in environment.remove(registry().adapters[adapter]):
            messages.print(f"removed {folder}", markup=False)


def plugins(json_file: options.JsonFile = None) -> int:
    """List the packages that register models, suites and checks; exit code 1 if one is broken."""
    from dataclasses import asdict

    from bsct_zoo.cli.output import write_json
    from bsct_zoo.plugins.registry import registry
    from bsct_zoo.report.installation import draw_plugins
    from bsct_zoo.report.listing import console
    from bsct_zoo.runtime.plugin_packages import plugin_packages

    packages = plugin_packages(registry())
    if json_file is not None:
        write_json(json_file, {"schema": 1, "packages": [asdict(package) for package in packages]})
    else:
        draw_plugins(packages, console())
    return int(any(package.problems for package in packages))


def _messages(quiet: bool) -> Console:
    from bsct_zoo.report.console import make_console

    return make_console(stderr=True, quiet=quiet, soft_wrap=True, markup=True)
