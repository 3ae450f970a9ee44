"""A check of molecular dynamics as a task: its runs are the items, all of them one batch."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from bsct_zoo.atoms.charge_spin import charge_spin
from bsct_zoo.atoms.constraints import free_coordinates, names_of
from bsct_zoo.atoms.molecules import MOLECULES, system
from bsct_zoo.dynamics.checks import label_of, name_of
from bsct_zoo.dynamics.figures import FITTED, SHORTEST_DRIFT
from bsct_zoo.dynamics.session import Arrays, Session
from bsct_zoo.errors import BadInputError
from bsct_zoo.evaluation.store import content_key
from bsct_zoo.metrics.columns import Column
from bsct_zoo.models.identity import code_sha256
from bsct_zoo.plugins.cards import Option, OptionValue
from bsct_zoo.plugins.checks import Check, CheckSettings
from bsct_zoo.plugins.options import parse_options
from bsct_zoo.plugins.tasks import Answer, Context, Dtype, Item, Outcome, Score, Task

_SPEED = Column(
    name="ns_per_day",
    title="ns/day",
    better="higher",
    metric="simulated_time",
    over="ns_per_day",
    source="docs/dynamics.md",
)


class MDTask(Task):
    """A check of molecular dynamics. An answer holds status, message, values and curves of a run."""

    kind = "md"
    noun = "run"

    def __init__(
        self,
        check: Check,
        systems: Sequence[Atoms],
        physics: CheckSettings,
        dtype: Dtype = "float64",
        trajectories: Path | None = None,
        stride: int = 20,
        state_every_s: float = 30.0,
    ) -> None:
        """A run of each system; the one at place n starts from its own ``info["seed"]`` or ``physics.seed + n``.

        Args:
            check: which.
            systems: structures with name, charge and spin in ``info``.
            physics: temperatures, times and so on.
            dtype: what models compute in; integration is in float64.
            trajectories: folder for them, one below it for each model; None for none.
            stride: steps between frames of a trajectory.
            state_every_s: seconds between states to resume from.
        """
        self.check, self.physics, self.dtype = check, physics, dtype
        self.trajectories, self.stride, self.state_every_s = trajectories, stride, state_every_s
        self.name = check.name
        self.columns = (*check.shown, _SPEED) if "simulated_time" in check.units else check.shown
        self.headline = check.brief
        ramp = f" to {physics.final_temperature:g} K" if check.name == "heat" else ""
        self.title = f"{physics.time_ps:g} ps, {physics.dt_fs:g} fs, {physics.temperature:g} K{ramp}"
        self.items = tuple(_items(systems, physics.seed))

    @property
    def settings(self) -> Mapping[str, Any]:
        """Physics, precision and systems."""
        names = dict.fromkeys(name_of(item.subject) for item in self.items)
        return {**asdict(self.physics), "dtype": self.dtype, "systems": list(names)}

    def key(self) -> Mapping[str, Any]:
        """Physics, the code of it, and where trajectories go. Seeds belong to items."""
        physics = {name: value for name, value in asdict(self.physics).items() if name != "seed"}
        function = self.check.function.partition(":")[0].partition(".")[0]
        code = [code_sha256("bsct_zoo.dynamics"), None if function == "bsct_zoo" else code_sha256(function)]
        folder = None if self.trajectories is None else [str(self.trajectories.resolve()), self.stride]
        return {"check": self.check.name, "physics": physics, "code": code, "trajectories": folder}

    def together(self, item: Item) -> str:
        """All runs are one batch."""
        return "runs"

    def is_kept(self, item: Item, answer: Answer) -> bool:
        """Not where its trajectory is gone."""
        path = answer.facts.get("trajectory")
        return path is None or Path(path).is_file()

    def run(self, context: Context, items: Sequence[Item]) -> Iterator[tuple[Item, Outcome]]:
        """All runs as one batch; resumes where an earlier sitting stopped."""
        systems = [item.subject for item in items]
        key = content_key([self.key(), [item.fingerprint for item in items]])
        folder = None if self.trajectories is None else self.trajectories / as_folder(context.model)

        def read_state() -> Arrays | None:
            arrays = context.read_state(key)
            if arrays is not None:
                context.say(f"resuming after step {int(np.asarray(arrays['count'], dtype=np.int64))}")
            return arrays

        session = Session(
            on_step=lambda done, total: context.progress(done, total, "steps"),
            read_state=read_state,
            keep_state=lambda arrays: context.keep_state(key, arrays),
            every_s=self.state_every_s,
            folder=folder,
            stride=self.stride,
            dt_fs=self.physics.dt_fs,
        )
        session.start_clock()
        runs = self.check.run(context.potential, systems, self.physics, session)
        if not self.check.resumes:
            session.stop_clock()
        written: list[Path] = session.files([label_of(atoms) for atoms in systems])
        files: Sequence[Path | None] = written or [None] * len(items)
        for item, run, file in zip(items, runs, files, strict=True):
            facts: dict[str, Any] = {"status": run.status, "message": run.message, "values": dict(run.values)}
            if file is not None:
                facts["trajectory"] = str(file)
            yield item, Answer(dict(run.curves), facts, session.seconds / len(items))
        context.drop_state(key)

    def curves(self, item: Item, answer: Answer) -> Mapping[str, NDArray[Any]]:
        """Those of the run; none of an answer kept by a version that had none."""
        return answer.arrays

    def score(self, item: Item, answer: Answer) -> Score:
        """What the run found."""
        facts = answer.facts
        reason = facts["message"] or "not defined for this run"
        missing = {name: reason for name, value in facts["values"].items() if value is None}
        time_ps = facts["values"].get("simulated_time")
        if facts["status"] == "ok" and time_ps is not None and time_ps < SHORTEST_DRIFT:
            short = f"a run of {time_ps:.3g} ps is too short for a drift, which takes {SHORTEST_DRIFT:g} ps or more"
            missing |= {name: short for name in FITTED if name in missing}
        missing |= {
            name: "nothing failed" for name in missing if name.startswith("failure_") and facts["status"] == "ok"
        }
        return Score(facts["values"], facts["status"], facts["message"], missing)


def _items(systems: Sequence[Atoms], seed: int) -> Iterator[Item]:
    seeded = []
    for number, atoms in enumerate(systems):
        copy: Atoms = atoms.copy()
        copy.info["seed"] = int(atoms.info.get("seed", seed + number))
        seeded.append(copy)
    names = [f"{name_of(atoms)} {atoms.info['seed']}" for atoms in seeded]
    counts = Counter(names)
    for place, (name, atoms) in enumerate(zip(names, seeded, strict=True)):
        if counts[name] > 1:
            name = f"{name} #{place + 1}"
        atoms.info["label"] = name.replace(" #", "-").replace(" ", "-")
        yield Item(
            id=name,
            subject=atoms,
            fingerprint=content_key(fingerprint(atoms)),
            atomic_numbers=tuple(atoms.numbers.tolist()),
            group=name_of(atoms),
            seed=atoms.info["seed"],
            **stated(atoms),
        )


def stated(atoms: Atoms) -> dict[str, Any]:
    """What an item says of its system."""
    said = charge_spin(atoms)
    return {
        "charge": said.charge,
        "multiplicity": said.spin,
        "pbc": (bool(atoms.pbc[0]), bool(atoms.pbc[1]), bool(atoms.pbc[2])),
        "constraints": names_of(atoms),
        "notes": tuple(atoms.info.get("notes", ())),
    }


def fingerprint(atoms: Atoms) -> list[Any]:
    """What an answer depends on of a system."""
    arrays = [atoms.numbers, atoms.positions, atoms.cell.array, atoms.pbc, atoms.get_masses()]
    if atoms.constraints:
        arrays.append(free_coordinates(atoms))
    digest = hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()
    said = charge_spin(atoms)
    facts = [said.charge, said.spin, atoms.info.get("seed")]
    return [name_of(atoms), digest, *facts]


def as_folder(model: str) -> str:
    """The name of a model as that of a folder."""
    return "".join(letter if letter.isalnum() or letter in "+-." else "_" for letter in model)


# -- as a user writes it -----------------------------------------------------------------------------------------

OPTIONS = (
    Option("time", float, 1.0, "simulated time, ps", minimum=0.001),
    Option("dt", float, 0.5, "time step, fs", aliases=("step",), minimum=0.01),
    Option("temperature", float, 300.0, "of the start and of the bath, K", minimum=0.1),
    Option("final_temperature", float, 1500.0, "of the bath when 'heat' ends, K", minimum=0.1),
    Option("friction", float, 10.0, "of the bath, 1/ps", minimum=0.0),
    Option("seeds", int, 1, "runs of each molecule", minimum=1),
    Option("seed", int, 0, "of the first run of each molecule", minimum=0),
    Option("relax", bool, True, "start from the model's own minimum"),
    Option("dtype", str, "float64", "what models compute in", choices=("float32", "float64")),
    Option("molecules", str, "+".join(MOLECULES), "names, SMILES or files, with + between them"),
)


def check_task(check: Check, options: Mapping[str, OptionValue], molecules: Sequence[str], **more: Any) -> MDTask:
    """The task of ``check`` on ``molecules`` (names or files) with values of ``OPTIONS``; ``more`` goes to ``MDTask``.

    Raises:
        BadInputError: the run is shorter than two steps, or a molecule cannot be read.
    """
    values: dict[str, Any] = dict(options)
    if 1000 * values["time"] < 2 * values["dt"]:
        raise BadInputError(f"time {values['time']:g} ps is less than two steps of {values['dt']:g} fs; give more time")
    physics = CheckSettings(
        temperature=values["temperature"],
        time_ps=values["time"],
        dt_fs=values["dt"],
        seed=values["seed"],
        friction=values["friction"],
        final_temperature=values["final_temperature"],
        relax=values["relax"],
    )
    seeds = range(values["seed"], values["seed"] + values["seeds"])
    systems = [system(name, seed) for name in molecules for seed in seeds]
    return MDTask(check, systems, physics, values["dtype"], **more)


def parse_check(text: str, check: Check) -> MDTask:
    """The task that ``text`` asks for: ``time=0.5,temperature=500``; may be empty.

    Raises:
        UnknownNameError: there is no such setting.
        BadInputError: a value does not fit.
    """
    options = parse_options(text, OPTIONS, f"setting of '{check.name}'")
    return check_task(check, options, re.split(r"\+(?![^\[]*\])", str(options["molecules"])))
