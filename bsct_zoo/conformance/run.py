"""Test one property, or all of them, on a potential in this interpreter."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import replace
from time import perf_counter

import torch

from bsct_zoo.conformance.finding import Finding, failed
from bsct_zoo.conformance.properties import Property, chosen
from bsct_zoo.conformance.subject import Dtype, Subject
from bsct_zoo.plugins.cards import Adapter, ModelCard, OptionValue
from bsct_zoo.potentials.potential import Potential
from bsct_zoo.runtime.checkpoints import require_trusted
from bsct_zoo.runtime.remote import RemotePotential


def try_property(one: Property, subject: Subject) -> Finding:
    """The result for ``one``; any exception is a failure."""
    started = perf_counter()
    try:
        finding = one.judge(subject)
    except (Exception, SystemExit) as error:
        finding = failed(f"{type(error).__name__}: {' '.join(str(error).split()) or 'no message'}")
    return replace(finding, name=one.name, seconds=perf_counter() - started)


def try_all(subject: Subject, only: Iterable[str] | None = None) -> list[Finding]:
    """The results for every property, or for those called ``only``.

    Raises:
        UnknownNameError: no such property.
    """
    return [try_property(one, subject) for one in chosen(only)]


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
