"""Where an adapter's code runs: in this interpreter if it meets the requirements, else in an environment."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from bsct_zoo.plugins.cards import Adapter, EnvironmentSpec
from bsct_zoo.runtime import environment, requirements
from bsct_zoo.runtime.environment import Environment
from bsct_zoo.runtime.uv_tool import OnEvent


@dataclass(frozen=True)
class Place:
    """Where an adapter's code runs.

    Attributes:
        spec: the requirements of the adapter.
        missing: what this interpreter lacks of it, one line each.
        environment: the one in use, if it is built; None if code runs here.
    """

    spec: EnvironmentSpec
    missing: tuple[str, ...]
    environment: Environment | None

    @property
    def kind(self) -> Literal["here", "environment", "not built"]:
        """In this interpreter, in an environment, or in one that is not built yet."""
        if self.environment is not None:
            return "environment"
        return "not built" if self.missing else "here"

    @property
    def python(self) -> str:
        """Path of the interpreter; empty if it is not built."""
        if self.environment is not None:
            return str(self.environment.python)
        return "" if self.missing else sys.executable

    @property
    def python_version(self) -> str:
        """Version of the interpreter, e.g. "3.12.4"; empty if it is not built."""
        if self.environment is not None:
            return self.environment.python_version
        return "" if self.missing else platform.python_version()

    @property
    def versions(self) -> Mapping[str, str]:
        """Versions of the packages that decide the numbers; empty if it is not built."""
        if self.environment is not None:
            return self.environment.versions
        return {} if self.missing else requirements.versions(self.spec, requirements.installed)


def place_of(adapter: Adapter) -> Place:
    """Where the code of ``adapter`` runs now.

    Raises:
        BadInputError: a requirement is not PEP 508 or PEP 440.
    """
    missing = tuple(requirements.unmet(adapter.environment))
    return Place(adapter.environment, missing, environment.find(adapter) if missing else None)


def ready_place(adapter: Adapter, on_event: OnEvent | None = None, *, extra: Sequence[str] = ()) -> Place:
    """Where the code of ``adapter`` can run with ``extra`` requirements, its environment built if it is missing.

    Raises:
        BadInputError: a requirement is not PEP 508 or PEP 440.
        EnvironmentBuildError: the environment cannot be built.
    """
    spec = replace(adapter.environment, requirements=(*adapter.environment.requirements, *extra))
    adapter = replace(adapter, environment=spec)
    missing = tuple(requirements.unmet(spec))
    return Place(spec, missing, environment.build(adapter, on_event) if missing else None)
