"""All frames of one molecule, or of one pair of elements, with their labels, as a task put to the reference."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import atomic_masses, covalent_radii
from ase.units import fs
from numpy.typing import NDArray

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.atoms.charge_spin import lowest_spin
from bsct_zoo.atoms.smiles import seed_of
from bsct_zoo.atoms.structure import Structure
from bsct_zoo.dynamics.langevin import langevin_init, langevin_step
from bsct_zoo.errors import shortened
from bsct_zoo.evaluation.label_task import structure_item
from bsct_zoo.evaluation.store import content_key
from bsct_zoo.plugins.tasks import Answer, Context, Item, Outcome, Score, Task
from bsct_zoo.potentials.batching import Batcher
from bsct_zoo.potentials.potential import Potential
from bsct_zoo.training.making.displacements import (
    along_modes,
    cuttable,
    pulled,
    random_direction,
    rattled,
    side_by_side,
    spread_evenly,
)
from bsct_zoo.training.making.minimum import Minimum
from bsct_zoo.training.making.recipe import KINDS, VERSION, Recipe
from bsct_zoo.training.writing import flat_arrays


@dataclass(frozen=True)
class Frame:
    """One labelled frame.

    Attributes:
        kind: an index of ``KINDS``.
        atoms: elements, positions, cell, charge and spin.
        energy: eV, total.
        forces: [n, 3] eV/Å.
        problem: why it has no label, where it has none.
    """

    kind: int
    atoms: Atoms
    energy: float
    forces: NDArray[np.float64]
    problem: str = ""


def flat(frames: Sequence[Frame]) -> dict[str, NDArray[Any]]:
    """Frames as flat arrays, frame after frame, as ``training.data.FrameSet`` has them; none without frames."""
    if not frames:
        return {}
    arrays = flat_arrays([f.atoms for f in frames], [f.energy for f in frames], [f.forces for f in frames])
    return arrays | {"kind": np.array([frame.kind for frame in frames], dtype=np.int8)}


def molecule_frames(
    name: str, molecule: Minimum, partners: Sequence[Minimum], recipe: Recipe, potential: Potential
) -> Answer:
    """Every frame of one molecule; each kind has random numbers of its own, drawn by the seed and ``name``.

    An answer holds the frames as ``flat`` does, and "dropped": how many were, by reason.

    Raises:
        ModelError: the potential failed.
    """
    kinds: Mapping[str, Callable[[Minimum, Recipe, np.random.Generator], list[Atoms]]]
    kinds = {
        "rattle": _rattles,
        "mode": _modes,
        "bond": _bonds,
        "dimer": partial(_dimers, partners),
        "near": _near,
    }
    wanted = [
        (kind, atoms)
        for kind, displaced in kinds.items()
        for atoms in displaced(molecule, recipe, _random(recipe, kind, name))
    ]
    moving = _dynamics(name, molecule, recipe, potential)
    return _kept([*moving, *_labelled(wanted, potential)], recipe)


def diatomic_frames(name: str, numbers: tuple[int, int], recipe: Recipe, potential: Potential) -> Answer:
    """Two atoms at distances spread over the recipe's range, in the lowest state of spin; as ``molecule_frames``.

    Raises:
        ModelError: the potential failed.
    """
    rng = _random(recipe, "diatomic", name)
    z = np.array(numbers, dtype=np.int64)
    wanted = []
    for scale in spread_evenly(recipe.diatomic, *recipe.diatomic_range, rng):
        end = scale * covalent_radii[z].sum() * random_direction(rng)
        atoms = Atoms(z, [np.zeros(3), end])
        atoms.info.update(charge=0, spin=lowest_spin(z, 0))
        wanted.append(("diatomic", atoms))
    return _kept(_labelled(wanted, potential), recipe)


class FrameTask(Task):
    """All frames of molecules and of pairs of elements, an item each, see ``frame_item`` and ``molecule_frames``."""

    name = "frames"
    kind = "frames"
    noun = "molecule and pair of elements"
    title = "labelled frames"

    def __init__(self, items: Sequence[Item]) -> None:
        self.items = tuple(items)

    def key(self) -> Mapping[str, Any]:
        """Nothing: each item says what decides it."""
        return {}

    def run(self, context: Context, items: Sequence[Item]) -> Iterator[tuple[Item, Outcome]]:
        """Each molecule by itself."""
        for item in items:
            clock = perf_counter()
            yield item, replace(item.subject(context.potential), seconds=perf_counter() - clock)

    def score(self, item: Item, answer: Answer) -> Score:
        """How many frames there are."""
        return Score({"frames": float(len(answer.arrays.get("energy", ())))})


def frame_item(name: str, words: Sequence[Any], make: Callable[[Potential], Answer]) -> Item:
    """What ``make`` makes of a molecule or pair of elements; ``words`` decide the frames beside the reference."""
    return Item(name, make, content_key([VERSION, *map(_word, words)]), ())


def _word(word: Any) -> Any:
    """A word of a key as JSON can hold it: structures by what a reference sees of them."""
    if isinstance(word, Structure):
        return structure_item("", word).fingerprint
    return json.loads(json.dumps(word, default=str))


def _random(recipe: Recipe, kind: str, name: str) -> np.random.Generator:
    return np.random.default_rng(seed_of(recipe.seed, kind, name))


def _rattles(molecule: Minimum, recipe: Recipe, rng: np.random.Generator) -> list[Atoms]:
    x = molecule.structure.positions
    return [molecule.at(rattled(x, rng.uniform(*recipe.rattle_range), rng)) for _ in range(recipe.rattle)]


def _modes(molecule: Minimum, recipe: Recipe, rng: np.random.Generator) -> list[Atoms]:
    if not molecule.hessian.size:
        return []
    masses, x = atomic_masses[molecule.structure.numbers], molecule.structure.positions
    found = molecule.modes(masses)
    heat = [recipe.temperatures[k % len(recipe.temperatures)] for k in range(recipe.mode)]
    return [molecule.at(along_modes(x, masses, found, kelvin, rng)) for kelvin in heat]


def _bonds(molecule: Minimum, recipe: Recipe, rng: np.random.Generator) -> list[Atoms]:
    numbers = molecule.structure.numbers
    bonds = cuttable(len(numbers), molecule.structure.bonds)
    if not bonds:
        return []
    picks = [
        (k, scale)
        for k, (bond, _) in enumerate(bonds)
        if numbers[list(bond)].min() > 1
        for scale in spread_evenly(recipe.heavy_bond, *recipe.bond_range, rng)
    ]
    scales = spread_evenly(recipe.bond, *recipe.bond_range, rng)
    picks += zip(rng.integers(len(bonds), size=recipe.bond).tolist(), scales.tolist(), strict=True)
    found = []
    for k, scale in picks:
        x = rattled(molecule.structure.positions, rng.uniform(0, recipe.bond_rattle), rng)
        bond, side = bonds[k]
        length = scale * float(covalent_radii[numbers[list(bond)]].sum())
        found.append(molecule.at(pulled(x, bond, side, length)))
    return found


def _near(molecule: Minimum, recipe: Recipe, rng: np.random.Generator) -> list[Atoms]:
    if molecule.structure.periodic:
        return []
    x = molecule.structure.positions
    bonds, found = cuttable(len(x), molecule.structure.bonds), []
    for scale in spread_evenly(recipe.near, *recipe.near_range, rng):
        moved = rattled(x, rng.uniform(0, recipe.near_rattle), rng)
        if bonds:
            bond, side = bonds[rng.integers(len(bonds))]
            moved = pulled(moved, bond, side, scale * float(np.linalg.norm(x[bond[1]] - x[bond[0]])))
        found.append(molecule.at(moved))
    return found


def _dimers(partners: Sequence[Minimum], molecule: Minimum, recipe: Recipe, rng: np.random.Generator) -> list[Atoms]:
    a, found = molecule.structure, []
    for partner in partners:
        b = partner.structure
        x, y = (rattled(one.structure.positions, 0.04, rng) for one in (molecule, partner))
        target = rng.uniform(*recipe.dimer_range)
        numbers, charge = np.concatenate([a.numbers, b.numbers]), a.charge + b.charge
        atoms = Atoms(numbers, side_by_side(x, a.numbers, y, b.numbers, target, rng))
        atoms.info.update(charge=charge, spin=lowest_spin(numbers, charge))
        found.append(atoms)
    return found


def _dynamics(name: str, molecule: Minimum, recipe: Recipe, potential: Potential) -> list[Frame]:
    """Snapshots at every temperature; the forces that moved the molecule on are the labels.

    It starts at the minimum with twice the kinetic energy, half of which the bonds take up within some vibrations.
    """
    if len(molecule.structure.numbers) < 2 or not recipe.md:
        return []
    atoms = molecule.structure.to_atoms()
    masses = atoms.get_masses()
    atoms.set_masses(np.where(atoms.numbers == 1, np.maximum(masses, recipe.md_hydrogen), masses))
    step, found = recipe.md_step * fs, []
    first, every = round(recipe.md_first / recipe.md_step), max(1, round(recipe.md_every / recipe.md_step))
    for kelvin in recipe.temperatures:
        seed = seed_of(recipe.seed, "md", name, kelvin) % 2**62
        state = langevin_init(potential, [atoms], 2 * kelvin, [seed])
        taken = 0
        for count in range(1, first + every * (recipe.md - 1) + 1):
            state = langevin_step(potential, state, step, kelvin, recipe.md_friction / fs)
            if not bool(state.forces.isfinite().all() & state.energy.isfinite().all()):  # no way on from there
                why = potential.compute(state.batch).failures.get(0, "")
                nothing = Frame(KINDS.index("md"), atoms, np.nan, np.full(atoms.positions.shape, np.nan), why)
                found += [nothing] * (recipe.md - taken)
                break
            if count >= first and (count - first) % every == 0:
                x = state.batch.positions.numpy().copy()
                shown = molecule.at(x if molecule.structure.periodic else x - x.mean(0))
                found.append(Frame(KINDS.index("md"), shown, float(state.energy[0]), state.forces.numpy().copy()))
                taken += 1
    return found


def _labelled(wanted: Sequence[tuple[str, Atoms]], potential: Potential) -> list[Frame]:
    """The frames with energies and forces, NaN where the potential has no answer."""
    systems = [AtomsBatch.from_atoms(atoms) for _, atoms in wanted]
    prediction = Batcher(potential).compute(systems)
    parts = prediction.forces.double().cpu().split([system.n_atoms for system in systems])
    labels = zip(wanted, prediction.energy.tolist(), parts, strict=True)
    return [
        Frame(KINDS.index(kind), atoms, energy, forces.numpy(), prediction.failures.get(n, ""))
        for n, ((kind, atoms), energy, forces) in enumerate(labels)
    ]


def _kept(frames: Sequence[Frame], recipe: Recipe) -> Answer:
    """Without the frames that have no label, or a larger force than the recipe allows."""
    kept, dropped = [], Counter[str]()
    for frame in frames:
        if not (np.isfinite(frame.energy) and np.isfinite(frame.forces).all()):
            dropped["no answer" + (f": {shortened(frame.problem)}" if frame.problem else "")] += 1
        elif np.linalg.norm(frame.forces, axis=1).max() > recipe.max_force:
            dropped["force too large"] += 1
        else:
            kept.append(frame)
    return Answer(flat(kept), {"dropped": dict(dropped)})
