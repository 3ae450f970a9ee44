"""Whether an interpreter meets the requirements of a model, and with which versions. Reads metadata only."""

from __future__ import annotations

import json
import platform
from collections import deque
from collections.abc import Callable, Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from bsct_zoo.errors import BadInputError
from bsct_zoo.plugins.cards import EnvironmentSpec

# The core's requirements in a worker; the same lines as in pyproject.toml.
BASE = (
    "ase>=3.23",
    "numpy>=1.26",
    "packaging>=24",
    "pluggy>=1.5",
    "safetensors>=0.4",
    "torch>=2.4",
    "vesin>=0.3",
)
# Those that determine numbers.
NUMERIC = ("ase", "numpy", "torch", "vesin")

Finder = Callable[[str], Distribution | None]


def unmet(spec: EnvironmentSpec) -> list[str]:
    """What the running interpreter lacks for ``spec``, one line each; empty if it lacks nothing.

    The requirements of required packages must be met as well, because an installed package with broken pins gives
    wrong numbers or none. The core's own packages are accepted as they are.

    Raises:
        BadInputError: ``spec`` holds a line that is not PEP 508 or PEP 440.
    """
    missing = []
    if not python_fits(spec):
        missing.append(f"Python {spec.python} (this is {platform.python_version()})")
    for requirement, wanted_by, found in _closure(spec, installed):
        why = f", which {wanted_by} wants" if wanted_by else ""
        if found is None:
            missing.append(f"{requirement}{why} (not installed)")
        elif not _meets(found, requirement):
            missing.append(f"{requirement}{why} ({found.version} is installed)")
    return missing


def python_fits(spec: EnvironmentSpec, version: str = platform.python_version()) -> bool:
    """Whether ``spec`` accepts Python ``version``, by default this one.

    Raises:
        BadInputError: ``spec.python`` is not a PEP 440 specifier.
    """
    try:
        return SpecifierSet(spec.python).contains(version, prereleases=True)
    except InvalidSpecifier as error:
        raise BadInputError(f"'{spec.python}' is not a Python version specifier (PEP 440)") from error


def versions(spec: EnvironmentSpec, find: Finder) -> dict[str, str]:
    """Versions of what determines the numbers: numeric base, required packages and their requirements."""
    found = {name: find(name) for name in NUMERIC}
    direct = {canonicalize_name(r.name) for r in _parsed(spec.requirements)}
    for requirement, wanted_by, dist in _closure(spec, find):
        if wanted_by is None or wanted_by in direct:
            found[canonicalize_name(requirement.name)] = dist
    return {name: dist.version for name, dist in sorted(found.items()) if dist is not None}


def installed(name: str) -> Distribution | None:
    """The distribution called ``name`` in this interpreter."""
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def direct_url(found: Distribution) -> dict[str, Any]:
    """Where a distribution was installed from (PEP 610); empty if from an index."""
    data: dict[str, Any] = json.loads(found.read_text("direct_url.json") or "{}")
    return data


def requirements_of(found: Distribution, extras: frozenset[str] = frozenset()) -> Iterator[Requirement]:
    """What a distribution asks for on this platform, with the extras asked of it."""
    for line in found.requires or []:
        try:
            requirement = Requirement(line)
        except InvalidRequirement:
            continue
        if _applies(requirement, extras):
            requirement.marker = None
            yield requirement


def _closure(spec: EnvironmentSpec, find: Finder) -> Iterator[tuple[Requirement, str | None, Distribution | None]]:
    """Every applicable requirement, its origin (None: ``spec`` itself), and the installed distribution."""
    base = {canonicalize_name(Requirement(line).name) for line in BASE}
    overrides: dict[str, list[Requirement]] = {}
    for requirement in _parsed(spec.overrides):
        overrides.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    seen: set[tuple[str, str | None]] = set()
    expanded: set[tuple[str, frozenset[str]]] = set()
    queue: deque[tuple[Requirement, str | None]] = deque((r, None) for r in _parsed(spec.requirements))
    while queue:
        wanted, wanted_by = queue.popleft()
        for requirement in overrides.get(canonicalize_name(wanted.name), [wanted]):
            if (str(requirement), wanted_by) in seen or not _applies(requirement, frozenset()):
                continue
            seen.add((str(requirement), wanted_by))
            name = canonicalize_name(requirement.name)
            extras = frozenset(wanted.extras | requirement.extras)
            found = find(name)
            yield requirement, wanted_by, found
            if found is not None and name not in base and (name, extras) not in expanded:
                expanded.add((name, extras))
                queue.extend((child, name) for child in requirements_of(found, extras))


def _applies(requirement: Requirement, extras: frozenset[str]) -> bool:
    marker = requirement.marker
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in extras or frozenset([""]))


def _meets(found: Distribution, requirement: Requirement) -> bool:
    if requirement.url is not None:
        data = direct_url(found)
        vcs = data.get("vcs_info", {})
        revision = f"@{vcs['requested_revision']}" if vcs.get("requested_revision") else ""
        return (f"{vcs['vcs']}+" if vcs else "") + str(data.get("url")) + revision == requirement.url
    return requirement.specifier.contains(found.version, prereleases=True)


def _parsed(lines: tuple[str, ...]) -> list[Requirement]:
    try:
        return [Requirement(line) for line in lines]
    except InvalidRequirement as error:
        raise BadInputError(f"not a requirement (PEP 508): {error}".splitlines()[0]) from error
