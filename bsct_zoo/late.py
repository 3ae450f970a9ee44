"""Modules imported when they are first used: torch takes more than a second, and kept answers need none of it."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import Any


class Late:
    """Stands for a module: ``torch = Late("torch")``. For type checkers, import it under TYPE_CHECKING."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._module: ModuleType | None = None

    def __getattr__(self, attribute: str) -> Any:
        if self._module is None:
            self._module = importlib.import_module(self._name)
        return getattr(self._module, attribute)
