"""The reference of a suite or of training frames: a model that says what is right."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ase.data import chemical_symbols

from bsct_zoo.errors import BadInputError
from bsct_zoo.evaluation.answers import Answers
from bsct_zoo.evaluation.engine import answers, declared
from bsct_zoo.evaluation.events import Listener, Message, ignore
from bsct_zoo.evaluation.settings import Settings
from bsct_zoo.evaluation.store import content_key
from bsct_zoo.models.identity import checkpoint_sha256, identity
from bsct_zoo.models.naming import ModelSpec, parse_model
from bsct_zoo.plugins.options import require_device
from bsct_zoo.plugins.tasks import Task
from bsct_zoo.potentials.potential import PotentialInfo
from bsct_zoo.runtime.load import package_versions, resolve_device

NONE = "none"


@dataclass(frozen=True)
class Reference:
    """A model that says what is right, always in float64 and each process on one thread.

    Attributes:
        spec: which model.
        device: that it computes on.
        versions: of the packages that decide its numbers.
        key: of everything that decides its numbers.
    """

    spec: ModelSpec
    device: str
    versions: dict[str, str]
    key: str

    def declared(self, listen: Listener = ignore) -> PotentialInfo:
        """What it says of itself.

        Raises:
            ModelError: it cannot be loaded.
        """
        return declared(self.spec, self._settings(1, None), listen)

    def answers(self, task: Task, jobs: int, folder: Path, listen: Listener = ignore) -> Answers:
        """What it says under ``task``, asked in ``jobs`` processes; unfinished work is kept in ``folder``.

        Raises:
            ModelError: it cannot be loaded, or fails at everything.
        """
        return answers(self.spec, task, self._settings(jobs, folder), listen)

    def _settings(self, jobs: int, folder: Path | None) -> Settings:
        return Settings(
            device=self.device,
            dtype="float64",
            processes=1 if self.device != "cpu" else jobs,
            folder=folder,
            private=True,
            use_store=folder is not None,
            timeout=None,
        )


def open_reference(
    text: str, *, device: str = "auto", trust: bool = False, listen: Listener = ignore
) -> Reference | None:
    """The reference that ``text`` names, its environment made; None for "none". ``model:`` before a name is allowed.

    Raises:
        BadInputError: there is no such model, or its weights are not here.
        EnvironmentBuildError: its environment cannot be made.
    """
    if text == NONE:
        return None
    name = text.removeprefix("model:")
    if not name:
        raise BadInputError("--reference model: needs a name behind it, as in model:mace")
    spec = replace(parse_model(name, trust=trust), text=name)
    resolved = resolve_device(device)
    require_device(spec.adapter, spec.options, resolved)
    versions = package_versions(spec.adapter, on_event=lambda event: listen(Message(model=name, text=event)))
    sha256 = checkpoint_sha256(spec)
    known: dict[str, Any] | None = identity(spec, sha256, resolved, "float64", versions)
    if known is None:  # a package under development: the suite is made all the same
        known = {"text": name, "checkpoint": sha256, "device": resolved, "versions": versions}
    return Reference(spec, resolved, versions, content_key(known))


def refuse_unknown(info: PotentialInfo, numbers: Iterable[int], name: str) -> None:
    """Raise if the reference was not made for some element of what is called ``name``.

    Raises:
        BadInputError: naming the elements.
    """
    foreign = sorted({int(z) for z in numbers} - info.elements) if info.elements is not None else []
    if foreign:
        raise BadInputError(
            f"the reference does not know {', '.join(chemical_symbols[z] for z in foreign)}, which {name} has"
        )
