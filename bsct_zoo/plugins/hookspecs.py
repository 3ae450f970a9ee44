"""The hooks that a plugin may implement, in entry-point group ``bsct_zoo``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from bsct_zoo.plugins.cards import Adapter
    from bsct_zoo.plugins.checks import Check
    from bsct_zoo.plugins.suite_source import SuiteSource
    from bsct_zoo.plugins.tasks import TaskSource

hookspec = pluggy.HookspecMarker("bsct_zoo")
hookimpl = pluggy.HookimplMarker("bsct_zoo")


@hookspec
def register_adapters() -> list[Adapter]:  # type: ignore[empty-body]
    """Model families."""


@hookspec
def register_suites() -> list[SuiteSource]:  # type: ignore[empty-body]
    """Suites of scans, shipped or to be imported."""


@hookspec
def register_tasks() -> list[TaskSource | Check]:  # type: ignore[empty-body]
    """What can be put to a model beside suites (``compare --task``): tasks, and checks of molecular dynamics."""


@hookspec
def register_checks() -> list[Check]:  # type: ignore[empty-body]
    """Old name of ``register_tasks``, of bsct-zoo 0.1."""


@hookspec
def register_commands(app: Any) -> None:
    """Add commands to the command line, a ``typer.Typer``."""
