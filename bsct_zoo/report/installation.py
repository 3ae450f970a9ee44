"""Environments, plugins and the state of the installation, for people to read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console

from bsct_zoo.plugins.cards import Adapter
from bsct_zoo.report.listing import ListColumn, draw_facts, draw_list
from bsct_zoo.runtime.place import place_of
from bsct_zoo.runtime.plugin_packages import PluginPackage


@dataclass(frozen=True)
class Diagnosis:
    """A line of ``doctor``: a thing, its state, and what to do about it if it is not as it should be."""

    name: str
    state: str
    problem: str = ""


def draw_environments(adapters: Sequence[Adapter], to: Console) -> None:
    """Print a line for each model family: where it runs, and what this interpreter lacks."""
    places = [place_of(adapter) for adapter in adapters]
    kinds = {"environment": "own env"}
    draw_list(
        [
            ListColumn("model", [adapter.name for adapter in adapters]),
            ListColumn("runs in", [kinds.get(place.kind, place.kind) for place in places]),
            ListColumn("Python", [place.python_version for place in places]),
            ListColumn("torch", [place.versions.get("torch", "") for place in places]),
            ListColumn(
                "missing here",
                [", ".join(one.removesuffix(" (not installed)") for one in place.missing) for place in places],
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


def _state(package: PluginPackage) -> str:
    if package.problems:
        return "broken"
    return "ok, not built" if package.unbuilt else "ok"
