"""Start a worker in an interpreter without bsct-zoo: a script that needs the standard library only.

The first argument is JSON: for each top-level package that the worker may import from the host, its ``name``,
``origin`` and ``search`` folders. Only these are found there, never the rest of the host's packages. The second is the
module whose ``main`` is run, the third "offline" for one that needs no network.
"""

from __future__ import annotations

import ctypes
import fcntl
import importlib
import json
import os
import socket
import struct
import sys
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from typing import Any

_NEW_USERS, _NEW_NETWORK = 0x10000000, 0x40000000  # flags of unshare(2)


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


def leave_network() -> bool:
    """Move this process into a network of its own, which leads nowhere; whether the system allows it.

    Only the loopback device is there. Without the right to make a network, it takes a name space of users too, in
    which this user stays who it is.
    """
    user, group = os.getuid(), os.getgid()
    try:
        unshare = ctypes.CDLL(None, use_errno=True).unshare
        if unshare(_NEW_NETWORK):
            if unshare(_NEW_USERS | _NEW_NETWORK):
                return False
            for name, text in (
                ("setgroups", "deny"),
                ("uid_map", f"{user} {user} 1"),
                ("gid_map", f"{group} {group} 1"),
            ):
                with open(f"/proc/self/{name}", "w") as file:  # noqa: PTH123
                    file.write(text)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:  # some libraries talk to themselves
            fcntl.ioctl(probe, 0x8914, struct.pack("16sH14x", b"lo", 1 | 64))
    except (OSError, AttributeError):  # not Linux, or forbidden on the way
        return not _has_network()
    return True


def _has_network() -> bool:
    return any(name != "lo" for _, name in socket.if_nameindex())


if __name__ == "__main__":
    if sys.argv[3:] == ["offline"] and "BSCT_ZOO_WORKERS_ONLINE" not in os.environ:
        leave_network()
    sys.meta_path.insert(0, HostFinder(json.loads(sys.argv[1])))
    importlib.import_module(sys.argv[2]).main()
