"""Environments, plugins and the state of the installation, for people to read."""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console

from bsct_zoo.plugins.cards import Adapter
from bsct_zoo.report.listing import ListColumn, draw_facts, draw_list
from bsct_zoo.runtime import environment
from bsct_zoo.runtime.plugin_packages import PluginPackage
from bsct_zoo.runtime.requirements import installed, unmet


@dataclass(frozen=True)
class Diagnosis:
    """A line of ``doctor``: a thing, its state, and what to do about it if it is not as it should be."""

    name: str
    state: str
    problem: str = ""


def draw_environments(adapters: Sequence[Adapter], to: Console) -> None:
    """Print a line for each model family: where it runs, and what this interpreter lacks."""
    missing = [unmet(adapter.environment) for adapter in adapters]
    rows = [_place(adapter, here=not lacking) for adapter, lacking in zip(adapters, missing, strict=True)]
    draw_list(
        [
            ListColumn("model", [adapter.name for adapter in adapters]),
            ListColumn("runs in", [row[0] for row in rows]),
            ListColumn("Python", [row[1] for row in rows]),
            ListColumn("torch", [row[2] for row in rows]),
            ListColumn(
                "missing here",
                [", ".join(one.removesuffix(" (not installed)") for one in m) for m in missing],
                cut=True,
            ),
        ],
        to,
    )


def draw_plugins(packages: Sequence[PluginPackage], to: Console) -> None:
    """Print a line for each plugin package, and below the list what is wrong with any of them."""
    states = [_state(package) for package in packages]
    draw_list(
        [
            ListColumn("package", [package.name for package in packages]),
            ListColumn("version", [package.version for package in packages]),
            ListColumn("state", states),
            ListColumn("source", [package.source for package in packages], optional=True),
            ListColumn("registers", [package.registers for package in packages], cut=True),
        ],
        to,
    )
    for package in packages:
        for problem in package.problems:
            to.print(f"\n{package.name} is broken: {problem}", soft_wrap=True)
        if package.unbuilt:
            to.print(f"\n{package.name}: environment not built: {' '.join(package.unbuilt)}", soft_wrap=True)


def draw_diagnoses(diagnoses: Sequence[Diagnosis], to: Console) -> None:
    """Print the state of the installation, problems marked with an arrow and counted at the end."""
    facts: dict[str, str] = {}
    for one in diagnoses:
        text = one.state + (f"  → {one.problem}" if one.problem else "")
        facts[one.name] = f"{facts[one.name]}\n{text}" if one.name in facts else text
    draw_facts(facts, to)
    count = sum(bool(one.problem) for one in diagnoses)
    to.print("\nno problems found" if not count else f"\nproblems found, marked with →: {count}")


def _place(adapter: Adapter, here: bool) -> tuple[str, str, str]:
    """Place, Python and torch of ``adapter``."""
    if here:
        torch = installed("torch")
        return "here", platform.python_version(), torch.version if torch else ""
    built = environment.find(adapter)
    if built is None:
        return "not built", "", ""
    return "own env", built.python_version, built.versions.get("torch", "")


def _state(package: PluginPackage) -> str:
    if package.problems:
        return "broken"
    return "ok, not built" if package.unbuilt else "ok"
