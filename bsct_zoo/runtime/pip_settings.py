"""Pass the user's pip settings on to uv, so that a mirror configured for pip also works with uv."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path


def uv_environment(environ: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Variables for uv that correspond to pip's settings, and flags where uv has no variable.

    A variable that is set in ``environ`` is kept; with a ``uv.toml`` nothing is added.
    """
    if _has_uv_config(environ):
        return {}, []
    pip = {**_pip_config(), **_pip_variables(environ)}
    carried: dict[str, str] = {}

    def carry(key: str, names: tuple[str, ...], convert: Callable[[str], str]) -> None:
        if pip.get(key, "").strip() and not any(environ.get(name) for name in names):
            carried[names[0]] = convert(pip[key].strip())

    carry("index-url", ("UV_DEFAULT_INDEX", "UV_INDEX_URL"), str)
    carry("extra-index-url", ("UV_EXTRA_INDEX_URL", "UV_INDEX"), lambda text: " ".join(text.split()))
    carry("find-links", ("UV_FIND_LINKS",), lambda text: ",".join(map(_absolute, text.split())))
    carry("constraint", ("UV_CONSTRAINT",), lambda text: " ".join(map(_absolute, text.split())))
    carry("cert", ("SSL_CERT_FILE",), _absolute)
    carry("client-cert", ("SSL_CLIENT_CERT",), _absolute)
    carry("proxy", ("ALL_PROXY", "HTTPS_PROXY", "https_proxy", "all_proxy"), str)
    carry("trusted-host", ("UV_INSECURE_HOST",), lambda text: " ".join(text.split()))
    carry("timeout", ("UV_HTTP_TIMEOUT",), lambda text: str(max(30, int(float(text)))))
    if "UV_EXTRA_INDEX_URL" in carried and not environ.get("UV_INDEX_STRATEGY"):
        carried["UV_INDEX_STRATEGY"] = "unsafe-best-match"  # pip takes the best of all indexes
    flags = ["--no-index"] if pip.get("no-index", "").lower() in ("1", "true", "yes", "on") else []
    return carried, flags


def _pip_variables(environ: Mapping[str, str]) -> dict[str, str]:
    found = {k[4:].lower().replace("_", "-"): v for k, v in environ.items() if k.startswith("PIP_") and v}
    if "default-timeout" in found:
        found.setdefault("timeout", found["default-timeout"])
    return found


@cache
def _pip_config() -> dict[str, str]:
    """Settings of pip's files, the command's own section before the global one; empty without pip."""
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "config", "list"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return {}
    return parse_pip_config(done.stdout) if done.returncode == 0 else {}


def parse_pip_config(text: str) -> dict[str, str]:
    """Settings from the lines ``section.key='value'`` of ``pip config list``."""
    sections: dict[str, dict[str, str]] = {"global": {}, "install": {}}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        section, dot, key = name.partition(".")
        if not (equals and dot) or section not in sections:
            continue
        try:
            sections[section][key] = str(ast.literal_eval(value))
        except (ValueError, SyntaxError):
            sections[section][key] = value
    return {**sections["global"], **sections["install"]}


def _has_uv_config(environ: Mapping[str, str]) -> bool:
    if environ.get("UV_CONFIG_FILE"):
        return True
    home = Path(environ.get("XDG_CONFIG_HOME") or Path("~/.config").expanduser())
    return any(path.is_file() for path in (home / "uv" / "uv.toml", Path("/etc/uv/uv.toml")))


def _absolute(place: str) -> str:
    """A folder or file as an absolute path (uv runs elsewhere); an address as it is."""
    if "://" in place:
        return place
    return os.path.abspath(os.path.expanduser(place))  # noqa: PTH100, PTH111 - text in, text out
