"""The packages that plugins came in: version, source, what each registers, and whether it works."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import Distribution, entry_points
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from packaging.utils import canonicalize_name

from bsct_zoo import __version__
from bsct_zoo.plugins.registry import GROUP, Registry, is_ours
from bsct_zoo.runtime.load import where

OURS = "bsct-zoo"


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
        unbuilt: those of ``adapters`` that need an environment which is not made yet.
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

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> PluginPackage:
        """From what ``bsct-zoo plugins --json`` wrote of it."""
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
        return PluginPackage(**values)

    @property
    def registers(self) -> str:
        """What it registered, for people: "adapter morse, suites a b"."""
        parts = []
        for kind in ("adapters", "suites", "checks", "commands"):
            names = getattr(self, kind)
            if names:
                parts.append(f"{kind if len(names) > 1 else kind[:-1]} {' '.join(names)}")
        return ", ".join(parts)


def plugin_packages(registry: Registry) -> list[PluginPackage]:
    """Every package with plugins, bsct-zoo itself first."""
    ours = [name for name, point in registry.points.items() if is_ours(point)]
    found = [_package(registry, OURS, __version__, _own_source(), [*ours, OURS])]
    for distribution in plugin_distributions():
        names = [
            name
            for name, point in registry.points.items()
            if point.dist is not None and canonical(point.dist) == canonical(distribution)
        ]
        found.append(_package(registry, distribution.name, distribution.version, source_of(distribution), names))
    return found


def plugin_distributions() -> list[Distribution]:
    """Installed third-party packages with plugins, by name."""
    found = {canonical(point.dist): point.dist for point in entry_points(group=GROUP) if point.dist is not None}
    return [found[name] for name in sorted(found) if name != OURS]


def canonical(distribution: Distribution) -> str:
    """Its name as indexes compare it."""
    return canonicalize_name(distribution.name)


def source_of(distribution: Distribution) -> str:
    """Where an installed package came from (PEP 610)."""
    text = distribution.read_text("direct_url.json")
    if text is None:
        return "index"
    data = json.loads(text)
    url = str(data.get("url", ""))
    place = unquote(url.removeprefix("file://"))
    if "vcs_info" in data:
        return f"{data['vcs_info'].get('vcs', 'git')} {url} at {data['vcs_info'].get('commit_id', '?')[:10]}"
    if "dir_info" in data:
        return f"{'editable ' if data['dir_info'].get('editable') else ''}folder {place}"
    return f"file {place}"


def _own_source() -> str:
    own = next(iter(Distribution.discover(name=OURS)), None)
    return source_of(own) if own is not None else f"checkout {Path(__file__).parents[2]}"


def _package(registry: Registry, name: str, version: str, source: str, plugins: list[str]) -> PluginPackage:
    brought = [item for plugin in plugins for item in registry.brought.get(plugin, ())]

    def of(kind: str) -> tuple[str, ...]:
        return tuple(sorted(item for found, item in brought if found == kind))

    return PluginPackage(
        name=name,
        version=version,
        source=source,
        adapters=of("adapters"),
        suites=of("suites"),
        checks=of("checks"),
        commands=of("commands"),
        plugins=tuple(plugin for plugin in plugins if plugin != OURS),
        problems=tuple(_problems(registry, plugins)),
        unbuilt=tuple(n for n in of("adapters") if name != OURS and where(registry.adapters[n]) == "not built"),
    )


def _problems(registry: Registry, plugins: list[str]) -> Iterator[str]:
    for plugin in plugins:
        for problem in registry.problems.get(plugin, ()):
            yield f"{plugin}: {problem}"
