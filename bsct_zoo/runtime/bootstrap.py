"""Start a worker in an interpreter without bsct-zoo: a script that needs the standard library only.

The first argument is JSON: for each top-level package that the worker may import from the host, its ``name``,
``origin`` and ``search`` folders. Only these are found there, never the rest of the host's packages. The second is the
module whose ``main`` is run.
"""

from __future__ import annotations

import importlib
import json
import sys
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from typing import Any


class HostFinder:
    """Finds the named packages where the host has them; the usual finders find their content."""

    def __init__(self, packages: list[dict[str, Any]]) -> None:
        self.packages = {package["name"]: package for package in packages}

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """The location of ``name``, if it is one of the packages."""
        package = self.packages.get(name)
        if package is None:
            return None
        if package["origin"] is None:  # a namespace package: folders without an __init__.py
            spec = ModuleSpec(name, None, is_package=True)
            spec.submodule_search_locations = package["search"]
            return spec
        return spec_from_file_location(name, package["origin"], submodule_search_locations=package["search"])


if __name__ == "__main__":
    sys.meta_path.insert(0, HostFinder(json.loads(sys.argv[1])))
    importlib.import_module(sys.argv[2]).main()
