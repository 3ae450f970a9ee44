"""The packages of plugins: version, source, what each registers, and whether it works."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import Distribution, entry_points
from pathlib import Path
from urllib.parse import unquote

from packaging.utils import canonicalize_name

from bsct_zoo import __version__
from bsct_zoo.plugins.registry import GROUP, Registry, is_ours
from bsct_zoo.runtime.place import place_of
from bsct_zoo.runtime.requirements import direct_url

OURS = "bsct-zoo"
_KINDS = ("adapters", "suites", "checks", "commands")


@dataclass(frozen=True)
class PluginPackage:
    """An installed package with entry points in the group ``bsct_zoo``.

    Attributes:
        name: of the package, e.g. "bsct-zoo-morse".
        version: of the package.
        source: "index", "folder PATH", "git ADDRESS at COMMIT", ...
        adapters, suites, checks, commands: names of what it registered.
        plugins: names of its entry points.
        problems: why it is left out, wholly or in part; empty if it works.
        unbuilt: those of ``adapters`` whose environment is not built yet.
    """

    name: str
    version: str
    source: str
    adapters: tuple[str, ...] = ()
    suites: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    plugins: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    unbuilt: tuple[str, ...] = ()

    @property
    def registers(self) -> str:
        """What it registered, as text: "adapter morse, suites a b"."""
        named = [(kind, getattr(self, kind)) for kind in _KINDS]
        return ", ".join(f"{kind if len(n) > 1 else kind[:-1]} {' '.join(n)}" for kind, n in named if n)


def plugin_packages(registry: Registry) -> list[PluginPackage]:
    """Every package with plugins, bsct-zoo itself first."""
    here = {canonical(point.dist): point.dist for point in entry_points(group=GROUP) if point.dist is not None}
    here.pop(OURS, None)
    ours = [name for name, point in registry.points.items() if is_ours(point)]
    own = next(iter(Distribution.discover(name=OURS)), None)
    source = source_of(own) if own is not None else f"checkout {Path(__file__).parents[2]}"
    packages = [_package(registry, OURS, __version__, source, [*ours, OURS])]
    for name, found in sorted(here.items()):
        plugins = [n for n, point in registry.points.items() if point.dist and canonical(point.dist) == name]
        packages.append(_package(registry, found.name, found.version, source_of(found), plugins))
    return packages


def canonical(distribution: Distribution) -> str:
    """Its name as indexes compare it."""
    return canonicalize_name(distribution.name)


def source_of(distribution: Distribution) -> str:
    """Where an installed package came from, for people."""
    data = direct_url(distribution)
    url = str(data.get("url", ""))
    place = unquote(url.removeprefix("file://"))
    if "vcs_info" in data:
        return f"{data['vcs_info'].get('vcs', 'git')} {url} at {data['vcs_info'].get('commit_id', '?')[:10]}"
    if "dir_info" in data:
        return f"{'editable ' if data['dir_info'].get('editable') else ''}folder {place}"
    return f"file {place}" if data else "index"


def _package(registry: Registry, name: str, version: str, source: str, plugins: list[str]) -> PluginPackage:
    brought = [item for plugin in plugins for item in registry.brought.get(plugin, ())]
    names = {kind: tuple(sorted(item for found, item in brought if found == kind)) for kind in _KINDS}
    return PluginPackage(
        name,
        version,
        source,
        **names,
        plugins=tuple(plugin for plugin in plugins if plugin != OURS),
        problems=tuple(f"{plugin}: {why}" for plugin in plugins for why in registry.problems.get(plugin, ())),
        unbuilt=tuple(
            a for a in names["adapters"] if name != OURS and place_of(registry.adapters[a]).kind == "not built"
        ),
    )
