"""The subject of a check: an unguarded potential, and how to load it again."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from ase import Atoms

from bsct_zoo.conformance import probes
from bsct_zoo.conformance.answers import ask
from bsct_zoo.errors import ModelError
from bsct_zoo.plugins.cards import Adapter, Dtype, ModelCard, OptionValue
from bsct_zoo.potentials.potential import Potential
from bsct_zoo.runtime.checkpoints import require_trusted
from bsct_zoo.runtime.remote import RemotePotential


@dataclass(frozen=True)
class Subject:
    """A potential under test.

    Attributes:
        potential: as its loader returns it, without the guard that corrects small faults.
        load: loads it again in a precision; None if that is impossible.
        worker: the same model through a worker of this interpreter; None without a loader for a worker.
        elements: atomic numbers to test with, if not those that it declares.
    """

    potential: Potential
    load: Callable[[Dtype], Potential] | None = None
    worker: Callable[[], Potential] | None = None
    elements: frozenset[int] | None = None

    @cached_property
    def exact(self) -> Potential:
        """The model in float64 if it supports it, for numerical derivatives."""
        return self.in_precision("float64") or self.potential

    def in_precision(self, dtype: Dtype) -> Potential | None:
        """The model in ``dtype``; None if it cannot."""
        if self.potential.info.dtype == dtype:
            return self.potential
        loaded = None if self.load is None else self.load(dtype)
        return loaded if loaded is not None and loaded.info.dtype == dtype else None

    @cached_property
    def tried(self) -> frozenset[int]:
        """Atomic numbers of the test systems."""
        return self.elements or self.potential.info.elements or probes.ANY

    @cached_property
    def molecules(self) -> tuple[Atoms, ...]:
        """Molecules off their equilibrium, of different sizes."""
        info = self.potential.info  # a Hamiltonian may find no answer for a cluster of a metal
        return probes.molecules(self.tried, metals=info.cutoff is not None and info.elements is not None)

    @cached_property
    def crystals(self) -> tuple[Atoms, ...]:
        """Periodic systems; none if the model does not support them."""
        return () if self.refuses_cells else self._periodic

    @cached_property
    def _periodic(self) -> tuple[Atoms, ...]:
        return probes.crystals(self.tried, dense=self.potential.info.cutoff is not None)

    @cached_property
    def refuses_cells(self) -> str:
        """The model's message for a periodic system that it refuses; empty if it takes them.

        A model that declares stress, or periodic systems only, must not refuse.
        """
        info = self.potential.info
        if info.has_stress or info.periodic_only:
            return ""
        try:
            ask(self.potential, self._periodic[:1])
        except ModelError as error:
            return str(error)
        return ""

    @cached_property
    def systems(self) -> tuple[Atoms, ...]:
        """All of them, molecules first."""
        return self.molecules + self.crystals


def loaded(
    loader: str,
    card: ModelCard,
    device: str,
    dtype: Dtype,
    options: dict[str, OptionValue],
    elements: frozenset[int] | None = None,
) -> Subject:
    """The model of ``card``, loaded in this interpreter, with loaders for another precision and for a worker.

    Raises:
        UntrustedFileError: its file can run code and is unverified (``bsct_zoo.models.trust``).
        Exception: whatever its loader raises.
    """
    adapter = Adapter(name=card.name, summary="", loader=loader, cards=(card,))

    def load(precision: Dtype) -> Potential:
        require_trusted(card)
        return adapter.load(card, device, precision, **options)

    def worker() -> Potential:
        threads = torch.get_num_threads()
        return RemotePotential(
            sys.executable, adapter, card, device=device, dtype=dtype, options=options, threads=threads
        )

    return Subject(load(dtype), load, worker, elements)
