"""Train the rungs of the ladder alike, and judge every one by accuracy, smoothness and dynamics."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from ase import Atoms
from ase.build import molecule

from bsct_zoo.errors import BadInputError, BsctZooError
from bsct_zoo.evaluation.engine import evaluate
from bsct_zoo.evaluation.events import Listener
from bsct_zoo.evaluation.md_task import MDTask
from bsct_zoo.evaluation.results import Results
from bsct_zoo.evaluation.scan_task import ScanTask
from bsct_zoo.evaluation.settings import Settings
from bsct_zoo.models.naming import ModelSpec, parse_model
from bsct_zoo.plugins.cards import Adapter, OptionValue
from bsct_zoo.plugins.checks import NVE, CheckSettings
from bsct_zoo.suites.suite import Suite
from bsct_zoo.training.data import read_training_data
from bsct_zoo.training.job import TrainingJob
from bsct_zoo.training.run import Request, TrainingOutcome, train
from bsct_zoo_transformer.ladder import Rung

# Small closed-shell molecules of ASE's g2 set; those with elements that the frames lack are left out.
MOLECULES = ("CH3CH2OH", "CH3CHO", "CH3COOH", "CH3CONH2", "CH3NO2", "C6H6", "C4H4O", "C4H4S", "CH3SH", "CH3CH2Cl")
_STEP_FS, _KELVIN = 0.5, 300.0


@dataclass(frozen=True)
class Plan:
    """What is asked for.

    Attributes:
        adapter: the family.
        data: folder of frames, the same for every run.
        out: folder of everything; a run is in ``<rung>/seed-<n>``.
        rungs: of the ladder.
        seeds: how many runs of each rung, seeds 0, 1, ...
        budget_s: CPU seconds of each run.
        options: settings of the trainer that hold on every rung.
        suites: that smoothness is judged on.
        time_ps: of microcanonical dynamics.
        device, dtype, threads: of training.
    """

    adapter: Adapter
    data: Path
    out: Path
    rungs: tuple[Rung, ...]
    seeds: int
    budget_s: float
    options: Mapping[str, OptionValue]
    suites: tuple[Suite, ...]
    time_ps: float
    device: str
    dtype: Literal["float32", "float64"]
    threads: int

    @property
    def runs(self) -> list[tuple[Rung, int]]:
        """Every rung and seed; all rungs of the first seed come first, so that there is a ladder early."""
        return [(rung, seed) for seed in range(self.seeds) for rung in self.rungs]


@dataclass(frozen=True)
class Run:
    """A rung with a seed, trained and judged.

    Attributes:
        rung: which.
        seed: of weights and order.
        outcome: of training; None if it failed.
        values: by the names of ``measures``; None where there is none.
        messages: what failed, by the name of what was judged ("" for the training).
    """

    rung: Rung
    seed: int
    outcome: TrainingOutcome | None
    values: Mapping[str, float | None]
    messages: Mapping[str, str] = field(default_factory=dict)

    @property
    def message(self) -> str:
        """All that failed; empty if nothing did."""
        return "; ".join(self.messages.values())


@dataclass(frozen=True)
class Measure:
    """A figure of a run. Lower is better for all."""

    title: str
    unit: str


SCORES = {
    "fsd_full": Measure("FSD full", "1/Å"),
    "fsd_compress": Measure("FSD compress", "1/Å"),
    "fsd_stretch": Measure("FSD stretch", "1/Å"),
    "nonconservativity": Measure("non-cons.", "eV"),
}


def scores(suite: Suite, first: Suite) -> dict[str, Measure]:
    """What ``suite`` judges; those of the first suite have plain names, those of others are "<suite>/<name>"."""
    return SCORES if suite is first else {f"{suite.name}/{name}": measure for name, measure in SCORES.items()}


def measures(plan: Plan) -> dict[str, Measure]:
    """Every figure of a run, in the order of the tables."""
    first, *others = plan.suites
    return {
        "forces_mae": Measure("F MAE test", "meV/Å"),
        **SCORES,
        "drift": Measure("NVE drift", "meV/atom/ps"),
        "failed": Measure("NVE failed", "runs"),
        **{name: measure for suite in others for name, measure in scores(suite, first).items()},
    }


# Shows a stage of the work to people: given names of models, a context in which a listener hears the stage.
Show = Callable[[list[str]], AbstractContextManager[Listener]]


def ablate(plan: Plan, show: Show) -> list[Run]:
    """Carry out ``plan``; what an earlier call has finished is read back, a run that was cut off goes on.

    A run that fails costs itself.

    Raises:
        BadInputError: the data or a setting cannot be used, or ``out`` holds another plan's runs.
    """
    molecules = systems(plan.data)
    trained = [_trained(plan, rung, seed, show) for rung, seed in plan.runs]
    specs = [
        replace(parse_model(f"{plan.adapter.name}:{found.trained.checkpoint}"), text=f"{rung.name}, seed {seed}")
        for (rung, seed), found in zip(plan.runs, trained, strict=True)
        if isinstance(found, TrainingOutcome)
    ]
    rows = iter(judged(plan, specs, molecules, show).rows)
    runs = []
    for (rung, seed), found in zip(plan.runs, trained, strict=True):
        if isinstance(found, str):
            runs.append(Run(rung, seed, None, dict.fromkeys(measures(plan)), {"": found}))
            continue
        evaluations = next(rows).evaluations
        stable = evaluations[NVE.name]
        values: dict[str, float | None] = {name: stable.values.get(name) for name in ("drift", "failed")}
        values["forces_mae"] = found.errors.get("test", found.errors["valid"])["all"]["forces_mae_mev_A"]
        for suite in plan.suites:
            of_suite = evaluations[suite.name].values
            values |= {name: of_suite.get(name.rpartition("/")[2]) for name in scores(suite, plan.suites[0])}
        messages = {name: one.message for name, one in evaluations.items() if one.message}
        runs.append(Run(rung, seed, found, values, messages))
    return runs


def judged(plan: Plan, specs: Sequence[ModelSpec], molecules: Sequence[Atoms], show: Show) -> Results:
    """Smoothness on the suites, in float32 as ``compare`` does it, and energy conservation in float64."""
    physics = CheckSettings(temperature=_KELVIN, time_ps=plan.time_ps, dt_fs=_STEP_FS, relax=True)
    settings = Settings(device=plan.device, folder=plan.out / "answers")
    with show([spec.text for spec in specs]) as listen:
        return evaluate(specs, [*map(ScanTask, plan.suites), MDTask(NVE, molecules, physics)], settings, listen=listen)


def systems(data: Path) -> list[Atoms]:
    """The molecules of ``MOLECULES`` whose elements the frames have.

    Raises:
        BadInputError: there is none.
    """
    known = set(read_training_data(data).elements)
    found = [(name, atoms) for name in MOLECULES if set((atoms := molecule(name)).numbers.tolist()) <= known]
    for name, atoms in found:
        atoms.info = {"name": name}
    if not found:
        raise BadInputError(f"none of {', '.join(MOLECULES)} has only elements of {data}; dynamics needs one")
    return [atoms for _, atoms in found]


def _trained(plan: Plan, rung: Rung, seed: int, show: Show) -> TrainingOutcome | str:
    """The outcome of training, or why there is none."""
    job = TrainingJob(
        data=plan.data,
        out=plan.out / rung.name / f"seed-{seed}",
        name=rung.name,
        budget_s=plan.budget_s,
        seed=seed,
        device=plan.device,
        dtype=plan.dtype,
        threads=plan.threads,
        options={**plan.options, **rung.settings},
    )
    with show([f"{rung.name}, seed {seed}"]) as listen:
        try:
            return train(Request(plan.adapter, job, "not stated"), listen)
        except BadInputError:
            raise
        except BsctZooError as error:
            return str(error)


def facts(plan: Plan, runs: Sequence[Run]) -> list[dict[str, Any]]:
    """Rungs with their runs, as in JSON."""
    return [
        {
            "name": rung.name,
            "title": rung.title,
            "settings": dict(rung.settings),
            "runs": [_run_json(plan, run) for run in runs if run.rung == rung],
        }
        for rung in plan.rungs
    ]


def _run_json(plan: Plan, run: Run) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if run.outcome is not None:
        trained = run.outcome.trained
        made = {
            "checkpoint": str(trained.checkpoint.resolve().relative_to(plan.out.resolve())),
            "parameters": trained.parameters,
            "steps": trained.steps,
            "spent_s": round(trained.spent_s, 1),
            "errors": {split: dict(errors["all"]) for split, errors in run.outcome.errors.items()},
        }
    return {"seed": run.seed, "message": run.message, **made, "values": dict(run.values)}
