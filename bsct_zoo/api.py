"""The public API: ``import bsct_zoo as bz`` gives these names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from bsct_zoo.evaluation.engine import evaluate
from bsct_zoo.evaluation.events import Listener, ignore
from bsct_zoo.evaluation.results import read_results
from bsct_zoo.evaluation.scan_task import ScanTask
from bsct_zoo.evaluation.settings import Settings, processes_of
from bsct_zoo.evaluation.tasks import parse_task
from bsct_zoo.models.naming import parse_model, refuse_ambiguous
from bsct_zoo.plugins.tasks import Task
from bsct_zoo.potentials.potential import Potential
from bsct_zoo.report.report import Report
from bsct_zoo.runtime.load import load_potential
from bsct_zoo.suites.library import open_suite
from bsct_zoo.suites.suite import Suite

Dtype = Literal["float32", "float64"]


def load(model: str, *, device: str = "auto", dtype: Dtype = "float64", trust: bool = False) -> Potential:
    """The model that ``model`` names ("mace", "mace:off-small", "xtb@electronic_temperature=3000"), ready to compute.

    It runs in this interpreter if it can, else in an environment of its own. ``as_calculator`` gives an ASE calculator.

    Raises:
        BadInputError: there is no such model, its weights are not here, or they are not trusted.
        ModelError: it cannot be loaded.
    """
    spec = parse_model(model, trust=trust)
    return load_potential(spec.adapter, spec.card, device=device, dtype=dtype, options=dict(spec.options))


def load_suite(name: str | Path) -> Suite:
    """The suite called ``name``, or in that file; ``suite["C-C/ethane"]`` is one of its scans.

    Raises:
        BadInputError: there is none, or its file is unusable.
    """
    return open_suite(str(name))


def compare(
    models: Sequence[str],
    suite: str | Suite | Sequence[str | Suite] = "core",
    *,
    tasks: Sequence[str | Task] = (),
    only: str | None = None,
    limit: int | None = None,
    device: str = "auto",
    dtype: Dtype = "float32",
    jobs: int = 1,
    processes: int | Literal["auto"] = 0,
    trust: bool = False,
    use_store: bool = True,
    listen: Listener = ignore,
) -> Report:
    """Put suites, and other tasks beside them, to models.

    Args:
        models: by name, as on the command line.
        suite: one or several, by name or as they are.
        tasks: others, by name ("nve@time=0.5") or as they are.
        only: pattern of the ids of scans, "C-C/*".
        limit: at most so many scans of each suite, spread over its groups.
        device: "auto", "cpu", "cuda" or "cuda:N".
        dtype: what models compute in, where a task does not say otherwise.
        jobs: models at a time.
        processes: of each model, one thread each, that share the scans; 0 for one on all cores, "auto" for what is
            fastest on a CPU, measured once for each model.
        trust: read files of weights that can run code and that no card names.
        use_store: read and keep answers in the user's cache.
        listen: hears every event (``bsct_zoo.evaluation.events``).

    Raises:
        BadInputError: a name, file or setting cannot be used. A model that fails costs its own row and raises nothing.
    """
    suites = [suite] if isinstance(suite, str | Suite) else list(suite)
    opened = [open_suite(one) if isinstance(one, str) else one for one in suites]
    chosen = {"only": only, "limit": limit}
    asked: list[Task] = [ScanTask(one.select(only=only, limit=limit), chosen) for one in opened]
    asked += [parse_task(task) if isinstance(task, str) else task for task in tasks]
    settings = Settings(device=device, dtype=dtype, jobs=jobs, processes=processes_of(processes), use_store=use_store)
    specs = [parse_model(name, trust=trust) for name in models]
    refuse_ambiguous(specs)
    return Report(evaluate(specs, asked, settings, listen=listen), {one.name: one for one in opened})


def read(path: str | Path) -> Report:
    """The report of a file that ``--json`` or ``Report.to_json`` wrote.

    Raises:
        BadInputError: it is missing, or not results.
    """
    return Report(read_results(Path(path)))
