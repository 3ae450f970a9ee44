"""Import paths and names of bsct-zoo 0.1, mapped to the present ones.

Nothing is imported until an old path is. ``used_by_last_import`` tells the registry what a plugin should update.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import ModuleType
from typing import Any

# Modules of 0.1 and where their content is now; longer rows come before those that they begin with.
MODULES = {
    "bsct_zoo.batch": "bsct_zoo.atoms.batch",
    "bsct_zoo.batching": "bsct_zoo.potentials.batching",
    "bsct_zoo.boxes": "bsct_zoo.potentials.boxes",
    "bsct_zoo.bridges": "bsct_zoo.potentials.bridges",
    "bsct_zoo.building.crystals": "bsct_zoo.suites.building.crystal_scans",
    "bsct_zoo.building.curve": "bsct_zoo.report.curve",
    "bsct_zoo.building.molecules": "bsct_zoo.atoms.smiles",
    "bsct_zoo.building.reference": "bsct_zoo.evaluation.reference",
    "bsct_zoo.building.sources": "bsct_zoo.atoms.sources",
    "bsct_zoo.building.structure": "bsct_zoo.atoms.structure",
    "bsct_zoo.building": "bsct_zoo.suites.building",
    "bsct_zoo.cards": "bsct_zoo.plugins.cards",
    "bsct_zoo.checkpoints": "bsct_zoo.runtime.checkpoints",
    "bsct_zoo.checks.runs": "bsct_zoo.dynamics.checks",
    "bsct_zoo.checks.systems": "bsct_zoo.atoms.molecules",
    "bsct_zoo.checks": "bsct_zoo.dynamics",
    "bsct_zoo.correlation.schema": "bsct_zoo.analysis.correlation_schema",
    "bsct_zoo.correlation": "bsct_zoo.analysis",
    "bsct_zoo.data.molecules": "bsct_zoo.training.making.sources",
    "bsct_zoo.data": "bsct_zoo.training.making",
    "bsct_zoo.download": "bsct_zoo.models.download",
    "bsct_zoo.dynamics.answers": "bsct_zoo.potentials.isolation",
    "bsct_zoo.elements": "bsct_zoo.atoms.elements",
    "bsct_zoo.gradients": "bsct_zoo.potentials.gradients",
    "bsct_zoo.neighbours": "bsct_zoo.atoms.neighbours",
    "bsct_zoo.plugins.installed": "bsct_zoo.runtime.plugin_packages",
    "bsct_zoo.plugins.install": "bsct_zoo.runtime.plugin_install",
    "bsct_zoo.plugins.source": "bsct_zoo.runtime.plugin_install",
    "bsct_zoo.properties.answers": "bsct_zoo.potentials.isolation",
    "bsct_zoo.properties.results": "bsct_zoo.properties.quantities",
    "bsct_zoo.results.identity": "bsct_zoo.models.identity",
    "bsct_zoo.results": "bsct_zoo.evaluation",
    "bsct_zoo.scaffold.package": "bsct_zoo.plugins.scaffold",
    "bsct_zoo.scaffold": "bsct_zoo.plugins",
    "bsct_zoo.scans.source": "bsct_zoo.plugins.suite_source",
    "bsct_zoo.scans": "bsct_zoo.suites",
    "bsct_zoo.selection": "bsct_zoo.analysis",
    "bsct_zoo.trust": "bsct_zoo.models.trust",
    "bsct_zoo.weights": "bsct_zoo.models.weights",
}
# Of these a file of their own translates what has another signature now: (that file, where it is now).
TRANSLATED = {
    "bsct_zoo.checks": ("bsct_zoo.legacy.checks", "bsct_zoo.plugins.checks"),
    "bsct_zoo.potential": ("bsct_zoo.legacy.potential", "bsct_zoo.potentials.potential"),
}
# Names of 0.1 by the module that has them now.
NAMES = {
    "bsct_zoo.analysis.bootstrap": {"told_apart": "significantly_different"},
    "bsct_zoo.dynamics.velocities": {"internal_freedom": "internal_dof"},
    "bsct_zoo.files": {"only_here": "exclusive_lock", "write_whole": "atomic_write"},
    "bsct_zoo.models": {},  # was a module; its names are in ``naming`` now
    "bsct_zoo.models.trust": {"vouched": "trusted"},
    "bsct_zoo.potentials.isolation": {
        "Answers": "SystemAnswers",
        "answer": "energy_and_forces",
        "answers": "isolated_answers",
    },
    "bsct_zoo.runtime.checkpoints": {
        "read_vouched": "read_trusted",
        "require_vouched": "require_trusted",
        "vouched_copy": "trusted_copy",
    },
    "bsct_zoo.runtime.guard": {"as_our_error": "wrap_error"},
}

_used: dict[str, str] = {}


def used_by_last_import() -> dict[str, str]:
    """The old modules or names that were used since this was last asked, each with what it is called now."""
    used = dict(sorted(_used.items()))
    _used.clear()
    return used


class OldPaths:
    """Finds modules by their paths of 0.1, and lets modules of today answer to their old names too."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """See ``importlib.abc.MetaPathFinder``, whose import takes its time."""
        if not name.startswith("bsct_zoo."):
            return None
        if name in NAMES:
            spec = PathFinder.find_spec(name, path)
            if spec is not None and type(spec.loader) is SourceFileLoader:
                spec.loader = _Renamed(name, spec.loader.path)
            return spec
        from importlib.util import find_spec

        source, now = TRANSLATED.get(name) or (_moved(name),) * 2
        there = find_spec(source) if source else None
        if there is None:
            return None
        package = name in MODULES if name in TRANSLATED else there.submodule_search_locations is not None
        return ModuleSpec(name, _Moved(source, now), is_package=package)  # type: ignore[arg-type] # it is no subclass


class _Moved:
    """Makes a module that looks up every name in another one, and notes it."""

    def __init__(self, source: str, now: str) -> None:
        self.source, self.now = source, now

    def create_module(self, spec: ModuleSpec) -> None:
        """See ``importlib.abc.Loader``."""

    def exec_module(self, module: ModuleType) -> None:
        """See ``importlib.abc.Loader``."""
        vars(module)["__getattr__"] = _lookup(module.__name__, self.source, self.now)


class _Renamed(SourceFileLoader):
    """Loads a module of today that has other names for some of its functions."""

    def exec_module(self, module: ModuleType) -> None:
        """See ``importlib.abc.Loader``."""
        super().exec_module(module)
        now = "bsct_zoo.models.naming" if module.__name__ == "bsct_zoo.models" else module.__name__
        vars(module)["__getattr__"] = _lookup(module.__name__, now, now)


def _moved(name: str) -> str:
    for old, new in MODULES.items():
        if name == old or name.startswith(f"{old}."):
            return new + name.removeprefix(old)
    return ""


def _lookup(old: str, source: str, now: str) -> Callable[[str], Any]:
    """``__getattr__`` of the module ``old``, whose names are in ``source``, which a plugin should find in ``now``."""

    def find(name: str) -> Any:
        new = NAMES.get(source, {}).get(name, name)
        if not name.startswith("__") and (new != name or source != old):
            try:
                value = getattr(importlib.import_module(source), new)
            except AttributeError:
                pass
            else:
                _used[old if new == name else f"{old}.{name}"] = now if new == name else f"{now}.{new}"
                return value
        raise AttributeError(f"module '{old}' has no attribute '{name}'")

    return find


sys.meta_path.insert(0, OldPaths())
