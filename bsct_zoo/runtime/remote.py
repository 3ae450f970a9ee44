"""A potential that computes in a worker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.plugins.cards import Adapter, Dtype, ModelCard, OptionValue
from bsct_zoo.potentials.potential import Potential, PotentialInfo, Prediction
from bsct_zoo.runtime.guard import expected_shapes
from bsct_zoo.runtime.host import WorkerHost
from bsct_zoo.runtime.protocol import ProtocolError, WorkerMessage


class RemotePotential(Potential):
    """The model of ``card`` in a worker of another interpreter. Once the worker has died, every call fails.

    Attributes:
        info: what the model declared in the worker.
        seconds: the model's own time for the last ``compute``, without the transfer.
    """

    def __init__(
        self,
        python: Path | str,
        adapter: Adapter,
        card: ModelCard,
        *,
        device: str,
        dtype: Dtype,
        options: Mapping[str, OptionValue],
        timeout: float | None = 600.0,
        threads: int | None = None,
    ) -> None:
        """Start the worker and load the model.

        Raises:
            BadInputError: the model refuses an option or a file.
            ModelError: it cannot be loaded, or takes longer than ``timeout`` seconds.
        """
        self.seconds = 0.0
        self._timeout = timeout
        self._host = WorkerHost(python, adapter.loader, threads=threads, timeout=timeout)
        load = {"loader": adapter.loader, "card": card.to_json(), "device": device, "dtype": dtype, "threads": threads}
        try:
            self.info = _info(self._host.ask(WorkerMessage("load", load | {"options": dict(options)}), timeout).fields)
        except BaseException:
            self.close()
            raise

    @property
    def log_tail(self) -> str:
        """The last output of the worker."""
        return self._host.log_tail

    @property
    def pid(self) -> int:
        """Process id of the worker."""
        return self._host.pid

    def compute(self, batch: AtomsBatch) -> Prediction:
        """See ``Potential.compute``; the prediction is on the CPU.

        Raises:
            ModelError: also if the worker died, hung or sent invalid data.
        """
        arrays = {f.name: getattr(batch, f.name).detach().cpu() for f in fields(AtomsBatch)}
        for name in ("positions", "cell"):
            arrays[name] = arrays[name].double()
        request = WorkerMessage("compute", {}, {name: tensor.numpy() for name, tensor in arrays.items()})
        answer = self._host.ask(request, self._timeout)
        for name, shape in expected_shapes(batch).items():
            found = answer.arrays[name].shape if name in answer.arrays else None
            if found != shape and not (name == "stress" and found is None):
                raise self._host.nonsense(f"{name} of shape {found}, expected {shape}")
        try:
            self.seconds = float(answer.fields["seconds"])
        except (KeyError, TypeError, ValueError):
            raise self._host.nonsense("an answer without its time") from None
        try:
            failures = {int(place): str(why) for place, why in answer.fields.get("failures", ())}
        except (TypeError, ValueError):
            raise self._host.nonsense("reasons of failures that are none") from None
        if not failures.keys() <= set(range(batch.n_systems)):
            raise self._host.nonsense("reasons of failures of systems that were not asked about")
        tensors: dict[str, Tensor] = {name: torch.from_numpy(answer.arrays[name]) for name in answer.arrays}
        return Prediction(tensors["energy"].double(), tensors["forces"], tensors.get("stress"), failures)

    def close(self) -> None:
        """End the worker."""
        self._host.close()


def _info(said: Mapping[str, Any]) -> PotentialInfo:
    try:
        info = dict(said["info"])
        info["elements"] = None if info["elements"] is None else frozenset(info["elements"])
        info["versions"] = tuple((str(name), str(version)) for name, version in info["versions"])
        return PotentialInfo(**info)
    except (KeyError, TypeError, ValueError) as error:
        raise ProtocolError(f"the worker does not report what it loaded ({error})") from error
