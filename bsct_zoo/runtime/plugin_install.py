"""Install and remove third-party plugins, without changing any other installed package.

Uv does the work. A package first goes into a folder aside; once it works from there, hides no file of another package
and needs nothing that changes an installed version, it is installed by its exact version, without resolving.
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
from typing import Literal, NamedTuple

import msgspec
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from bsct_zoo.errors import BadInputError, BsctZooError, UnknownNameError
from bsct_zoo.plugins.registry import GROUP, registry
from bsct_zoo.runtime.pip_settings import uv_environment
from bsct_zoo.runtime.plugin_packages import OURS, PluginPackage, canonical, plugin_packages, source_of
from bsct_zoo.runtime.requirements import installed, requirements_of
from bsct_zoo.runtime.uv_tool import OnEvent, run_uv

_FORGE = re.compile(
    r"https://(?:github\.com|gitlab\.com|codeberg\.org)/[^/]+/[^/@]+/?(?:@[^/]+)?|https?://\S+\.git(?:@\S+)?"
)


class Source(NamedTuple):
    """A package to install: as written, as passed to uv (a requirement, path or address), and its kind."""

    text: str
    target: str
    kind: Literal["index", "folder", "file", "address"]


def parse_source(text: str) -> Source:
    """What ``text`` stands for: an address, a folder or file where it looks like a path, or else a name on an index.

    Raises:
        BadInputError: it is none of these, or there is no such file or folder.
    """
    if _FORGE.fullmatch(text):
        return Source(text, f"git+{text}", "address")
    if text.startswith(("git+", "https://", "http://", "file://")):
        return Source(text, text, "address")
    path = Path(text).expanduser()
    if "/" in text.partition("@")[0] or text.startswith((".", "~")) or text.endswith((".whl", ".tar.gz", ".zip")):
        if not path.exists():
            raise BadInputError(f"there is no file or folder {text}")
        if path.is_dir() and not any((path / name).is_file() for name in ("pyproject.toml", "setup.py")):
            raise BadInputError(f"{text} is no Python package: it has no pyproject.toml")
        return Source(text, str(path.resolve()), "folder" if path.is_dir() else "file")
    try:
        url = Requirement(text).url
    except InvalidRequirement as error:
        raise BadInputError(f"'{text}' is neither a package's name, a folder, a file nor a git address") from error
    if path.is_dir():
        raise BadInputError(f"'{text}' is a folder here; write ./{text} for it, or '{text}>=0' for the package")
    return Source(text, text, "address" if url else "index")


def check_interpreter() -> None:
    """Check whether packages may be installed into the running interpreter.

    Raises:
        BadInputError: they may not, or bsct-zoo itself is not installed in it.
    """
    mend = "install bsct-zoo into a virtual environment and run that one"
    if installed(OURS) is None:
        raise BadInputError(f"bsct-zoo runs from its source tree and is not installed; {mend}")
    if sys.prefix == sys.base_prefix and Path(sysconfig.get_path("stdlib"), "EXTERNALLY-MANAGED").exists():
        raise BadInputError(f"{sys.executable} is managed by the system, and plugins cannot be put there; {mend}")
    site = sysconfig.get_path("purelib")
    if not os.access(site, os.W_OK):
        raise BadInputError(f"cannot write to {site}, where plugins of {sys.executable} would go; {mend}")


def install(source: Source, *, editable: bool = False, tell: OnEvent | None = None) -> PluginPackage:
    """Install the plugin package that ``source`` names, and return what it registered. Runs code of the package.

    Raises:
        BadInputError: it is not available, is not a plugin, does not work, or would change another package.
        BsctZooError: there is no network.
    """
    check_interpreter()
    if editable and source.kind != "folder":
        raise BadInputError(f"only a folder can be installed editable, and '{source.text}' is not one")
    with tempfile.TemporaryDirectory(prefix="bsct-zoo-") as name:
        folder = Path(name).resolve()
        aside = folder / "site"
        _uv(source, folder, tell, "--no-deps", "--reinstall", "--target", str(aside), source.target)
        found = list(Distribution.discover(path=[str(aside)]))
        if len(found) != 1:
            raise BadInputError(f"'{source.text}' is not one package; nothing was installed")
        staged = found[0]
        _refuse(source, staged)
        more = _additions(source, staged, folder, tell)
        if more:
            if tell is not None:
                tell(f"with {', '.join(more)}, which it needs")
            _uv(source, folder, tell, "--no-deps", "--target", str(aside), *more)
        _working(staged.name, folder, aside)
        target = [f"{staged.name}=={staged.version}" if source.kind == "index" else source.target]
        _uv(source, folder, None, "--no-deps", "--reinstall-package", staged.name, *["-e"] * editable, *target, *more)
        return _working(staged.name, folder)


def uninstall(name: str, packages: list[PluginPackage], tell: OnEvent | None = None) -> PluginPackage:
    """Remove the plugin package called ``name`` or that registered ``name``; the caller removes environments.

    Raises:
        UnknownNameError: there is no such plugin.
        BadInputError: it is part of bsct-zoo, not a plugin, needed by another package, or in another interpreter.
    """
    found = _named(name, packages)
    check_interpreter()
    needing = [d.name for d in distributions() if any(_names(r, found.name) for r in requirements_of(d))]
    if needing:
        raise BadInputError(f"'{needing[0]}' needs '{found.name}'; remove that first: bsct-zoo uninstall {needing[0]}")
    with tempfile.TemporaryDirectory(prefix="bsct-zoo-") as folder:
        done = run_uv(["pip", "uninstall", "--python", sys.executable, found.name], Path(folder), tell)
    if done.code != 0:
        raise BadInputError(f"cannot remove '{found.name}': {done.reason}")
    if left := next(iter(Distribution.discover(name=found.name)), None):
        place = left.locate_file("")
        raise BadInputError(f"'{found.name}' is in {place}, which is not of {sys.executable}; remove it there")
    return found


def _refuse(source: Source, staged: Distribution) -> None:
    """Refuse what is not a plugin, is bsct-zoo itself, or would break an installed package."""
    if canonical(staged) == OURS:
        raise BadInputError(f"'{source.text}' is bsct-zoo itself; upgrade it with the tool that installed it")
    if not staged.entry_points.select(group=GROUP):
        what = f"'{staged.name}' is not a plugin of bsct-zoo: it has no entry point in the group '{GROUP}'"
        raise BadInputError(f"{what}; nothing was installed")
    for other in distributions():
        for need in requirements_of(other):
            if _names(need, staged.name) and not need.specifier.contains(staged.version, prereleases=True):
                raise BadInputError(f"'{other.name}' needs {need}, so {staged.version} was not installed")
    old = installed(staged.name)
    own = {str(file) for file in (old.files if old else None) or ()}
    places = [source.target] if source.kind == "folder" else []
    places += [source_of(old).removeprefix("editable folder ")] if old else []
    for file in map(str, staged.files or ()):
        for found in (Path(folder, file).resolve() for folder in sys.path if folder):
            free = ".dist-info/" in file or file in own or any(found.is_relative_to(place) for place in places)
            if not free and found.exists():
                raise BadInputError(f"'{staged.name}' would hide {found} of another package; nothing was installed")


def _additions(source: Source, staged: Distribution, folder: Path, tell: OnEvent | None) -> list[str]:
    """What must be installed in addition, as ``name==version``; installed packages are unchanged.

    Raises:
        BadInputError: installed packages would have to change.
    """
    here = {canonical(d): d.version for d in reversed(list(distributions()))}  # of two of one name the first counts
    needs = [(need, here.get(canonicalize_name(need.name))) for need in requirements_of(staged)]
    missing = [str(n) for n, v in needs if n.extras or v is None or not n.specifier.contains(v, prereleases=True)]
    if not missing:
        return []
    pins = folder / "installed.txt"
    pins.write_text("".join(f"{name}=={version}\n" for name, version in here.items()))
    # The user's own constraints, which ours would replace.
    theirs = os.environ.get("UV_CONSTRAINT") or uv_environment(os.environ)[0].get("UV_CONSTRAINT", "")
    limits = [flag for file in (str(pins), *theirs.split()) for flag in ("--constraint", file)]
    unless = "installed versions are not changed for a plugin"
    output = _uv(source, folder, tell, "--dry-run", *limits, *missing, unless=unless)
    changes = re.findall(r"^ \+ ([\w.-]+)==(\S+)", output, re.MULTILINE)
    return [f"{name}=={version}" for name, version in changes if canonicalize_name(name) not in here]


def _working(name: str, folder: Path, aside: Path | None = None) -> PluginPackage:
    """The package ``name`` in a fresh interpreter, from the folder ``aside`` if there is one.

    Raises:
        BadInputError: it does not work, or breaks something else.
    """
    report = folder / "plugins.json"
    report.unlink(missing_ok=True)
    path = os.pathsep.join(filter(None, [str(aside or ""), os.environ.get("PYTHONPATH")]))
    command = [sys.executable, "-m", "bsct_zoo", "plugins", "--json", str(report)]
    environ = os.environ | {"PYTHONPATH": path}
    subprocess.run(command, cwd=folder, env=environ, capture_output=True, stdin=subprocess.DEVNULL, check=False)
    state = "nothing was installed" if aside else "it is installed but left out"
    if not report.exists():
        raise BadInputError(f"'{name}' ends the interpreter that imports it; {state}")
    listed = json.loads(report.read_text())["packages"]
    packages = [msgspec.convert(item, PluginPackage) for item in listed]
    found = next((p for p in packages if canonicalize_name(p.name) == canonicalize_name(name)), None)
    if found is None:
        raise BadInputError(f"{sys.executable} does not find '{name}' where it was installed")
    if found.problems and not found.registers:
        raise BadInputError(f"'{name}' does not work ({found.problems[0]}); {state}")
    before = {package.name: package.problems for package in plugin_packages(registry())}
    for other in packages:
        if harm := [problem for problem in other.problems if problem not in before.get(other.name, other.problems)]:
            raise BadInputError(f"'{name}' breaks '{other.name}' ({harm[0]}); {state}")
    return found


def _named(name: str, packages: list[PluginPackage]) -> PluginPackage:
    """The third-party package that ``name`` names, or that registered something of that name."""
    for package in packages:
        same = canonicalize_name(name) == canonicalize_name(package.name)
        if same or name in (*package.adapters, *package.suites, *package.checks, *package.commands, *package.plugins):
            if package.name == OURS:
                what = "bsct-zoo itself" if same else f"'{name}', which comes with bsct-zoo,"
                raise BadInputError(f"{what} cannot be removed by bsct-zoo; use the tool that installed it")
            return package
    if installed(name) is not None:
        raise BadInputError(f"'{name}' is not a plugin of bsct-zoo; remove it with the tool that installed it")
    raise UnknownNameError("plugin", name, [package.name for package in packages[1:]])


def _names(requirement: Requirement, name: str) -> bool:
    return canonicalize_name(requirement.name) == canonicalize_name(name)


def _uv(
    source: Source, folder: Path, tell: OnEvent | None, *arguments: str, unless: str = "nothing was installed"
) -> str:
    """The output of uv's installation."""
    done = run_uv(["pip", "install", "--python", sys.executable, *arguments], folder, tell)
    if done.no_network:
        raise BsctZooError(f"cannot install '{source.text}': no network; connect, or give a folder or a wheel")
    if done.code != 0:
        because = re.search(r"Because .*", done.output, re.DOTALL)  # of several lines, where it is about versions
        why = " ".join(because.group().split()) if because else done.reason
        raise BadInputError(f"cannot install '{source.text}': {why.rstrip('.')}; {unless}")
    return done.output
