"""``bsct-zoo ablate transformer``: the ladder, with one command."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bsct_zoo.cli import completion
from bsct_zoo.cli.options import Dtype

if TYPE_CHECKING:
    from bsct_zoo_transformer.ablation import Plan, Run

app = typer.Typer(help="Train the rungs of a family's ladder alike, and compare them.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep ``transformer`` a word of its own, though it is the only one."""


@app.command()
def transformer(
    data: Annotated[
        list[Path],
        # Named here: typer 0.27 would make --DATA of the metavar.
        typer.Option(
            "--data", metavar="DATA", help="Folder of frames, or a file that ASE reads; give it again for more files."
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for all runs, the table and the figure.")],
    budget: Annotated[str, typer.Option(help="CPU time of each run: 1800 (seconds), 30m, 2h.")] = "30m",
    seeds: Annotated[int, typer.Option(min=1, help="Runs of each rung.")] = 2,
    rungs: Annotated[
        str | None, typer.Option(help="Names, with commas; default: all. See docs/transformer.md.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Setting of the trainer on every rung; again for more."),
    ] = None,
    suite: Annotated[
        str,
        typer.Option(help="Suites that smoothness is judged on, with commas.", autocompletion=completion.suites),
    ] = "core",
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many scans, spread over bond types.")] = None,
    time: Annotated[float, typer.Option(min=0.001, help="Of microcanonical dynamics, ps.")] = 1.0,
    threads: Annotated[int, typer.Option(min=1, help="Of the trainer; the budget counts all of them.")] = 1,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    dtype: Annotated[Dtype, typer.Option(help="What is trained in.")] = Dtype.float32,
    markdown: Annotated[bool, typer.Option("--markdown", help="Print the table as Markdown.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> int:
    """Train hard kNN, soft kNN, temperature and broad basis, with gradient and direct forces, on the same data.

    What is finished is not trained again, and a run that was cut off goes on when the same command is given again.
    Leaves DIR/ablation.json, ablation.md and, where matplotlib is installed, ablation.svg. Exit code: 0 done, 1 some
    run failed, 2 bad input.
    """
    from bsct_zoo.cli import output
    from bsct_zoo.errors import BadInputError
    from bsct_zoo.plugins.registry import registry
    from bsct_zoo.plugins.tasks import require_once
    from bsct_zoo.report.progress import ProgressDisplay
    from bsct_zoo.runtime.load import resolve_device
    from bsct_zoo.suites.library import open_suite
    from bsct_zoo.training.budget import parse_budget
    from bsct_zoo.training.foreign import frames_folder
    from bsct_zoo.training.settings import parse_settings
    from bsct_zoo_transformer.ablation import Plan, ablate
    from bsct_zoo_transformer.ladder import LADDER, chosen_rungs

    chosen = chosen_rungs(rungs.split(",") if rungs else [])
    options = parse_settings(settings or [])
    clash = sorted(options.keys() & LADDER[0].settings.keys())
    if clash:
        raise BadInputError(f"--set {clash[0]}=... is what the rungs differ in; leave it out, or choose --rungs")
    suites = tuple(open_suite(name).select(limit=limit) for name in suite.split(",") if name)
    require_once([one.name for one in suites])
    plan = Plan(
        adapter=registry().adapter("transformer"),
        data=frames_folder(data, out, seed=0),
        out=out,
        rungs=chosen,
        seeds=seeds,
        budget_s=parse_budget(budget),
        options=options,
        suites=suites,
        time_ps=time,
        device=resolve_device(device),
        dtype=dtype.value,
        threads=threads,
    )
    with output.stdout_kept_clean():
        runs = ablate(plan, lambda names: ProgressDisplay(names, quiet, at_once=True))
    _write(plan, runs, markdown)
    return int(any(run.message for run in runs))


def _write(plan: Plan, runs: list[Run], markdown: bool) -> None:
    """The table on the screen, and all files."""
    from bsct_zoo.cli.output import show
    from bsct_zoo.files import atomic_write
    from bsct_zoo.report import files
    from bsct_zoo_transformer import ablation_report as report

    tables = report.tables(plan, runs)
    show(tables, markdown)
    atomic_write(plan.out / "ablation.json", report.json_text(plan, runs).encode())
    atomic_write(plan.out / "ablation.md", "\n".join(map(files.markdown, tables)).encode())
    drawn = report.figure(plan, runs, plan.out / "ablation.svg")
    if not markdown:
        print(
            f"\n{plan.out}: ablation.json, ablation.md"
            + (", ablation.svg" if drawn else "; no figure without matplotlib")
        )
