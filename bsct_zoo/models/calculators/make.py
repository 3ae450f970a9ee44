"""Make a calculator from what its card says."""

from __future__ import annotations

import importlib
import inspect
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from bsct_zoo.errors import BadInputError
from bsct_zoo.plugins.cards import CalculatorSpec

PRECISIONS = ("dtype", "default_dtype")
_FOLDERS = ("HF_HOME", "TORCH_HOME", "XDG_CACHE_HOME", "HOME")  # where packages keep what they download


class Maker:
    """Makes the calculators of one card.

    Attributes:
        factory: class or function.
        given: its arguments, filled in.
        fixed: those of them that the card or the user chose.
    """

    def __init__(
        self,
        spec: CalculatorSpec,
        device: str,
        dtype: str,
        weights: Path | None,
        options: Mapping[str, Any],
        file: Path | None = None,
    ) -> None:
        """``options`` are the user's, before those of the card.

        ``weights`` is the folder of downloaded weights, ``file`` a user's own.

        Raises:
            BadInputError: it cannot be imported, or an argument cannot be made.
        """
        self.spec = spec
        self._filled = {
            "device": device,
            "dtype": dtype,
            "torch_device": torch.device(device),
            "torch_dtype": getattr(torch, dtype),
            "weights": "" if weights is None else str(weights),
            "file": "" if file is None else str(file),
        }
        with environment(spec.variables):
            for name, other in spec.substitutes.items():
                if name not in sys.modules:
                    sys.modules[name] = imported(other) if isinstance(other, str) else _module(name, other)
            self.factory: Callable[..., Any] = imported(spec.path)
            self.fixed: dict[str, Any] = self._made(dict(spec.arguments)) | dict(options)
        taken = parameters(self.factory)
        self.given: dict[str, Any] = {"device": device} if "device" in taken else {}
        for name in PRECISIONS:
            if name in taken:
                self.given |= self._precision(taken[name])
        self.given |= self.fixed

    def calculator(self, **changes: Any) -> Any:
        """A calculator, made with ``changes`` of its arguments.

        Raises:
            BadInputError: it refuses its arguments, or is none.
        """
        with environment(self.spec.variables), told(self.spec.path):
            made = self.factory(**{**self.given, **changes})
            if self.spec.method:
                made = getattr(made, self.spec.method)()
        if not hasattr(made, "get_potential_energy"):
            raise BadInputError(f"{self.spec.path} makes a {type(made).__name__}, not an ASE calculator")
        return made

    def _made(self, value: Any) -> Any:
        """``value`` with its placeholders filled and its calls made."""
        if isinstance(value, str) and value[:1] == "{" and value[1:-1] in self._filled:
            return self._filled[value[1:-1]]
        if isinstance(value, str):
            return value.replace("{weights}", self._filled["weights"]).replace("{file}", self._filled["file"])
        if isinstance(value, list):
            return [self._made(item) for item in value]
        if not isinstance(value, dict):
            return value
        if value.keys() == {"float32", "float64"}:
            return self._made(value[self._filled["dtype"]])
        if "call" not in value:
            return {name: self._made(item) for name, item in value.items()}
        function, arguments = imported(value["call"]), self._made(value.get("arguments", {}))
        with told(value["call"]):
            return function(**arguments)

    def _precision(self, parameter: inspect.Parameter) -> dict[str, Any]:
        """The precision as the parameter takes it, as a text or as torch's own; nothing where that cannot be told."""
        about = f"{parameter.annotation} {parameter.default!r}"
        if "torch." in about:
            return {parameter.name: self._filled["torch_dtype"]}
        return {parameter.name: self._filled["dtype"]} if "str" in about or "float" in about or "''" in about else {}


def imported(path: str) -> Any:
    """The class, function or module at ``path``, "package.module.Class.method"; the current folder is seen too.

    Raises:
        BadInputError: there is none.
    """
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.append(folder)
        importlib.invalidate_caches()
    parts = path.replace(":", ".").split(".")
    for length in range(len(parts), 0, -1):
        name = ".".join(parts[:length])
        try:
            found = importlib.import_module(name)
        except ModuleNotFoundError as error:
            if length > 1 and error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
                continue  # a class where a module was looked for
            raise BadInputError(f"cannot import {path}: {error}") from error
        except Exception as error:
            raise BadInputError(f"cannot import {path}: {type(error).__name__}: {_line(error)}") from error
        try:
            for part in parts[length:]:
                found = getattr(found, part)
        except AttributeError as error:
            raise BadInputError(f"cannot import {path}: {error}") from error
        return found
    raise BadInputError(f"cannot import {path}")


def _module(name: str, values: Mapping[str, Any]) -> ModuleType:
    """A module that holds ``values`` alone."""
    module = ModuleType(name)
    vars(module).update(values)
    return module


def parameters(factory: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    """Parameters of ``factory`` by name; none if it does not tell."""
    try:
        return dict(inspect.signature(factory).parameters)
    except (TypeError, ValueError):  # built-in callables have none
        return {}


@contextmanager
def told(path: str) -> Iterator[None]:
    """Errors of a call of ``path`` as ours, in one line.

    Raises:
        BadInputError: the call raised something of its input.
    """
    try:
        yield
    except (AttributeError, KeyError, OSError, TypeError, ValueError) as error:
        raise BadInputError(f"{path} refuses its arguments: {_line(error)}") from error


def downloads_in(folder: Path, *, online: bool) -> AbstractContextManager[None]:
    """Packages keep what they download in ``folder``, and find it there; without ``online`` hubs are not asked."""
    changes = {name: str(folder / name.lower().replace("_", "-")) for name in _FOLDERS}
    return environment(changes if online else {**changes, "HF_HUB_OFFLINE": "1"})


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    """Environment variables, for as long as this lasts."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
