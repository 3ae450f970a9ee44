"""Side effects of a call: remembered numbers, process-wide settings, memory."""

from __future__ import annotations

import ctypes
import gc
import os
import random
import tracemalloc
from collections.abc import Callable

import numpy as np
import torch

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.conformance.answers import answers_of, ask, differences, predict
from bsct_zoo.conformance.finding import Finding, Margin, failed, judged, passed, skipped
from bsct_zoo.conformance.subject import Subject
from bsct_zoo.potentials.potential import Potential

_WARM_UP, _CALLS = 3, 9
_SYSTEMS = 64
_BYTES = 4.0 * _SYSTEMS  # allowed per call: half of the energies of a batch
_HEAP_BYTES = 1024.0
_OBJECT = 256  # bytes from which an allocation counts: torch itself drops short strings at every operator


def determinism(subject: Subject) -> Finding:
    """The same question twice has the same answer."""
    first = ask(subject.potential, subject.systems)
    measures: list[Margin] = []
    for _ in range(3):
        measures += differences(subject.potential, ask(subject.potential, subject.systems), first, "asked again")
    return judged(measures)


def stale_answers(subject: Subject) -> Finding:
    """Changes in place since the last call are noticed: positions, elements, cell, charge.

    The correct answers come from batches of another size, which cannot be confused with the last call.
    """
    measures: list[Margin] = []
    for atoms in subject.systems:
        batch = AtomsBatch.from_atoms([atoms])
        original = answers_of(subject.potential, batch)
        changes = {"positions": batch.positions * 1.02, "atomic_numbers": batch.atomic_numbers.flip(0)}
        if atoms.pbc.any():
            changes["cell"] = batch.cell * 1.03
        for name, changed in changes.items():
            tensor = getattr(batch, name)
            before = tensor.clone()
            answers_of(subject.potential, batch)
            tensor.copy_(changed)
            actual = answers_of(subject.potential, batch)
            fresh = [*batch.to_atoms(), subject.molecules[0]]
            expected = ask(subject.potential, fresh)[:1]
            measures += differences(subject.potential, actual, expected, f"after a change of {name} in place")
            tensor.copy_(before)
        again = answers_of(subject.potential, batch)
        measures += differences(subject.potential, again, original, "after others were asked for")
    return judged(measures)


def global_state(subject: Subject) -> Finding:
    """Defaults of torch, random numbers, gradients, threads, folder and environment are unchanged."""
    batch = AtomsBatch.from_atoms([*subject.molecules[:1], *subject.crystals[:1]])
    predict(subject.potential, batch)  # one-time set-up on the first call is allowed
    dtype, threads = torch.get_default_dtype(), torch.get_num_threads()
    seeds = torch.get_rng_state(), np.random.get_state(), random.getstate()
    changed = []
    try:
        for gradients in (True, False):
            # Values that no earlier call can have left, so that a repeated change is noticed.
            torch.set_default_dtype(torch.float32)
            torch.set_num_threads(2 if threads == 1 else 1)
            torch.rand(1), np.random.random(), random.random()
            with torch.set_grad_enabled(gradients):
                before = _state()
                predict(subject.potential, batch)
                after = _state()
            changed += [name for name, value in before.items() if after[name] != value]
    finally:
        torch.set_default_dtype(dtype)
        torch.set_num_threads(threads)
        torch.set_rng_state(seeds[0])
        np.random.set_state(seeds[1])
        random.setstate(seeds[2])
    return failed(f"changed by compute: {', '.join(dict.fromkeys(changed))}") if changed else passed()


def _state() -> dict[str, object]:
    return {
        "default dtype": torch.get_default_dtype(),
        "default device": str(torch.get_default_device()),
        "gradients on or off": torch.is_grad_enabled(),
        "threads of torch": torch.get_num_threads(),
        "deterministic algorithms": torch.are_deterministic_algorithms_enabled(),
        "random numbers of torch": hash(torch.get_rng_state().numpy().tobytes()),
        "random numbers of numpy": hash(str(np.random.get_state(legacy=False))),
        "random numbers of Python": hash(random.getstate()),
        "error settings of numpy": str(np.geterr()),
        "working folder": os.getcwd(),  # noqa: PTH109
        "environment variables": dict(os.environ),
    }


def memory(subject: Subject) -> Finding:
    """A call releases its memory: numpy arrays, tensors, memory of the device.

    The median growth over calls, so that a library's own caches do not count, only what every call adds.
    """
    already = tracemalloc.is_tracing()
    if not already:
        tracemalloc.start()
    try:
        potential = subject.potential
        growth = _growth(subject, _CALLS, lambda: (_array_bytes(), _tensor_bytes(), _device_bytes(potential)))
    finally:
        if not already:
            tracemalloc.stop()
    return judged(
        Margin(max(0.0, size), _BYTES, "B/call", f"{kind} that every call keeps")
        for kind, size in zip(("arrays", "tensors", "memory of the device"), growth, strict=True)
    )


def heap(subject: Subject) -> Finding:
    """The C heap does not grow with every call."""
    if _heap_bytes() is None:
        return skipped("the C library here does not say how much of its heap is in use")
    [growth] = _growth(subject, 2 * _CALLS, lambda: (_heap_bytes() or 0,))
    return judged([Margin(max(0.0, growth), _HEAP_BYTES, "B/call", "allocations that every call keeps")])


def _growth(subject: Subject, calls: int, held: Callable[[], tuple[int, ...]]) -> list[float]:
    """Median growth over a call of each of the numbers that ``held`` tells."""
    batch = AtomsBatch.from_atoms([min(subject.molecules, key=len)] * _SYSTEMS)
    numbers = np.zeros((_WARM_UP + calls, len(held())))  # made in advance, because it would count
    gc.collect()
    gc.freeze()  # the garbage collector ignores existing objects, which saves most of its time
    try:
        for call in numbers:
            predict(subject.potential, batch)
            gc.collect()
            call[:] = held()
    finally:
        gc.unfreeze()
    growth: list[float] = np.median(np.diff(numbers[_WARM_UP:], axis=0), axis=0).tolist()
    return growth


def _heap_bytes() -> int | None:
    """Bytes that are allocated from the C heap; None without glibc 2.33 or later."""
    try:
        tell = ctypes.CDLL(None).mallinfo2
    except AttributeError:
        return None
    tell.restype = _Mallinfo
    info = tell()
    return int(info.uordblks + info.hblkhd)


class _Mallinfo(ctypes.Structure):
    """``struct mallinfo2`` of glibc: ``hblkhd`` bytes are mapped, ``uordblks`` in use."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost",
        )
    ]  # fmt: skip


def _array_bytes() -> int:
    """Of Python's and numpy's allocations since they are traced, those as large as an array of a batch."""
    return sum(trace.size for trace in tracemalloc.take_snapshot().traces if trace.size >= _OBJECT)


def _tensor_bytes() -> int:
    return sum(
        one.element_size() * one.nelement()
        for one in gc.get_objects()
        if issubclass(type(one), torch.Tensor) and one.layout == torch.strided
    )


def _device_bytes(potential: Potential) -> int:
    return torch.cuda.memory_allocated() if potential.info.device.startswith("cuda") else 0
