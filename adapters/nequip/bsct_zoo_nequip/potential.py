"""A NequIP or Allegro model as a potential: all frames of a batch through one graph."""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version

import torch
from torch import Tensor

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.potentials.potential import Potential, PotentialInfo, Prediction, check_elements
from bsct_zoo_nequip.graph import graph_of, type_table
from bsct_zoo_nequip.model import NequipModel
from bsct_zoo_nequip.packages import AtomicDataDict


class NequipPotential(Potential):
    """A model of nequip behind the batched interface; takes its network over.

    nequip keeps positions, edge vectors, energies of atoms and their sums in float64 whatever the network computes
    in, so that a total of thousands of eV keeps its digits; batches are given to it in float64 for that.
    """

    def __init__(self, model: NequipModel, device: str, level_of_theory: str, licence: str) -> None:
        self.model = replace(model, network=model.network.to(device))
        for parameter in self.model.network.parameters():
            parameter.requires_grad_(False)
        self._types = type_table(model.elements).to(device)
        self._prune = _pruner(model)
        self.info = PotentialInfo(
            elements=frozenset(model.elements),
            cutoff=model.cutoff,
            dtype=model.dtype,
            device=device,
            conservative=True,
            level_of_theory=level_of_theory,
            licence=licence,
            has_stress=True,
            cost="edges",
            versions=tuple((name, version(name)) for name in ("nequip", "e3nn", "torch")),
        )

    def compute(self, batch: AtomsBatch) -> Prediction:
        """See ``Potential.compute``."""
        check_elements(batch, self.info.elements)
        batch = batch.to(self.info.device, torch.float64)
        if batch.n_systems == 0:
            return Prediction(batch.positions.new_zeros(0), batch.positions.new_zeros((0, 3)))
        if self.model.frames == "one":
            answers = [self._answer(system) for system in batch.split()]
            energy, forces, stress = (torch.cat(column) for column in zip(*answers, strict=True))
        elif self.model.frames == "several" and batch.n_systems == 1:
            twice = self._answer(AtomsBatch.join([batch, batch]))
            energy, forces, stress = (values[: len(values) // 2] for values in twice)
        else:
            energy, forces, stress = self._answer(batch)
        periodic = batch.pbc.any(1)
        if not bool(periodic.any()):
            return Prediction(energy, forces)
        return Prediction(energy, forces, torch.where(periodic[:, None, None], stress, torch.nan))

    def _answer(self, batch: AtomsBatch) -> tuple[Tensor, Tensor, Tensor]:
        """Energy [n_systems], forces [n_atoms, 3] and stress [n_systems, 3, 3] (NaN without a volume), float64."""
        # nequip asks for gradients on the very tensor that it is given.
        batch = batch.with_positions(batch.positions.detach().clone())
        graph = self._prune(graph_of(batch, self._types[batch.atomic_numbers], self.model.cutoff))
        if self.model.frames == "one":
            del graph[AtomicDataDict.BATCH_KEY], graph[AtomicDataDict.NUM_NODES_KEY]
        with torch.enable_grad():
            output = self.model.network(graph)
        energy, forces, stress = (
            output[key].detach().double()
            for key in (AtomicDataDict.TOTAL_ENERGY_KEY, AtomicDataDict.FORCE_KEY, AtomicDataDict.STRESS_KEY)
        )
        return energy.view(-1), forces, stress.view(-1, 3, 3)


def _pruner(model: NequipModel) -> torch.nn.Module:
    """What drops the edges beyond the cut-off of their own pair of types, where a model has such cut-offs."""
    from ase.data import chemical_symbols
    from nequip.data.transforms.neighborlist import NeighborListPruneTransform

    if model.edge_type_cutoffs is None:
        return torch.nn.Identity()
    names = [chemical_symbols[number] for number in model.elements]
    pruner: torch.nn.Module = NeighborListPruneTransform(model.cutoff, dict(model.edge_type_cutoffs), names)
    return pruner
