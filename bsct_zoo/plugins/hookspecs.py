"""The hooks that a plugin may implement, in entry-point group ``bsct_zoo``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    import typer

    from bsct_zoo.plugins.cards import Adapter
    from bsct_zoo.plugins.checks import Check
    from bsct_zoo.suites.source import SuiteSource

hookspec = pluggy.HookspecMarker("bsct_zoo")
hookimpl = pluggy.HookimplMarker("bsct_zoo")


@hookspec
def register_adapters() -> list[Adapter]:  # type: ignore[empty-body]
    """Model families."""


@hookspec
def register_suites() -> list[SuiteSource]:  # type: ignore[empty-body]
    """Suites of scans, shipped or to be imported."""


@hookspec
def register_checks() -> list[Check]:  # type: ignore[empty-body]
    """What a model does beyond single frames, such as molecular dynamics (``bsct-zoo md``)."""


@hookspec
def register_commands(app: typer.Typer) -> None:
    """Add commands to the command line."""
