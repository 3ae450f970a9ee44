"""Tasks by name, as a user writes them: ``nve``, ``nvt@time=0.5,temperature=500``, or a plugin's own."""

from __future__ import annotations

from bsct_zoo.errors import UnknownNameError
from bsct_zoo.evaluation.md_task import parse_check
from bsct_zoo.plugins.cards import import_path
from bsct_zoo.plugins.checks import Check
from bsct_zoo.plugins.options import parse_options
from bsct_zoo.plugins.registry import registry
from bsct_zoo.plugins.tasks import Task


def parse_task(text: str) -> Task:
    """The task that ``text`` asks for, with defaults where it says nothing.

    Raises:
        UnknownNameError: there is no such task or setting.
        BadInputError: a value does not fit.
    """
    name, _, options = text.partition("@")
    known = registry().tasks
    if name not in known:
        raise UnknownNameError("task", name, list(known))
    source = known[name]
    if isinstance(source, Check):
        return parse_check(options, source)
    values = parse_options(options, source.options, f"setting of '{name}'")
    task: Task = import_path(source.task)(**values)
    return task
