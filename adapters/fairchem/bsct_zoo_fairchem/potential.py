"""A model of fairchem-core 2 as a potential: all frames of a batch through one forward pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

import torch
from ase.data import chemical_symbols
from torch import Tensor

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import BadInputError, ModelError
from bsct_zoo.potentials.potential import Potential, PotentialInfo, Prediction, check_elements
from bsct_zoo_fairchem.batches import atomic_data, chosen, wrapped
from bsct_zoo_fairchem.packages import HydraModel

# Charge and multiplicity were labels of this task alone; the others were trained with 0 for both.
CHARGED_TASK = "omol"


class FairchemPotential(Potential):
    """A ``HydraModel`` with its tasks behind the batched interface.

    Reference energies of the elements are added in float64, so that a total of thousands of eV keeps its digits. A
    model that knows no isolated atoms takes their energy from ``atoms`` (by atomic number, or by number and charge);
    those that are not in it are NaN.
    """

    def __init__(
        self,
        model: HydraModel,
        task: str,
        device: str,
        level_of_theory: str,
        licence: str,
        atoms: Mapping[int, Any] | None = None,
        elements: frozenset[int] | None = None,
    ) -> None:
        self.model = model.to(device)
        self.dtype: torch.dtype = next(model.parameters()).dtype
        self.task = task
        self.outputs = {output.property: output for output in model.dataset_to_tasks[task]}
        missing = {"energy", "forces"} - self.outputs.keys()
        if missing:
            raise BadInputError(f"the model gives no {' and no '.join(sorted(missing))} for the task '{task}'")
        for output in self.outputs.values():
            output.normalizer.to(device)
        references = self.outputs["energy"].element_references
        self.references: Tensor | None = (
            None if references is None else references.element_references.double().to(device)
        )
        self.atoms = dict(atoms or {})
        backbone = model.backbone
        attention = type(backbone).__name__
        # eSCAIP looks for images of all systems or of none; the switch is turned for each kind.
        self.images = backbone.molecular_graph_cfg if attention == "EScAIPBackbone" else None
        # AllScAIP lets every atom of a system attend to every other.
        everywhere = attention == "AllScAIPBackbone" and backbone.global_cfg.use_node_path
        config = getattr(backbone, "regress_config", backbone)
        self.info = PotentialInfo(
            elements=elements or _elements(self.references, backbone.max_num_elements),
            cutoff=None if everywhere else float(backbone.cutoff),
            dtype="float64" if self.dtype == torch.float64 else "float32",
            device=device,
            conservative=not config.direct_forces,
            level_of_theory=level_of_theory,
            licence=licence,
            has_stress="stress" in self.outputs,
            cost="atoms" if everywhere else "edges",
            versions=tuple((name, version(name)) for name in ("fairchem-core", "e3nn", "torch")),
            supports_charge_spin=task == CHARGED_TASK and attention != "EScAIPBackbone",
            equivariant=_equivariant(backbone),
        )

    def compute(self, batch: AtomsBatch) -> Prediction:
        """See ``Potential.compute``."""
        check_elements(batch, self.info.elements)
        batch = wrapped(batch.to(self.info.device, torch.float64)).to(dtype=self.dtype)
        energy = torch.full((batch.n_systems,), torch.nan, dtype=torch.float64, device=batch.device)
        forces = torch.full_like(batch.positions, torch.nan)
        stress = torch.full((batch.n_systems, 3, 3), torch.nan, dtype=torch.float64, device=batch.device)
        failures: dict[int, str] = {}
        energy[batch.atoms_per_system == 0] = 0.0
        lone = self._lone(batch)
        for system in lone.nonzero().flatten().tolist():
            atom = batch.system_idx == system
            energy[system] = self._of_an_atom(int(batch.atomic_numbers[atom]), int(batch.charge[system]))
            forces[atom] = torch.nan if energy[system].isnan() else 0.0
            if energy[system].isnan():
                symbol, charge = chemical_symbols[int(batch.atomic_numbers[atom])], int(batch.charge[system])
                failures[system] = f"the model has no energy of a single atom of {symbol} with charge {charge}"
        for systems in self._kinds(batch, ~lone & (batch.atoms_per_system > 0)):
            found = self._forward(chosen(batch, systems))
            energy[systems], forces[systems[batch.system_idx]] = found.energy, found.forces
            if found.stress is not None:
                stress[systems] = found.stress
        periodic = batch.pbc.any(1)
        if not self.info.has_stress or not bool(periodic.any()):
            return Prediction(energy, forces, failures=failures)
        return Prediction(energy, forces, torch.where(periodic[:, None, None], stress, torch.nan), failures)

    def _forward(self, batch: AtomsBatch) -> Prediction:
        """Energies, forces and stress of systems that the model itself answers for."""
        data = atomic_data(batch, self.task, self.info.supports_charge_spin)
        with torch.set_grad_enabled(self.info.conservative), _fixed_random_numbers(batch.device):
            found = self.model(data)
        values = {
            name: output.normalizer.denorm(_tensor(found[output.name], name)).detach()
            for name, output in self.outputs.items()
            if name in ("energy", "forces", "stress")
        }
        energy = values["energy"].double().view(-1)
        if self.references is not None:
            energy = energy.index_add(0, batch.system_idx, self.references[batch.atomic_numbers])
        stress = values["stress"].double().view(-1, 3, 3) if "stress" in values else None
        return Prediction(energy, values["forces"], stress)

    def _kinds(self, batch: AtomsBatch, systems: Tensor) -> Iterator[Tensor]:
        """Which of ``systems`` go through the model together: [n_systems] masks, never empty."""
        kinds = [systems]
        periodic = batch.pbc.any(1)
        if self.images is not None:
            if bool((periodic & ~batch.pbc.all(1)).any()):
                raise ModelError("eSCAIP repeats a cell in all three directions or in none; give pbc in all of them")
            kinds = [systems & ~periodic, systems & periodic]
        for kind in kinds:
            if bool(kind.any()):
                if self.images is not None:
                    self.images.use_pbc = bool(periodic[kind].any())
                yield kind

    def _lone(self, batch: AtomsBatch) -> Tensor:
        """[n_systems] whether a system is one atom in empty space that the model was not made for."""
        alone = (batch.atoms_per_system == 1) & ~batch.pbc.any(1)
        return alone & (not self.model.supports_single_atoms)

    def _of_an_atom(self, number: int, charge: int) -> float:
        known = self.atoms.get(number, torch.nan)
        return float(known.get(charge, torch.nan) if isinstance(known, Mapping) else known)


def _tensor(output: Any, name: str) -> Tensor:
    """What a head gave for ``name``: heads wrap their tensors in a dictionary or do not."""
    tensor: Tensor = output[name] if isinstance(output, Mapping) else output
    return tensor


@contextmanager
def _fixed_random_numbers(device: torch.device) -> Iterator[None]:
    """The same random numbers each time, only inside this block: eSCN turns its edges' frames by random angles."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(0)
        yield


def _elements(references: Tensor | None, embedded: int) -> frozenset[int]:
    """Elements that have an embedding and, where there is a table of reference energies, an entry in it."""
    every = range(1, embedded)
    if references is None or not bool(references.any()):
        return frozenset(every)
    return frozenset(z for z in every if z < len(references) and float(references[z]) != 0.0)


def _equivariant(backbone: Any) -> bool:
    """Features that are not equivariant by construction (components of directions, values on a grid) only learn it."""
    name = type(backbone).__name__
    if name == "EScAIPBackbone":
        return not backbone.direct_forces
    if name == "AllScAIPBackbone":
        return False
    return bool(backbone.ff_type == "spectral" and backbone.act_type == "gate")
