"""The contract between a model and everything that evaluates it: a batch in, a prediction out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Self

from bsct_zoo import notebook
from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import BadInputError, UnknownElementError
from bsct_zoo.late import Late

if TYPE_CHECKING:
    import torch
    from ase.calculators.calculator import Calculator
    from torch import Tensor
else:
    torch = Late("torch")


@dataclass(frozen=True)
class Prediction:
    """The answer of a potential for a batch; detached from any autograd graph.

    A system without an answer (such as an SCF that did not converge) is NaN throughout, so that it does not fail the
    batch.

    Attributes:
        energy: [n_systems] total energy in eV, float64 (a total of -1e4 eV does not fit float32).
        forces: [n_atoms, 3] in eV/Å.
        stress: [n_systems, 3, 3] in eV/Å³ with ASE's sign, or None.
        failures: why a system has no answer, in the words of whoever computes, by its number in the batch.
    """

    energy: Tensor
    forces: Tensor
    stress: Tensor | None = None
    failures: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PotentialInfo:
    """What a potential declares about itself.

    Attributes:
        elements: supported atomic numbers; None if any.
        cutoff: interaction cut-off in Å; None if it has none.
        dtype: "float32" or "float64", the precision of the computation.
        device: "cpu", "cuda:0", ...
        conservative: whether forces are the energy's gradient; if not, they are predicted directly.
        level_of_theory: level of theory of its energies, e.g. "GFN2-xTB".
        licence: of the weights, as an SPDX identifier where there is one.
        has_stress: whether ``compute`` returns stress for periodic systems.
        cost: what fills a batch: "atoms" or "edges" (pairs within ``cutoff``).
        versions: versions of the packages whose change would change the numbers.
        periodic_only: it takes periodic systems only; molecules are put into a box (see ``boxes``).
        partly_periodic: whether it computes systems that are periodic in one or two directions as they are; if not,
            they are put into a box along the others (see ``boxes``), and results say so.
        supports_charge_spin: whether total charge and multiplicity of a system enter its energy; if not, they are
            ignored, and results say so.
        equivariant: whether rotating a system rotates its forces by construction; if not, equivariance is learned.
    """

    elements: frozenset[int] | None
    cutoff: float | None
    dtype: Literal["float32", "float64"]
    device: str
    conservative: bool
    level_of_theory: str
    licence: str
    has_stress: bool = False
    cost: Literal["atoms", "edges"] = "atoms"
    versions: tuple[tuple[str, str], ...] = ()
    periodic_only: bool = False
    partly_periodic: bool = True
    supports_charge_spin: bool = False
    equivariant: bool = True


class Potential(ABC):
    """A potential energy surface, evaluated for many systems at once."""

    info: PotentialInfo

    @abstractmethod
    def compute(self, batch: AtomsBatch) -> Prediction:
        """Energies and forces of every system in ``batch``.

        A potential moves the batch to its own device and dtype and must not change it. The result for one system
        may not depend on the others in the batch.

        Raises:
            UnknownElementError: a system holds an element that is not in ``info.elements``.
            OutOfMemoryError: the batch does not fit; the caller halves it.
            ModelError: anything else that makes the answer unusable.
        """

    def as_calculator(self) -> Calculator:
        """An ASE calculator of this potential; charge and multiplicity come from ``atoms.info``."""
        from bsct_zoo.potentials.bridges import PotentialCalculator

        return PotentialCalculator(self)

    def as_torchsim(self) -> Any:
        """A TorchSim ``ModelInterface`` of this potential; charge and spin come from the state.

        Raises:
            BadInputError: TorchSim is not installed.
        """
        try:
            from bsct_zoo.potentials.torchsim import PotentialModel
        except ModuleNotFoundError as error:
            raise BadInputError("TorchSim is not installed here; run: pip install torch-sim-atomistic") from error
        return PotentialModel(self)

    def _repr_html_(self) -> str:
        info = self.info
        elements = "any" if info.elements is None else f"{len(info.elements)}"
        pairs = [
            ("level of theory", info.level_of_theory),
            ("elements", elements),
            ("cut-off", "none" if info.cutoff is None else f"{info.cutoff:g} Å"),
            ("forces", "gradient of the energy" if info.conservative else "predicted directly"),
            ("charge and spin", "used" if info.supports_charge_spin else "ignored"),
            ("computes in", f"{info.dtype} on {info.device}"),
            ("licence", info.licence),
        ]
        return notebook.facts("potential", pairs)

    def close(self) -> None:
        """Release resources (processes, memory); can be called twice."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def check_elements(batch: AtomsBatch, elements: frozenset[int] | None) -> None:
    """Raise if ``batch`` holds an atomic number outside ``elements``.

    Raises:
        UnknownElementError: names the unsupported elements.
    """
    if elements is None:
        return
    foreign = sorted(set(torch.unique(batch.atomic_numbers).tolist()) - elements)
    if foreign:
        from ase.data import chemical_symbols

        names = ", ".join(chemical_symbols[z] if 0 < z < len(chemical_symbols) else f"Z={z}" for z in foreign)
        raise UnknownElementError(f"the model does not know {names}")
