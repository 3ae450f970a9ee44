"""A SevenNet as a potential: all frames of a batch through one graph."""

from __future__ import annotations

import re
from importlib.metadata import version
from typing import Any, Literal

import sevenn._keys as KEY
import torch
from ase.data import atomic_numbers
from e3nn import o3
from sevenn.nn.node_embedding import OnehotEmbedding
from sevenn.nn.sequential import AtomGraphSequential
from torch import Tensor

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.atoms.neighbours import pairs_within
from bsct_zoo.potentials.gradients import predict_by_gradient
from bsct_zoo.potentials.potential import Potential, PotentialInfo, Prediction, check_elements

_DTYPES = {"float32": torch.float32, "float64": torch.float64}


class SevenNetPotential(Potential):
    """A SevenNet (Park et al., J. Chem. Theory Comput. 20, 4857 (2024)) behind the batched interface.

    ``model`` is taken over. Vectors between atoms, and sums over atoms, are in float64 whatever the network computes
    in. ``elements`` are symbols, if it knows fewer than it has weights for.
    """

    def __init__(
        self,
        model: AtomGraphSequential,
        device: str,
        dtype: Literal["float32", "float64"],
        level_of_theory: str,
        licence: str,
        elements: tuple[str, ...] = (),
        modal: str | None = None,
    ) -> None:
        self.dtype = _DTYPES[dtype]
        self.modal = None if modal is None else model.modal_map[modal]
        known = frozenset(model.type_map)
        self.info = PotentialInfo(
            elements=known & {atomic_numbers[symbol] for symbol in elements} if elements else known,
            cutoff=float(model.cutoff),
            dtype=dtype,
            device=device,
            conservative=True,
            level_of_theory=level_of_theory,
            licence=licence,
            has_stress=True,
            cost="edges",
            versions=tuple((name, version(name)) for name in ("sevenn", "e3nn", "torch")),
        )
        self.model = energies_of_atoms(in_dtype(model, self.dtype)).to(device)

    def compute(self, batch: AtomsBatch) -> Prediction:
        """See ``Potential.compute``."""
        check_elements(batch, self.info.elements)
        return predict_by_gradient(self._energy, batch.to(self.info.device, torch.float64))

    def _energy(self, batch: AtomsBatch) -> Tensor:
        """[n_systems] eV, float64."""
        total = torch.zeros(batch.n_systems, dtype=torch.float64, device=batch.device)
        if batch.n_atoms == 0:
            return total
        assert self.info.cutoff is not None
        pairs = pairs_within(batch, self.info.cutoff)
        graph = {
            KEY.ATOMIC_NUMBERS: batch.atomic_numbers,
            KEY.EDGE_IDX: torch.stack([pairs.source, pairs.target]),
            KEY.EDGE_VEC: pairs.vectors.to(self.dtype),
            KEY.BATCH: batch.system_idx,
        }
        if self.modal is not None:
            graph[KEY.MODAL_TYPE] = torch.full((batch.n_systems,), self.modal, device=batch.device)
        atoms: Tensor = self.model(graph)[KEY.ATOMIC_ENERGY].squeeze(1)  # [n_atoms]
        return total.index_add(0, batch.system_idx, atoms.double())


def energies_of_atoms(model: AtomGraphSequential) -> AtomGraphSequential:
    """``model`` without what comes after the energies of atoms: sums and derivatives are bsct-zoo's own."""
    model.delete_module_by_key("reduce_total_enegy")  # sic
    model.delete_module_by_key("force_output")
    model.set_is_batch_data(True)
    model.key_grad = None
    model.eval_modal_map = False  # fidelities are given as numbers
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    return model.eval()


def in_dtype(model: AtomGraphSequential, dtype: torch.dtype) -> AtomGraphSequential:
    """``model`` computing in ``dtype``.

    In float64 the coupling coefficients, which a checkpoint holds in float32, are made anew, so that the model is
    symmetric to float64; and what turns elements into float32 vectors is corrected.
    """
    model = model.to(dtype)
    if dtype != torch.float64:
        return model
    for name, buffer in model.named_buffers():
        found = re.search(r"_w3j_(\d+)_(\d+)_(\d+)$", name)
        if found:
            exact = o3.wigner_3j(*map(int, found.groups()), dtype=dtype, device=buffer.device)
            if torch.allclose(buffer, exact, atol=1e-6):
                buffer.copy_(exact)
    for module in model.modules():
        if isinstance(module, OnehotEmbedding):
            module.register_forward_hook(_in_float64)
    return model


def _in_float64(module: OnehotEmbedding, inputs: Any, graph: dict[str, Tensor]) -> dict[str, Tensor]:
    for key in filter(None, (module.key_output, module.key_additional_output)):
        graph[key] = graph[key].double()
    return graph
