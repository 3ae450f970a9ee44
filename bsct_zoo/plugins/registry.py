"""What the installed plugins brought. A plugin that breaks costs one warning line and nothing else."""

from __future__ import annotations

import importlib
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import pluggy

from bsct_zoo import legacy
from bsct_zoo.errors import BadInputError, UnknownNameError
from bsct_zoo.plugins import calculator_cards, hookspecs
from bsct_zoo.plugins.cards import Adapter, EnvironmentSpec
from bsct_zoo.plugins.checks import BUILT_IN, Check
from bsct_zoo.plugins.suite_source import SuiteSource
from bsct_zoo.plugins.tasks import TaskSource

GROUP = "bsct_zoo"
_HOOKS = {  # what is registered, by new and old names of the hook
    "adapters": ("register_adapters",),
    "suites": ("register_suites",),
    "tasks": ("register_tasks", "register_checks"),
}
_BROKEN = (Exception, SystemExit)  # a script that was taken for a module may call sys.exit


@dataclass
class Registry:
    """Everything that plugins registered.

    Attributes:
        adapters: model families by name.
        suites: suites by name.
        tasks: tasks and checks by name.
        warnings: one line for each plugin that is left out, wholly or in part.
        points: entry point of every plugin, by the plugin's name.
        brought: what each plugin registered, as (kind, name).
        problems: why a plugin is left out, wholly or in part, by its name.
    """

    adapters: dict[str, Adapter] = field(default_factory=dict)
    suites: dict[str, SuiteSource] = field(default_factory=dict)
    tasks: dict[str, TaskSource | Check] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    points: dict[str, EntryPoint] = field(default_factory=dict)
    brought: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    problems: dict[str, list[str]] = field(default_factory=dict)
    _commands: list[tuple[str, Callable[..., None]]] = field(default_factory=list)

    @property
    def checks(self) -> dict[str, Check]:
        """The tasks that are checks of molecular dynamics, by name."""
        return {name: task for name, task in self.tasks.items() if isinstance(task, Check)}

    def adapter(self, name: str) -> Adapter:
        """The model family called ``name``, by name or alias.

        Raises:
            UnknownNameError: nothing is called so.
        """
        for adapter in self.adapters.values():
            if name in (adapter.name, *adapter.aliases):
                return adapter
        known = [n for a in self.adapters.values() for n in (a.name, *a.aliases)]
        raise UnknownNameError("model", name, known)

    def suite(self, name: str) -> SuiteSource:
        """The suite called ``name``.

        Raises:
            UnknownNameError: nothing is called so.
        """
        if name not in self.suites:
            raise UnknownNameError("suite", name, list(self.suites))
        return self.suites[name]

    def add_commands(self, app: Any) -> None:
        """Let plugins add commands to the command line, once; names already taken are refused."""
        waiting, self._commands = self._commands, []
        for plugin, implementation in waiting:
            n_commands, n_groups = len(app.registered_commands), len(app.registered_groups)
            taken = _command_names(app)
            try:
                implementation(app)
                added = list((_command_names(app) - taken).elements())
                clash = [name for name in added if name in taken]
                if clash:
                    raise ValueError(f"there is a command '{clash[0]}' already")
                self.brought.setdefault(plugin, []).extend(("commands", name) for name in added)
            except _BROKEN as error:
                del app.registered_commands[n_commands:], app.registered_groups[n_groups:]
                self._warn(plugin, error)

    def _warn(self, plugin: str, problem: BaseException | str) -> None:
        text = problem if isinstance(problem, str) else f"{type(problem).__name__}: {problem}"
        self.problems.setdefault(plugin, []).append(" ".join(text.split()))
        self.warnings.append(f"plugin '{plugin}' is left out: {self.problems[plugin][-1]}")

    def _add(self, plugin: str, kind: str, items: Any) -> None:
        """File what one hook of one plugin returned; names already taken are refused."""
        table: dict[str, Any] = getattr(self, kind)
        for item in items:
            names = [item.name, *getattr(item, "aliases", ())]
            taken = {n: t for t in table.values() for n in (t.name, *getattr(t, "aliases", ()))}
            clash = [name for name in names if name in taken and taken[name] != item]
            if clash:
                self._warn(plugin, f"the name '{clash[0]}' is taken by another plugin")
                continue
            if kind == "adapters" and not is_ours(self.points.get(plugin)):
                _check_environment(item)
            table[item.name] = item
            self.brought.setdefault(plugin, []).append((kind, item.name))


@cache
def registry() -> Registry:
    """Load every plugin once."""
    found = Registry()
    old_names: dict[str, dict[str, str]] = {}
    manager = pluggy.PluginManager(GROUP)
    manager.add_hookspecs(hookspecs)
    for point in _entry_points():
        name = point.name if point.name not in found.points else f"{point.name} of {_distribution(point)}"
        try:
            plugin = point.load()
            if manager.is_registered(plugin):
                continue
            found.points[name] = point
            manager.register(plugin, name=name)
            for implementation in manager.get_hookcallers(plugin) or []:
                if not implementation.has_spec():
                    raise ValueError(f"there is no hook '{implementation.name}'")
        except _BROKEN as error:
            found.points[name] = point
            if manager.has_plugin(name):
                manager.unregister(name=name)
            found._warn(name, error)
        finally:
            old_names[name] = legacy.used_by_last_import()
    found._add("bsct-zoo", "tasks", BUILT_IN)
    for kind, spec in [(kind, spec) for kind, specs in _HOOKS.items() for spec in specs]:
        for name, hook in _implementations(manager, spec):
            if spec != _HOOKS[kind][0]:
                old_names[name][spec] = _HOOKS[kind][0]
            try:
                found._add(name, kind, hook())
            except _BROKEN as error:
                found._warn(name, error)
            old_names[name].update(legacy.used_by_last_import())
    _add_user_cards(found)
    for name, used in old_names.items():
        if used:
            changes = ", ".join(f"{old} -> {new}" for old, new in used.items())
            found.warnings.append(f"plugin '{name}' uses names of bsct-zoo 0.1 ({changes}); update these names")
    found._commands = list(_implementations(manager, "register_commands"))
    return found


def _add_user_cards(found: Registry) -> None:
    """Cards of calculators that the user wrote; one that is wrong is left out with a warning."""
    for file in calculator_cards.user_files():
        try:
            tables = calculator_cards.tables_of(file)
        except BadInputError as error:
            found.warnings.append(f"{error}; left out")
            continue
        for name, table in tables.items():
            try:
                found._add(str(file), "adapters", [calculator_cards.adapter_of(name, table, str(file))])
            except BadInputError as error:
                found.warnings.append(f"{error}; left out")


def is_ours(point: EntryPoint | None) -> bool:
    """Whether a plugin comes with bsct-zoo itself, installed or from a checkout."""
    return point is None or point.dist is None or _distribution(point) == "bsct-zoo"


def _distribution(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else "bsct-zoo"


def _check_environment(adapter: Adapter) -> None:
    """Refuse an environment that nothing could be asked of; of a third party alone, since packaging takes its time."""
    spec = adapter.environment
    if spec != EnvironmentSpec():
        from packaging.requirements import Requirement
        from packaging.specifiers import SpecifierSet

        SpecifierSet(spec.python)
        for line in (*spec.requirements, *spec.overrides, *spec.build_constraints):
            Requirement(line)


def _command_names(app: Any) -> Counter[str]:
    commands = [c.name or getattr(c.callback, "__name__", "").replace("_", "-") for c in app.registered_commands]
    return Counter(commands + [group.name for group in app.registered_groups if isinstance(group.name, str)])


def _implementations(manager: pluggy.PluginManager, hook: str) -> Iterator[tuple[str, Callable[..., Any]]]:
    """Plugin name and function of every implementation, one by one so that one failure stays one."""
    for implementation in getattr(manager.hook, hook).get_hookimpls():
        yield implementation.plugin_name, implementation.function


def _entry_points() -> list[EntryPoint]:
    """Installed plugins; those of a checkout that was not installed too. First-party ones come first."""
    installed = list(entry_points(group=GROUP))
    names = {point.name for point in installed}
    checkout = [point for point in _checkout_entry_points() if point.name not in names]
    return checkout + sorted(installed, key=lambda point: (not is_ours(point), point.name))


def _checkout_entry_points() -> list[EntryPoint]:
    """The plugins of the source tree that this package is imported from, if it is one."""
    root = Path(__file__).parents[2]
    project = root / "pyproject.toml"
    if not (project.is_file() and (root / "adapters").is_dir()):
        return []
    declared = tomllib.loads(project.read_text()).get("project", {})
    if declared.get("name") != "bsct-zoo":
        return []
    for folder in sorted([*root.glob("adapters/*/"), *root.glob("suites/*/")]):
        if str(folder) not in sys.path:
            sys.path.append(str(folder))
    importlib.invalidate_caches()
    points = declared.get("entry-points", {}).get(GROUP, {})
    return [EntryPoint(name=name, value=value, group=GROUP) for name, value in points.items()]
