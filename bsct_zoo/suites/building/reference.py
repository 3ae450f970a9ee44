"""The reference of a suite: a model by its text, several of it at work at once, each in a process of its own."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from ase.data import chemical_symbols
from numpy.typing import NDArray

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.atoms.structure import Structure
from bsct_zoo.errors import BadInputError, ModelError
from bsct_zoo.models.identity import checkpoint_sha256, identity
from bsct_zoo.models.naming import ModelSpec, parse_model
from bsct_zoo.potentials.potential import Potential, PotentialInfo
from bsct_zoo.runtime.load import package_versions, resolve_device
from bsct_zoo.runtime.place import python_for
from bsct_zoo.runtime.remote import RemotePotential

NONE = "none"
STEADY = "fallback_scf"  # the option of an adapter that has fallback SCF settings for frames that do not converge


@dataclass(frozen=True)
class Reference:
    """A model that says what is right.

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

    @property
    def can_steady(self) -> bool:
        """Whether it has steadier settings for frames that do not converge."""
        return any(option.name == STEADY for option in self.spec.adapter.options)

    def open(self, steady: bool = False, timeout: float | None = None) -> Potential:
        """A worker with the model, on one thread; close it when done.

        Raises:
            BadInputError: the model refuses an option.
            ModelError: it cannot be loaded.
        """
        adapter = self.spec.adapter
        options = dict(self.spec.options) | ({STEADY: True} if steady else {})
        return RemotePotential(
            python_for(adapter),
            adapter,
            self.spec.card,
            device=self.device,
            dtype="float64",
            options=options,
            timeout=timeout,
            threads=1,
        )


class Workers:
    """Processes with a reference in them: opened when there is none idle, kept until the end, taken from any thread."""

    def __init__(self, reference: Reference) -> None:
        self.reference = reference
        self._lock = threading.Lock()
        self._idle: dict[bool, list[Potential]] = {False: [], True: []}
        self._open: list[Potential] = []
        self._closed = False

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @property
    def closed(self) -> bool:
        """Whether all was ended: a failure of a process then means nothing."""
        return self._closed

    @contextmanager
    def one(self, steady: bool = False) -> Iterator[Potential]:
        """A process to ask, ours until the block ends; one at which a block failed is ended.

        Raises:
            ModelError: the reference cannot be loaded, or all was closed.
        """
        with self._lock:
            potential = self._idle[steady].pop() if self._idle[steady] else None
        if potential is None:
            potential = self.reference.open(steady)
            with self._lock:
                self._open.append(potential)
                closed = self._closed
            if closed:
                potential.close()
                raise ModelError("stopped")
        try:
            yield potential
        except BaseException:
            with self._lock:
                self._open.remove(potential)
            potential.close()
            raise
        with self._lock:
            self._idle[steady].append(potential)

    def close(self) -> None:
        """End all processes, whatever they are at; safe to call twice."""
        with self._lock:
            self._closed = True
            potentials = list(self._open)
        for potential in potentials:
            potential.close()


def open_reference(
    text: str, *, device: str = "auto", trust: bool = False, on_event: Callable[[str], None] | None = None
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
    versions = package_versions(spec.adapter, on_event=on_event)
    sha256 = checkpoint_sha256(spec)
    known: dict[str, Any] | None = identity(spec, sha256, resolved, "float64", versions)
    if known is None:  # a package under development: the suite is made all the same
        known = {"text": name, "checkpoint": sha256, "device": resolved, "versions": versions}
    key = hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()
    return Reference(spec, resolved, versions, key)


def refuse_unknown(info: PotentialInfo, numbers: NDArray[Any], name: str) -> None:
    """Raise if the reference was not made for some element.

    Raises:
        BadInputError: naming the elements.
    """
    foreign = sorted(set(numbers.tolist()) - info.elements) if info.elements is not None else []
    if foreign:
        raise BadInputError(
            f"the reference does not know {', '.join(chemical_symbols[z] for z in foreign)}, which {name} has"
        )


def refuse_crystals(structures: Sequence[Structure], workers: Workers) -> None:
    """Raise if there are crystals and the reference takes none, as it says when it is asked about the first.

    Raises:
        BadInputError: with its words.
    """
    for structure in structures:
        if structure.periodic:
            try:
                with workers.one() as potential:
                    potential.compute(AtomsBatch.from_atoms(structure.to_atoms()))
            except ModelError as error:
                raise BadInputError(f"the reference has no answer for {structure.name}: {error}") from error
            return
