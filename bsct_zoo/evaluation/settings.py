"""How tasks are put to models: devices, precision, processes, and where answers are kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from bsct_zoo.errors import BadInputError
from bsct_zoo.evaluation.ways import Numerics
from bsct_zoo.plugins.tasks import Dtype
from bsct_zoo.runtime.folders import cache_dir, writable
from bsct_zoo.runtime.load import resolve_device

AUTO: Literal["auto"] = "auto"


@dataclass(frozen=True)
class Settings:
    """How to run.

    Attributes:
        device: "auto", "cpu", "cuda" or "cuda:N".
        dtype: what models compute in, where the task does not say otherwise.
        max_batch_atoms: cost that fills a batch; None for a default by device.
        jobs: models at a time.
        processes: of each model, each on one thread, among which items are shared that are no common batch; 0 for one
            model on every core, "auto" for what is fastest on a CPU, measured once for each model.
        again: how a model (as the user named it) computed under a task, where results are made again.
        use_store: read and keep answers.
        folder: of the store; None for the user's cache.
        private: the store is of this run alone, so that answers of models that cannot be identified are kept too.
        timeout: without a response of a model, in seconds.
        cluster: address of a Ray cluster whose nodes compute ("auto", "local", "host:port"); empty for none.
        cluster_cpus, cluster_gpus: of each process there; a GPU may be shared by fractions.
        cluster_items: scans that a process there is asked about at a time.
    """

    device: str = "auto"
    dtype: Dtype = "float32"
    max_batch_atoms: int | None = None
    jobs: int = 1
    processes: int | Literal["auto"] = 0
    again: Mapping[tuple[str, str], Numerics] = field(default_factory=dict)
    use_store: bool = True
    folder: Path | None = None
    private: bool = False
    timeout: float | None = 600.0
    cluster: str = ""
    cluster_cpus: float = 1.0
    cluster_gpus: float = 0.0
    cluster_items: int = 8

    @property
    def store_folder(self) -> Path:
        """``folder``, or what stands for it."""
        return self.folder or cache_dir() / "answers"

    def ready(self) -> Settings:
        """The same with a device that is here, and the folder of the store made.

        Raises:
            BadInputError: the device is not there, or the folder cannot be made.
        """
        device = self.device if self.cluster and self.device != "auto" else resolve_device(self.device)
        if self.use_store and not self.store_folder.is_dir():  # one that is there may be read-only and enough
            writable(self.store_folder)
        return replace(self, device=device)

    def facts(self) -> dict[str, Any]:
        """As results hold them."""
        names = ("device", "dtype", "max_batch_atoms", "jobs", "processes", "use_store", "timeout")
        return {name: getattr(self, name) for name in names}


def processes_of(text: str | int) -> int | Literal["auto"]:
    """``Settings.processes`` as a user writes it.

    Raises:
        BadInputError: it is neither a number nor "auto".
    """
    if text == AUTO:
        return AUTO
    if str(text).isascii() and str(text).isdigit():
        return int(text)
    raise BadInputError(f"--processes takes a number of processes, or auto, not '{text}'")
