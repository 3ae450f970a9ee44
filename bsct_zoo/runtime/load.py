"""Load a model where it can run: here if this interpreter meets its requirements, else in its own environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from bsct_zoo.errors import BadInputError
from bsct_zoo.plugins.cards import Adapter, ModelCard, OptionValue
from bsct_zoo.plugins.options import require_device
from bsct_zoo.runtime.place import place_of, ready_place
from bsct_zoo.runtime.surroundings import without_gpu
from bsct_zoo.runtime.uv_tool import OnEvent

if TYPE_CHECKING:
    from bsct_zoo.potentials.potential import Potential


def load_potential(
    adapter: Adapter,
    card: ModelCard,
    *,
    device: str = "auto",
    dtype: Literal["float32", "float64"] = "float64",
    options: Mapping[str, OptionValue] | None = None,
    timeout: float | None = 600.0,
    threads: int | None = None,
    on_event: OnEvent | None = None,
    isolate: bool | None = None,
    own_process: bool = False,
) -> Potential:
    """The model of ``card``, ready to compute; close it when done.

    ``timeout`` of one answer of a worker in seconds. ``isolate``: True always uses an environment, False never, None
    only if this interpreter lacks something. ``own_process``: even here it computes in its own process, which may
    crash. ``on_event`` reports what takes time.

    Raises:
        BadInputError: the device does not exist, the model refuses an option, or ``isolate`` is False and this
            interpreter lacks something.
        UntrustedFileError: its file can run code and is unverified (``bsct_zoo.models.trust``).
        EnvironmentBuildError: its environment cannot be built.
        ModelError: it cannot be loaded.
    """
    device = resolve_device(device)
    require_device(adapter, options or {}, device)
    place = ready_place(adapter, on_event, isolate=isolate)
    if place.kind == "here" and not own_process:
        return _load_here(adapter, card, device, dtype, dict(options or {}), threads)
    from bsct_zoo.runtime.remote import RemotePotential

    return RemotePotential(
        place.python,
        adapter,
        card,
        device=device,
        dtype=dtype,
        options=options or {},
        timeout=timeout,
        threads=threads,
    )


def where(adapter: Adapter) -> str:
    """Where models of ``adapter`` run: "here", "environment <folder>", or "not built"."""
    place = place_of(adapter)
    return f"environment {place.environment.folder}" if place.environment else place.kind


def package_versions(adapter: Adapter, on_event: OnEvent | None = None, isolate: bool | None = None) -> dict[str, str]:
    """Versions of the packages that decide the numbers of ``adapter``; builds its environment if it is missing.

    Raises:
        BadInputError: ``isolate`` is False and this interpreter lacks something.
        EnvironmentBuildError: its environment cannot be built.
    """
    return dict(ready_place(adapter, on_event, isolate=isolate).versions)


def resolve_device(device: str) -> str:
    """``device`` as torch knows it; "auto" is a GPU if there is one.

    Raises:
        BadInputError: there is no such device.
    """
    if device == "cpu" or (device == "auto" and without_gpu()):
        return "cpu"
    import torch

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device == "auto":
        return "cuda" if count else "cpu"
    match = re.fullmatch(r"cuda(?::(\d+))?", device)
    if match:
        if int(match.group(1) or 0) < count:
            return device
        raise BadInputError(f"device '{device}' is not here ({count} CUDA devices); use cpu or auto")
    if device == "mps" and torch.backends.mps.is_available():
        return device
    raise BadInputError(f"device '{device}' is not here; use auto, cpu, cuda or cuda:N")


def _load_here(
    adapter: Adapter,
    card: ModelCard,
    device: str,
    dtype: Literal["float32", "float64"],
    options: dict[str, OptionValue],
    threads: int | None,
) -> Potential:
    import torch

    from bsct_zoo.runtime.checkpoints import require_trusted
    from bsct_zoo.runtime.guard import GuardedPotential, wrap_error

    if threads:
        torch.set_num_threads(threads)
    try:
        require_trusted(card)
        return GuardedPotential(adapter.load(card, device, dtype, **options))
    except (Exception, SystemExit) as error:
        failure = wrap_error(error)
    raise failure
