"""Load or fetch a model where that can run: here if this interpreter meets its requirements, else in an environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from bsct_zoo.errors import BadInputError
from bsct_zoo.plugins.cards import Adapter, Dtype, ModelCard, OptionValue, import_path
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
    dtype: Dtype = "float64",
    options: Mapping[str, OptionValue] | None = None,
    timeout: float | None = 600.0,
    threads: int | None = None,
    on_event: OnEvent | None = None,
    own_process: bool = False,
) -> Potential:
    """The model of ``card``, ready to compute; close it when done.

    ``timeout`` of one answer of a worker in seconds. ``own_process``: even here it computes in its own process, which
    may crash. ``on_event`` reports what takes time.

    Raises:
        BadInputError: the device does not exist, or the model refuses an option.
        UntrustedFileError: its file can run code and is unverified (``bsct_zoo.models.trust``).
        EnvironmentBuildError: its environment cannot be built.
        ModelError: it cannot be loaded.
    """
    device = resolve_device(device)
    require_device(adapter, options or {}, device)
    place = ready_place(adapter, on_event)
    if place.kind == "here" and not own_process:
        return load_here(adapter.loader, card, device, dtype, dict(options or {}), threads)
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


def package_versions(adapter: Adapter, on_event: OnEvent | None = None) -> dict[str, str]:
    """Versions of the packages that decide the numbers of ``adapter``; builds its environment if it is missing.

    Raises:
        EnvironmentBuildError: its environment cannot be built.
    """
    return dict(ready_place(adapter, on_event).versions)


def run_fetcher(adapter: Adapter, card: ModelCard, folder: Path, on_event: OnEvent | None = None) -> Path:
    """Path of the file that ``adapter.fetcher`` left in ``folder``; builds the environment if it is missing.

    Raises:
        BadInputError: the user must do something, such as setting a token.
        EnvironmentBuildError: its environment cannot be built.
        ModelError: it failed.
    """
    from bsct_zoo.runtime.guard import wrap_error
    from bsct_zoo.runtime.host import WorkerHost
    from bsct_zoo.runtime.protocol import ProtocolError, WorkerMessage

    assert adapter.fetcher is not None
    place = ready_place(adapter, on_event)
    if place.kind == "here":
        try:
            return Path(import_path(adapter.fetcher)(card, folder))
        except (Exception, SystemExit) as error:
            failure = wrap_error(error)
        raise failure
    request = {"fetcher": adapter.fetcher, "card": card.to_json(), "folder": str(folder)}
    with WorkerHost(place.python, adapter.fetcher, network=True, variables=adapter.fetcher_variables) as host:
        answer = host.ask(WorkerMessage("fetch", request), timeout=None)  # a large file on a slow connection
    path = answer.fields.get("path")
    if not isinstance(path, str):
        raise ProtocolError("the worker does not report what it downloaded", host.log_tail)
    return Path(path)


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


def load_here(
    loader: str,
    card: ModelCard,
    device: str,
    dtype: Dtype,
    options: Mapping[str, OptionValue],
    threads: int | None = None,
) -> Potential:
    """The model of ``card``, loaded by ``loader`` in this interpreter, which meets its requirements.

    Raises:
        BsctZooError: it cannot be loaded; the last check of its trust is here.
    """
    import torch

    from bsct_zoo.runtime.checkpoints import require_trusted
    from bsct_zoo.runtime.guard import GuardedPotential, wrap_error

    if threads:
        torch.set_num_threads(threads)
    try:
        require_trusted(card)
        return GuardedPotential(import_path(loader)(card, device, dtype, **options))
    except (Exception, SystemExit) as error:
        failure = wrap_error(error)
    raise failure
