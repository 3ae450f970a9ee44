"""Properties of molecules and crystals as a task."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from time import perf_counter
from typing import Any

from bsct_zoo.evaluation.md_task import fingerprint, stated
from bsct_zoo.evaluation.store import content_key
from bsct_zoo.models.identity import code_sha256
from bsct_zoo.plugins.tasks import Answer, Context, Dtype, Item, Outcome, Score, Task, at_a_time
from bsct_zoo.potentials.potential import PotentialInfo
from bsct_zoo.properties.crystals import measure_crystals
from bsct_zoo.properties.judge import judge
from bsct_zoo.properties.measured import CRYSTALLINE, MOLECULAR, Measured, PropertySettings
from bsct_zoo.properties.molecules import free_atom, measure_molecules
from bsct_zoo.properties.quantities import property_columns
from bsct_zoo.properties.systems import System

_SHARED_CODE = ("bsct_zoo.dynamics.fire", "bsct_zoo.properties.topology")
_CODE = {  # what computes; tables and judgement are not among it, so that a change there costs no phonons
    "molecule": ("bsct_zoo.properties.molecules", "bsct_zoo.properties.vibrations", "bsct_zoo.properties.torsion"),
    "crystal": (
        *("bsct_zoo.properties.crystals", "bsct_zoo.properties.eos", "bsct_zoo.properties.elastic"),
        *("bsct_zoo.properties.phonons", "bsct_zoo.properties.symmetry"),
    ),
}
_MEASURE = {"molecule": measure_molecules, "crystal": measure_crystals}


class PropertyTask(Task):
    """Structures, frequencies, barriers, elasticity, phonons. An answer holds what ``Measured`` has of a system."""

    name = "properties"
    kind = "properties"
    noun = "system"
    columns = property_columns()

    def __init__(
        self,
        systems: Sequence[System],
        measure: PropertySettings,
        dtype: Dtype = "float64",
        reference: str = "",
        reference_outcomes: Mapping[str, Outcome] | None = None,
    ) -> None:
        """``reference_outcomes`` are those of the model ``reference`` under the same task; errors are against them."""
        self.systems, self.measure, self.reference = tuple(systems), measure, reference
        self.dtype: Dtype = dtype
        self._truth = reference_outcomes or {}
        names = [system.name for system in systems]
        self.title = ", ".join(names) if len(names) <= 4 else ""
        self.items = tuple(self._item(system) for system in systems)

    def _item(self, system: System) -> Item:
        atoms = system.atoms
        code = [code_sha256(module) for module in (*_SHARED_CODE, *_CODE[system.kind])]
        settings = asdict(self._for(system))
        return Item(
            id=system.name,
            subject=system,
            fingerprint=content_key([code, settings, fingerprint(atoms), system.kind, system.edge]),
            atomic_numbers=tuple(atoms.numbers.tolist()),
            group=system.kind,
            **stated(atoms),
        )

    @property
    def settings(self) -> Mapping[str, Any]:
        """What is measured and how, of which systems, against what."""
        names = [system.name for system in self.systems]
        return {"measure": asdict(self.measure), "dtype": self.dtype, "systems": names, "reference": self.reference}

    def key(self) -> Mapping[str, Any]:
        """Nothing: each item carries the settings and the code that concern it."""
        return {}

    def together(self, item: Item) -> str:
        """Molecules are one batch."""
        return "molecules" if item.group == "molecule" else ""

    def skips(self, item: Item, info: PotentialInfo) -> bool:
        """Whether nobody asked for the system and the model was not made for it.

        Of crystals that is also one without a cut-off, whose sums over images nobody promised.
        """
        system: System = item.subject
        foreign = info.elements is not None and not set(item.atomic_numbers) <= info.elements
        return not system.asked and (foreign or (system.kind == "crystal" and info.cutoff is None))

    def states(self, item: Item) -> set[tuple[int, int]]:
        """That of the system, and those of its atoms alone where energies of atomisation are asked for."""
        system: System = item.subject
        atoms = set(item.atomic_numbers) if "atomisation" in self._for(system).what else set()
        return super().states(item) | {(0, free_atom(z).info["spin"]) for z in atoms}

    def run(self, context: Context, items: Sequence[Item]) -> Iterator[tuple[Item, Outcome]]:
        """Molecules as one batch, crystals as another; on a CPU each crystal alone, which is batches enough."""
        molecules, crystals = ([item for item in items if item.group == kind] for kind in _MEASURE)
        groups = [molecules, *at_a_time(crystals, context.potential.info, len(crystals))]
        for chosen in filter(None, groups):
            measure = _MEASURE[chosen[0].group]
            clock = perf_counter()
            systems = [item.subject for item in chosen]
            results = measure(context.potential, systems, self._for(systems[0]), context.batcher, context.say)
            seconds = (perf_counter() - clock) / len(chosen)
            for item, result in zip(chosen, results, strict=True):
                facts = {"problems": dict(result.problems), "notes": list(result.notes)}
                yield item, Answer(dict(result.arrays), facts, seconds)

    def against(self, reference: str, outcomes: Mapping[str, Outcome]) -> PropertyTask:
        """The same with errors against the model ``reference``."""
        return PropertyTask(self.systems, self.measure, self.dtype, reference, outcomes)

    def score(self, item: Item, answer: Answer) -> Score:
        """See ``properties.judge``."""
        truth = self._truth.get(item.id)
        return judge(_measured(item, answer), _measured(item, truth) if isinstance(truth, Answer) else None)

    def notes(self, info: PotentialInfo, skipped: Sequence[Item]) -> Iterator[str]:
        """Systems that the model is spared; crystals are no news beside molecules."""
        some = len(skipped) < len(self.items)
        names = [item.id for item in skipped if item.group == "molecule" or not some]
        if names:
            yield (
                f"not made for {', '.join(names)}, which were left out; "
                "name them with --molecule or --crystal to have them all the same"
            )

    def _for(self, system: System) -> PropertySettings:
        """Settings with what concerns systems of this kind."""
        names = MOLECULAR if system.kind == "molecule" else CRYSTALLINE
        return replace(self.measure, what=tuple(name for name in self.measure.what if name in names))


def _measured(item: Item, answer: Answer) -> Measured:
    system: System = item.subject
    facts = answer.facts
    return Measured(system.name, system.kind, answer.arrays, facts["problems"], tuple(facts["notes"]))
