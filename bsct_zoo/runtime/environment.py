"""Environments of models: built by uv, once, locked, stored in the user's cache.

A folder ``<adapter>-<key>`` holds builds, each in a subfolder of its own name, and ``complete.json``, which is written
last, in one step, and names the build that counts. An interrupted build is never named, whatever it left behind.
``requirements.lock`` beside it is that of the build: one that must be made again gets the same versions, whatever has
been released since.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import Distribution
from pathlib import Path

from bsct_zoo.errors import BadInputError, DamagedFileError, EnvironmentBuildError
from bsct_zoo.files import atomic_write
from bsct_zoo.kept import read_json, sealed_json
from bsct_zoo.plugins.cards import Adapter, EnvironmentSpec
from bsct_zoo.runtime.folders import cache_dir, writable
from bsct_zoo.runtime.requirements import BASE, installed, python_fits, versions
from bsct_zoo.runtime.surroundings import without_gpu
from bsct_zoo.runtime.uv_tool import OnEvent, UvResult, run_uv
from bsct_zoo.runtime.wheel_sizes import download_text

LOCK = "requirements.lock"
_LAYOUT = 1  # raised whenever the content of a folder changes its meaning
_TORCH_BACKENDS = re.compile(r"cpu|cu\d+|rocm[\d.]+|xpu")


@dataclass(frozen=True)
class Environment:
    """A complete environment.

    Attributes:
        folder: ``<adapter>-<key>`` in the cache.
        python: its interpreter.
        python_version: e.g. "3.12.4".
        versions: of the packages that decide the numbers, see ``requirements.versions``.
        lock: ``requirements.lock``: every package with its version.
    """

    folder: Path
    python: Path
    python_version: str
    versions: dict[str, str]
    lock: Path


def folder_of(adapter: Adapter) -> Path:
    """The folder of the environment of ``adapter``; its name depends on its requirements."""
    content = {
        "layout": _LAYOUT,
        "base": BASE,
        "environment": _as_key(adapter.environment),
        "platform": sysconfig.get_platform(),
        "python": ".".join(platform.python_version_tuple()[:2]) if python_fits(adapter.environment) else "other",
        "torch": _torch_version(),
    }
    key = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]
    return cache_dir() / "environments" / f"{_file_name(adapter.name)}-{key}"


def find(adapter: Adapter) -> Environment | None:
    """The environment of ``adapter``, if it is complete."""
    folder = folder_of(adapter)
    try:
        said = read_json(folder / "complete.json", unsealed=True)
        build = folder / said["build"]
        found = Environment(folder, build / "venv" / "bin" / "python", said["python"], said["versions"], build / LOCK)
    except (OSError, KeyError, TypeError, DamagedFileError):
        return None
    return found if found.python.exists() else None


def build(adapter: Adapter, on_event: OnEvent | None = None, lock: Path | None = None) -> Environment:
    """The environment of ``adapter``, built now if it is missing. Concurrent processes build it once.

    ``lock``: a ``requirements.lock`` of another machine, whose versions it gets.

    Raises:
        EnvironmentBuildError: no uv, no network, or no packages that meet the requirements or the lock.
        BadInputError: the cache folder cannot be written to, or there is an environment of other versions than in
            ``lock``, which cannot be read or holds none.
    """
    wanted = None if lock is None else _lock_text(lock)
    found = find(adapter)
    if found is not None:
        if wanted is not None and _pins(wanted) != _pins(found.lock.read_text()):
            name = adapter.name
            raise BadInputError(
                f"the environment of '{name}' has other versions than {lock}; first: bsct-zoo env remove {name}"
            )
        return found
    folder = folder_of(adapter)
    writable(folder.parent)
    with _only_one(folder, on_event):
        found = find(adapter)
        if found is None:
            tell = on_event or (lambda text: None)
            if (folder / "complete.json").exists():
                tell(f"the environment in {folder} is damaged; making it again")
            before = folder / LOCK
            kept = before.read_text() if before.is_file() else None
            shutil.rmtree(folder, ignore_errors=True)  # leftovers of an interrupted build
            folder.mkdir(parents=True, exist_ok=True)
            found = _made(adapter, folder, tell, wanted, kept)
    return found


def remove(adapter: Adapter) -> list[Path]:
    """Remove every environment of ``adapter``, including those of other versions; returns the removed folders."""
    pattern = re.compile(re.escape(_file_name(adapter.name)) + r"-[0-9a-f]{12}")
    root = cache_dir() / "environments"
    folders = [path for path in sorted(root.glob("*")) if path.is_dir() and pattern.fullmatch(path.name)]
    for folder in folders:
        with _only_one(folder, None):
            (folder / "complete.json").unlink(missing_ok=True)
            shutil.rmtree(folder, ignore_errors=True)
    return folders


# -- building ----------------------------------------------------------------------------------------------


def _made(adapter: Adapter, folder: Path, tell: OnEvent, wanted: str | None, kept: str | None) -> Environment:
    """Built from the lock that is ``wanted``, or that was ``kept`` of an earlier build, or from a new one."""
    if wanted is None and kept is not None:
        try:
            return _build(adapter, folder, tell, kept)
        except EnvironmentBuildError:
            tell("the versions that it had cannot be had any more; taking those of today")
    return _build(adapter, folder, tell, wanted)


def _build(adapter: Adapter, folder: Path, tell: OnEvent, lock: str | None = None) -> Environment:
    """Lock, make and fill an environment. A failed build is removed; a killed one is not named."""
    place = Path(tempfile.mkdtemp(prefix="build-", dir=folder))
    place.chmod(0o755)  # a cache may be shared
    try:
        python = place / "venv" / "bin" / "python"
        # This interpreter if it fits, so that nothing is downloaded, else one in the range.
        spec = adapter.environment
        request = sys.executable if python_fits(spec) else f"{spec.python},>=3.11"
        done = run_uv(["venv", "--no-project", "--python", request, "venv"], place, tell)
        if done.code != 0:
            raise _failure(adapter, done)
        if lock is None:
            backends = [_lock(adapter, place, python, tell)]
        else:
            (place / LOCK).write_text(lock)
            backends = _backends()
        flags = ["--python", str(python), *_build_constraints(adapter, place)]
        for more in ([*backend, *offline] for backend in backends for offline in ([], ["--offline"])):
            done = run_uv(["pip", "sync", *flags, *more, LOCK], place, tell)
            if done.code == 0:
                break
        if done.code != 0:
            raise _failure(adapter, done)
        return _complete(adapter, folder, place, python)
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise


def _lock(adapter: Adapter, place: Path, python: Path, tell: OnEvent) -> list[str]:
    """Write ``requirements.lock``; returns the flags to download the packages with.

    The torch of this interpreter comes first, so that numbers compare and files are shared; without a network uv's
    cache may still hold everything.
    """
    (place / "overrides.txt").write_text("".join(f"{line}\n" for line in adapter.environment.overrides))
    constraints = _build_constraints(adapter, place)
    offline: list[str] = []
    attempts = _torch_attempts()
    wanted = attempts[0][0]
    refused = None
    while attempts:
        pin, backend = attempts[0]
        lines = [*BASE, *adapter.environment.requirements, *pin]
        (place / "requirements.in").write_text("".join(f"{line}\n" for line in lines))
        files = ["requirements.in", "--override", "overrides.txt", "--output-file", LOCK]
        flags = ["--python", str(python), "--no-header", *constraints, *backend, *offline]
        done = run_uv(["pip", "compile", *files, *flags], place, tell)
        if done.code == 0:
            if pin != wanted:
                tell(f"torch {_torch_version()} of this interpreter cannot be had; taking another build or version")
            if said := download_text(place, ["--python", str(python), *constraints, *backend, *offline]):
                tell(said)
            return backend
        if done.no_network and not backend and not offline:
            offline = ["--offline"]
            continue
        refused = refused or done
        if not (done.blames_torch or backend):
            break
        attempts = attempts[1:]
    assert refused is not None
    raise _failure(adapter, refused)


def _build_constraints(adapter: Adapter, place: Path) -> list[str]:
    """Flags for what packages without a wheel are built with."""
    lines = adapter.environment.build_constraints
    if not lines:
        return []
    (place / "build.txt").write_text("".join(f"{line}\n" for line in lines))
    return ["--build-constraints", "build.txt"]


def _torch_attempts() -> list[tuple[list[str], list[str]]]:
    """Pins of torch, best first, each with its flags."""
    version = _torch_version()
    if version is None:
        return [([], [])]
    public, _, local = version.partition("+")
    attempts: list[tuple[list[str], list[str]]] = [([f"torch=={version}"], [])]
    if not local and without_gpu():  # the same torch without several GB of CUDA
        attempts.insert(0, ([f"torch=={version}"], ["--torch-backend", "cpu"]))
    if local:
        if _TORCH_BACKENDS.fullmatch(local):
            # The build is not on the user's indexes: it came from PyTorch's own, which uv knows by this name.
            attempts.append(([f"torch=={version}"], ["--torch-backend", local]))
        attempts.append(([f"torch=={public}"], []))
    return [*attempts, ([], [])]


def _backends() -> list[list[str]]:
    """Flags for where torch may come from, each once."""
    found: list[list[str]] = []
    for _, flags in _torch_attempts():
        if flags not in found:
            found.append(flags)
    return found


def _lock_text(file: Path) -> str:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise BadInputError(f"cannot read {file}: {reason}") from error
    if not _pins(text):
        raise BadInputError(
            f"{file} pins no package; give the requirements.lock in the folder that 'bsct-zoo env build NAME' prints"
        )
    return text


def _pins(lock: str) -> set[str]:
    """The lines of a lock that name a version."""
    return {
        line.split("#")[0].split(";")[0].strip() for line in lock.splitlines() if re.match(r"[\w.-]+ ?(==|@)", line)
    }


def _complete(adapter: Adapter, folder: Path, place: Path, python: Path) -> Environment:
    """Name the build in ``place`` as the valid one."""
    site = [str(path) for path in (place / "venv").glob("lib/python*/site-packages")]

    def look_up(name: str) -> Distribution | None:
        return next(iter(Distribution.discover(name=name, path=site)), None)

    configuration = (place / "venv" / "pyvenv.cfg").read_text()
    version = re.search(r"^version(?:_info)?\s*=\s*([\d.]+)", configuration, re.MULTILINE)
    atomic_write(folder / LOCK, (place / LOCK).read_bytes())
    said = {
        "build": place.name,
        "adapter": adapter.name,
        "environment": asdict(adapter.environment),
        "python": version.group(1) if version else "",
        "versions": versions(adapter.environment, look_up),
    }
    atomic_write(folder / "complete.json", sealed_json(said))
    made = find(adapter)
    if made is None:
        raise EnvironmentBuildError(f"the environment for '{adapter.name}' was removed while it was built; try again")
    return made


def _failure(adapter: Adapter, done: UvResult) -> EnvironmentBuildError:
    reason = done.reason
    if done.no_space:
        place = f"{cache_dir()} or uv's cache"
        reason = f"the disk is full ({place}); free some room, or set BSCT_ZOO_CACHE and UV_CACHE_DIR to other folders"
    elif done.no_network:
        mend = f"connect and run 'bsct-zoo env build {adapter.name}'"
        reason = f"no network and {done.wanted_package} not in uv's cache; {mend}"
    text = f"cannot make the environment for '{adapter.name}': {reason}"
    return EnvironmentBuildError(text, log_tail=done.output[-8000:])


@contextmanager
def _only_one(folder: Path, on_event: OnEvent | None) -> Iterator[None]:
    """Hold the lock of ``folder``, waiting for a process that has it."""
    from filelock import FileLock, Timeout

    lock = FileLock(f"{folder}.lock")
    try:
        try:
            lock.acquire(timeout=0.2)
        except Timeout:
            if on_event:
                on_event("another process is making this environment; waiting for it")
            lock.acquire()
    except OSError as error:
        why = f"cannot lock {folder}.lock ({error.strerror})"
        raise BadInputError(f"{why}; set BSCT_ZOO_CACHE to another folder") from error
    try:
        yield
    finally:
        lock.release()


def _as_key(spec: EnvironmentSpec) -> dict[str, object]:
    """``spec`` without what it does not set, so that environments outlive a new field."""
    return {name: value for name, value in asdict(spec).items() if value or name != "build_constraints"}


def _torch_version() -> str | None:
    found = installed("torch")
    return found.version if found else None


def _file_name(name: str) -> str:
    return re.sub(r"[^\w.]+", "-", name)
