"""Install third-party plugins beside bsct-zoo, and remove them, without touching any other installed package.

A package is first put into a folder aside. Only when it is seen there to be a plugin that works, to need nothing that
would change an installed version, and to overwrite no file of another package, is it installed, by its exact version
and without letting the installer resolve anything.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import tempfile
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from bsct_zoo.errors import BadInputError, BsctZooError, UnknownNameError
from bsct_zoo.plugins.registry import GROUP, registry
from bsct_zoo.runtime.pip_settings import uv_environment
from bsct_zoo.runtime.plugin_packages import (
    OURS,
    PluginPackage,
    canonical,
    plugin_distributions,
    plugin_packages,
    source_of,
)
from bsct_zoo.runtime.plugin_source import Source
from bsct_zoo.runtime.requirements import installed
from bsct_zoo.runtime.uv_tool import OnEvent, UvResult, run_uv


def check_interpreter() -> None:
    """See whether packages may be installed into the running interpreter.

    Raises:
        BadInputError: they may not, or bsct-zoo itself is not installed in it.
    """
    mend = "install bsct-zoo into a virtual environment and run that one"
    if installed(OURS) is None:
        raise BadInputError(f"bsct-zoo runs from its source tree and is not installed; {mend}")
    outside = sys.prefix == sys.base_prefix
    if outside and Path(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED").exists():
        raise BadInputError(f"{sys.executable} is managed by the system, and plugins cannot be put there; {mend}")
    site = Path(sysconfig.get_path("purelib"))
    if not os.access(site, os.W_OK):
        raise BadInputError(f"cannot write to {site}, where plugins of {sys.executable} would go; {mend}")


def install(source: Source, *, editable: bool = False, tell: OnEvent | None = None) -> PluginPackage:
    """Install the plugin package that ``source`` names, and say what it registered. Runs code of the package.

    Raises:
        BadInputError: it is not to be had, is not a plugin, does not work, or would change another package.
        BsctZooError: there is no network.
    """
    check_interpreter()
    if editable and source.kind != "folder":
        raise BadInputError(f"only a folder can be installed editable, and '{source.text}' is not one")
    with tempfile.TemporaryDirectory(prefix="bsct-zoo-") as name:
        aside = Path(name).resolve() / "site"
        _uv(["--no-deps", "--reinstall", "--target", str(aside), source.target], source, aside.parent, tell)
        staged = _only_one(source, aside)
        _refuse_strangers(source, staged)
        more = _additions(source, staged, aside.parent, tell)
        if more:
            if tell is not None:
                tell(f"with {', '.join(more)}, which it needs")
            _uv(["--no-deps", "--target", str(aside), *more], source, aside.parent, tell)
        _working(staged.name, aside.parent, aside)
        target = f"{staged.name}=={staged.version}" if source.kind == "index" else source.target
        flags = ["--no-deps", "--reinstall-package", staged.name, *(["--editable"] if editable else [])]
        _uv([*flags, target, *more], source, aside.parent, None)
        return _working(staged.name, aside.parent)


def uninstall(name: str, packages: list[PluginPackage], tell: OnEvent | None = None) -> PluginPackage:
    """Remove the plugin package called ``name`` or that registered ``name``; environments are left to the caller.

    Raises:
        UnknownNameError: nothing is called so.
        BadInputError: it is part of bsct-zoo, no plugin, needed by another package, or out of reach.
    """
    found = _named(name, packages)
    check_interpreter()
    needing = [
        d.name
        for d in distributions()
        if canonicalize_name(found.name) in {canonicalize_name(r.name) for r in _requires(d)}
    ]
    if needing:
        raise BadInputError(f"'{needing[0]}' needs '{found.name}'; remove that first: bsct-zoo uninstall {needing[0]}")
    with tempfile.TemporaryDirectory(prefix="bsct-zoo-") as folder:
        done = run_uv(["pip", "uninstall", "--python", sys.executable, found.name], Path(folder), tell)
    if done.code != 0:
        raise BadInputError(f"cannot remove '{found.name}': {done.reason}")
    left = next(iter(Distribution.discover(name=found.name)), None)
    if left is not None:
        raise BadInputError(
            f"'{found.name}' is in {left.locate_file('')}, which is not of {sys.executable}; remove it there"
        )
    return found


# -- looking at it before it is installed ------------------------------------------------------------------


def _only_one(source: Source, aside: Path) -> Distribution:
    found = list(Distribution.discover(path=[str(aside)]))
    if len(found) != 1:
        raise BadInputError(f"'{source.text}' is not one package; nothing was installed")
    return found[0]


def _refuse_strangers(source: Source, staged: Distribution) -> None:
    """Refuse what is no plugin, is bsct-zoo itself, or would break a package that is installed."""
    if canonical(staged) == OURS:
        raise BadInputError(f"'{source.text}' is bsct-zoo itself; upgrade it with the tool that installed it")
    if not [point for point in staged.entry_points if point.group == GROUP]:
        raise BadInputError(
            f"'{staged.name}' is not a plugin of bsct-zoo: it has no entry point in the group '{GROUP}'; "
            "nothing was installed"
        )
    for other in distributions():
        for requirement in _requires(other):
            if canonicalize_name(requirement.name) == canonical(staged) and not _meets(staged, requirement):
                raise BadInputError(f"'{other.name}' needs {requirement}, so {staged.version} was not installed")
    for file in staged.files or ():
        if ".dist-info/" not in str(file) and (owned := _in_the_way(source, staged, str(file))):
            raise BadInputError(f"'{staged.name}' would hide {owned} of another package; nothing was installed")


def _in_the_way(source: Source, staged: Distribution, file: str) -> Path | None:
    """The file of another package that ``file`` of this one would overwrite or hide."""
    old = installed(staged.name)
    if old is not None and file in map(str, old.files or ()):
        return None
    own = [source.target] if source.kind == "folder" else []
    if old is not None and source_of(old).startswith("editable folder "):
        own.append(source_of(old).removeprefix("editable folder "))
    for folder in filter(None, sys.path):
        found = Path(folder, file).resolve()
        if found.exists() and not any(found.is_relative_to(place) for place in own):
            return found
    return None


def _additions(source: Source, staged: Distribution, folder: Path, tell: OnEvent | None) -> list[str]:
    """What must be installed besides, as ``name==version``; what is installed already stays as it is.

    Raises:
        BadInputError: there is no way that leaves every installed package as it is.
    """
    missing = []
    for requirement in _requires(staged):
        found = installed(requirement.name)
        if found is not None and not _meets(found, requirement):
            raise BadInputError(
                f"'{staged.name}' needs {requirement}, but {found.name} {found.version} is installed and is not "
                "changed for a plugin; what its model needs belongs into the adapter's EnvironmentSpec"
            )
        if found is None or requirement.extras:
            missing.append(str(requirement))
    if not missing:
        return []
    pins = folder / "installed.txt"
    pins.write_text("".join(f"{name}=={version}\n" for name, version in _versions().items()))
    limits = [flag for file in (str(pins), *_constraint_files()) for flag in ("--constraint", file)]
    unless = "installed versions are not changed for a plugin"
    done = _uv(["--dry-run", *limits, *missing], source, folder, tell, unless)
    changes = re.findall(r"^ ([-+~]) ([\w.-]+)==(\S+)", done.output, re.MULTILINE)
    here = _versions()
    for sign, name, version in changes:
        if sign != "+" and here.get(canonicalize_name(name)) == version:
            raise BadInputError(f"'{staged.name}' cannot be installed without changing {name} {version}")
    return [
        f"{name}=={version}" for sign, name, version in changes if sign == "+" and canonicalize_name(name) not in here
    ]


def _working(name: str, folder: Path, aside: Path | None = None) -> PluginPackage:
    """What a fresh interpreter finds of the package ``name``, in the folder ``aside`` if there is one.

    Raises:
        BadInputError: nothing of it works, or something else no longer does.
    """
    report = folder / "plugins.json"
    report.unlink(missing_ok=True)
    paths = [*([str(aside)] if aside else []), *filter(None, [os.environ.get("PYTHONPATH")])]
    command = [sys.executable, "-m", "bsct_zoo", "plugins", "--json", str(report)]
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
    subprocess.run(command, cwd=folder, env=environ, capture_output=True, stdin=subprocess.DEVNULL, check=False)
    state = "nothing was installed" if aside else "it is installed but left out"
    if not report.exists():
        raise BadInputError(f"'{name}' ends the interpreter that imports it; {state}")
    packages = [PluginPackage.from_json(item) for item in json.loads(report.read_text())["packages"]]
    found = next((p for p in packages if canonicalize_name(p.name) == canonicalize_name(name)), None)
    if found is None:
        raise BadInputError(f"{sys.executable} does not find '{name}' where it was installed")
    if found.problems and not found.registers:
        raise BadInputError(f"'{name}' does not work ({found.problems[0]}); {state}")
    before = {package.name: package.problems for package in plugin_packages(registry())}
    for other in packages:
        harm = [problem for problem in other.problems if problem not in before.get(other.name, other.problems)]
        if harm:
            raise BadInputError(f"'{name}' breaks '{other.name}' ({harm[0]}); {state}")
    return found


# -- what is here ------------------------------------------------------------------------------------------


def _named(name: str, packages: list[PluginPackage]) -> PluginPackage:
    """The third-party package that ``name`` names, or that registered something of that name."""
    for package in packages:
        names = {canonicalize_name(package.name)}
        registered = {*package.adapters, *package.suites, *package.checks, *package.commands, *package.plugins}
        if canonicalize_name(name) in names or name in registered:
            if canonicalize_name(package.name) == OURS:
                what = "bsct-zoo itself" if canonicalize_name(name) == OURS else f"'{name}', which comes with bsct-zoo,"
                raise BadInputError(f"{what} cannot be removed by bsct-zoo; use the tool that installed it")
            return package
    if installed(name) is not None:
        raise BadInputError(f"'{name}' is not a plugin of bsct-zoo; remove it with the tool that installed it")
    raise UnknownNameError("plugin", name, [d.name for d in plugin_distributions()])


def _requires(distribution: Distribution) -> list[Requirement]:
    """What a package asks for on this platform, without extras."""
    parsed = []
    for line in distribution.requires or ():
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            requirement.marker = None
            parsed.append(requirement)
    return parsed


def _meets(found: Distribution, requirement: Requirement) -> bool:
    return requirement.specifier.contains(found.version, prereleases=True)


def _versions() -> dict[str, str]:
    """Version of every installed package; of two of one name, the one that is imported."""
    found: dict[str, str] = {}
    for distribution in distributions():
        found.setdefault(canonical(distribution), distribution.version)
    return found


# -- the installer -----------------------------------------------------------------------------------------


def _uv(
    arguments: list[str], source: Source, folder: Path, tell: OnEvent | None, unless: str = "nothing was installed"
) -> UvResult:
    done = run_uv(["pip", "install", "--python", sys.executable, *arguments], folder, tell)
    if done.no_network:
        raise BsctZooError(f"cannot install '{source.text}': no network; connect, or give a folder or a wheel")
    if done.code != 0:
        because = re.search(r"Because .*", done.output, re.DOTALL)  # of several lines, where it is about versions
        why = " ".join(because.group().split()) if because else done.reason
        raise BadInputError(f"cannot install '{source.text}': {why.rstrip('.')}; {unless}")
    return done


def _constraint_files() -> list[str]:
    """The user's own constraints, which ours would replace."""
    carried, _ = uv_environment(os.environ)
    return (os.environ.get("UV_CONSTRAINT") or carried.get("UV_CONSTRAINT", "")).split()
