"""What determines the numbers of a model: weights, settings, code and package versions."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Iterable
from dataclasses import asdict
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

from bsct_zoo.errors import BadInputError, DamagedFileError
from bsct_zoo.files import json_bytes, sha256
from bsct_zoo.kept import read_json
from bsct_zoo.models.naming import ModelSpec
from bsct_zoo.plugins.cards import EnvironmentSpec
from bsct_zoo.runtime import requirements


def checkpoint_sha256(spec: ModelSpec) -> str | None:
    """Hash of the weights file; None if the weights come with the model's package.

    Raises:
        BadInputError: the file is missing or cannot be read.
    """
    if spec.card.sha256 is not None or spec.card.checkpoint is None:
        return spec.card.sha256
    try:
        return sha256(Path(spec.card.checkpoint))
    except OSError as error:
        raise BadInputError(f"cannot read {spec.card.checkpoint}: {error.strerror}") from error


def identity(
    spec: ModelSpec, checkpoint: str | None, device: str, dtype: str, versions: dict[str, str]
) -> dict[str, Any] | None:
    """Everything that determines the answers of a model; None if that is unknown, so nothing may be cached."""
    packages = {name: installed_version(name) for name in spec.card.packages}
    local = any("file:" in line for line in spec.adapter.environment.requirements)  # its code may change as it likes
    if None in packages.values() or local:
        return None
    made = {} if spec.card.calculator is None else {"calculator": asdict(spec.card.calculator)}
    return {
        **made,
        "adapter": spec.adapter.name,
        "code": code_sha256(_code_of(spec.adapter.loader)),
        "core": code_sha256("bsct_zoo"),
        "card": spec.card.name,
        "checkpoint": checkpoint,
        "design": _design_sha256(spec),
        "options": dict(spec.options),
        "device": device.partition(":")[0],
        "dtype": dtype,
        "versions": {**versions, **numeric_versions(spec.card.packages)},
        "packages": packages,
    }


def _design_sha256(spec: ModelSpec) -> str | None:
    """Hash of the file beside the weights that says what they belong to, if there is one: the same fit many designs.

    Its card does not count, as the words in it (a licence, a title) decide no number.
    """
    if spec.card.checkpoint is None:
        return None
    beside = Path(spec.card.checkpoint).with_suffix(".json")
    if not beside.is_file():
        return None
    try:
        facts = read_json(beside, unsealed=True)
    except DamagedFileError:
        return sha256(beside)
    return sha256(json_bytes({key: value for key, value in facts.items() if key != "card"}))


def numeric_versions(packages: Iterable[str]) -> dict[str, str]:
    """Versions of what decides the numbers of importable ``packages``: they, what they require, NumPy and torch."""
    names = {name for package in packages for name in packages_distributions().get(package, [])}
    return requirements.versions(EnvironmentSpec(requirements=tuple(sorted(names))), requirements.installed)


def _code_of(loader: str) -> str:
    """The package that ``loader`` computes with: an adapter's, or the part of ours that makes calculators."""
    module = loader.partition(":")[0]
    package = module.partition(".")[0]
    return package if package != "bsct_zoo" else module.rpartition(".")[0]


@cache
def code_sha256(package: str) -> str:
    """Hash of what a package computes with: an adapter under development must not reuse old numbers.

    Of the core only the files that stand between a frame and a prediction count.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return "none"
    origin = Path(spec.origin)
    files = sorted(origin.parent.rglob("*.py")) if origin.name == "__init__.py" else [origin]
    if package == "bsct_zoo":
        names = (
            "atoms/batch.py",
            "atoms/neighbours.py",
            "potentials/batching.py",
            "potentials/boxes.py",
            "potentials/bridges.py",
            "potentials/gradients.py",
            "potentials/potential.py",
            "runtime/guard.py",
        )
        files = [origin.parent / name for name in names]
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()


def installed_version(package: str) -> str | None:
    """Version of the distribution that brings an importable package; None if it is not an installed release."""
    for name in packages_distributions().get(package, []):
        if found := requirements.installed(name):
            editable = requirements.direct_url(found).get("dir_info", {}).get("editable")
            return None if editable else f"{name} {found.version}"
    return None
