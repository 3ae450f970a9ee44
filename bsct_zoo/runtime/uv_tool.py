"""Run uv, report its output, and explain its failures."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bsct_zoo.errors import EnvironmentBuildError
from bsct_zoo.runtime.pip_settings import uv_environment

OnEvent = Callable[[str], None]

_NO_NETWORK = (
    "client error (Connect)",
    "dns error",
    "tcp connect error",
    "error sending request",
    "operation timed out",
    "network was disabled",
    "Network connectivity is disabled",
    "Connection refused",
)
_WORTH_TELLING = ("Resolved", "Downloading", "Building", "Prepared", "Installed", "Using CPython")


@dataclass(frozen=True)
class UvResult:
    """How a run of uv ended: with which exit code, and all of its output."""

    code: int
    output: str

    @property
    def no_network(self) -> bool:
        """Whether it failed without a network."""
        return self.code != 0 and any(sign in self.output for sign in _NO_NETWORK)

    @property
    def no_space(self) -> bool:
        """Whether it failed because a disk is full, or a quota or limit of file sizes is reached."""
        signs = ("No space left on device", "Disk quota exceeded", "File too large", "os error 28)")
        return self.code != 0 and any(sign in self.output for sign in signs)

    @property
    def blames_torch(self) -> bool:
        """Whether it failed because of the package torch."""
        return self.code != 0 and re.search(r"(?<![\w-])torch(?![\w-])", self.output) is not None

    @property
    def wanted_package(self) -> str:
        """The package that it did not find, if it names one."""
        patterns = (
            r"Because ([\w.-]+) was not found in the cache",
            r"Failed to fetch: `?\S*/simple/([\w.-]+)/",
            r"Failed to (?:download|fetch)[^`]*`([\w.-]+)==",
            r"Failed to fetch: `?\S*/([\w.]+)-[^/\s]*\.whl",
        )
        found = (re.search(pattern, self.output) for pattern in patterns)
        return next((match.group(1) for match in found if match), "a package")

    @property
    def reason(self) -> str:
        """The most informative line."""
        lines = [line.strip() for line in self.output.splitlines()]
        for sign in ("cause: Because", "cause:", "error:"):
            for line in lines:
                if line.startswith(sign):
                    return line.removeprefix("cause:").removeprefix("error:").strip()
        return next((line for line in reversed(lines) if line), f"uv ended with code {self.code}")


def find_uv() -> str:
    """Path of uv: the installed package's, or one on the path.

    Raises:
        EnvironmentBuildError: there is none.
    """
    try:
        import uv

        return str(uv.find_uv_bin())
    except (ImportError, FileNotFoundError) as error:
        found = shutil.which("uv")
        if found is None:
            raise EnvironmentBuildError(
                "'uv' is not installed, but is needed to build environments; run: pip install uv"
            ) from error
        return found


def run_uv(arguments: list[str], folder: Path, on_event: OnEvent | None = None) -> UvResult:
    """Run uv in ``folder``, so that it does not pick up a project of the user.

    Raises:
        EnvironmentBuildError: there is no uv.
    """
    carried, flags = uv_environment(os.environ)
    # An active virtual environment or project must not be used.
    dropped = ("VIRTUAL_ENV", "CONDA_PREFIX", "UV_PYTHON", "UV_PROJECT", "UV_WORKING_DIRECTORY", "PYTHONPATH")
    environ = {key: value for key, value in os.environ.items() if key not in dropped}
    environ |= carried | {"NO_COLOR": "1", "UV_NO_PROGRESS": "1", "PYTHONNOUSERSITE": "1"}
    takes_indexes = arguments[0] == "pip" and arguments[1] != "uninstall"
    process = subprocess.Popen(
        [find_uv(), *arguments, *(flags if takes_indexes else [])],
        cwd=folder,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    lines = []
    try:
        assert process.stderr is not None
        for line in process.stderr:
            lines.append(line)
            if on_event and line.strip().startswith(_WORTH_TELLING):
                on_event(line.strip())
        code = process.wait()
    except BaseException:
        process.kill()
        process.wait()
        raise
    return UvResult(code, "".join(lines))
