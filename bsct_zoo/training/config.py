"""A training run from a file: options of the command and settings of the trainer, in TOML, JSON or YAML."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib import import_module
from math import isfinite
from pathlib import Path
from typing import Any

from bsct_zoo.errors import BadInputError
from bsct_zoo.files import json_bytes
from bsct_zoo.plugins.cards import OptionValue

# Options of the command that a file may hold, and what they must be.
_KINDS: Mapping[str, tuple[type, ...]] = {
    "data": (str, list),
    "out": (str,),
    "budget": (str, int, float),
    "name": (str,),
    "seed": (int,),
    "threads": (int,),
    "device": (str,),
    "dtype": (str,),
    "licence": (str,),
    "energy_key": (str,),
    "forces_key": (str,),
    "stress_key": (str,),
}


@dataclass(frozen=True)
class Config:
    """The content of a configuration file: options of the command, and settings, everything else, for the trainer."""

    options: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, OptionValue] = field(default_factory=dict)


def read_config(path: Path) -> Config:
    """The run that ``path`` describes; the suffix determines the format.

    Tables only group: ``[model]`` and ``[training]``, or any others. Paths of ``data`` and ``out`` are relative to the
    file.

    Raises:
        BadInputError: the file cannot be read, or a value is of a kind that no option has.
    """
    options: dict[str, Any] = {}
    settings: dict[str, OptionValue] = {}
    for key, value in _items(_parsed(path), path):
        name = key.replace("-", "_")
        if name in options or name in settings:
            raise BadInputError(f"{path}: '{key}' appears twice")
        if name in _KINDS:
            options[name] = _option(name, value, path)
        else:
            settings[name] = _setting(key, value, path)
    return Config(options, settings)


def near_option(name: str) -> str | None:
    """The option of the command that ``name`` may be a misspelling of."""
    return next(iter(get_close_matches(name, list(_KINDS), n=1, cutoff=0.7)), None)


def config_bytes(family: str, options: Mapping[str, Any], settings: Mapping[str, OptionValue]) -> bytes:
    """A run as a file that ``read_config`` reads, in JSON; ``family`` is informative."""
    return json_bytes({"// model": family, **options, "settings": dict(settings)})


def _parsed(path: Path) -> Any:
    try:
        content = path.read_bytes()
        suffix = path.suffix.lower()
        if suffix == ".toml":
            return tomllib.loads(content.decode())
        if suffix == ".json":
            return json.loads(content)
        if suffix in (".yaml", ".yml"):
            return _yaml(content, path)
    except OSError as error:
        raise BadInputError(f"cannot read {path}: {error.strerror}; --config names a file") from error
    except (ValueError, RecursionError) as error:  # of all three parsers, and of text that is not UTF-8
        why = "it is nested too deeply" if isinstance(error, RecursionError) else " ".join(str(error).split())
        raise BadInputError(f"{path} is not valid {path.suffix[1:].upper()}: {why}") from error
    raise BadInputError(f"{path} must end in .toml, .json or .yaml")


def _yaml(content: bytes, path: Path) -> Any:
    try:
        yaml: Any = import_module("yaml")
    except ImportError as error:
        raise BadInputError(f"{path} needs PyYAML to be read; write it as TOML, or run: pip install pyyaml") from error
    try:
        return yaml.safe_load(content)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def _items(parsed: Any, path: Path) -> Iterator[tuple[str, Any]]:
    """Keys and values of the file and of its tables; keys that start with ``//`` are remarks."""
    if not isinstance(parsed, dict):
        raise BadInputError(f"{path} must hold keys and values")
    for key, value in parsed.items():
        for name, item in (value if isinstance(value, dict) else {key: value}).items():
            if not str(name).startswith("//"):
                yield str(name), item


def _option(name: str, value: Any, path: Path) -> Any:
    if not isinstance(value, _KINDS[name]) or isinstance(value, bool):
        wanted = "a whole number" if _KINDS[name] == (int,) else "text"
        raise BadInputError(f"{path}: {name} = {value!r} must be {wanted}")
    if name == "data":
        names: list[Any] = value if isinstance(value, list) else [value]
        if not all(isinstance(one, str) for one in names):
            raise BadInputError(f"{path}: data must be the name of a folder or file, or a list of them")
        return [str(path.parent / one) for one in names]
    return str(path.parent / str(value)) if name == "out" else value


def _setting(key: str, value: Any, path: Path) -> OptionValue:
    if isinstance(value, list) and value and all(isinstance(one, str | int | float) for one in value):
        return ",".join(str(one) for one in value)  # as ``--set`` takes it
    if isinstance(value, str | int | bool) or (isinstance(value, float) and isfinite(value)):
        return value
    raise BadInputError(f"{path}: '{key}' must be a number, a string, true or false, or a list of these")
