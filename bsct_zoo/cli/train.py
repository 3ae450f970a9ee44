"""``bsct-zoo train``: train a model of a family on labelled frames."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bsct_zoo.cli import completion
from bsct_zoo.cli.compare import Dtype

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bsct_zoo.training.config import Config
    from bsct_zoo.training.run import Outcome


def train(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="Family of the model.", autocompletion=completion.trainable),
    ],
    data: Annotated[
        list[Path] | None,
        # Named here: typer 0.27 would make --DATA of the metavar.
        typer.Option(
            "--data", metavar="DATA", help="Folder of frames, or a file that ASE reads; give it again for more."
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder for all that the run leaves.")] = None,
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Options and settings from a file (.toml, .json, .yaml); these here win."),
    ] = None,
    budget: Annotated[str, typer.Option(help="CPU time: 1800 (seconds), 30m, 2h.")] = "30m",
    card: Annotated[str, typer.Option("--name", help="Of the checkpoint.")] = "small",
    seed: Annotated[int, typer.Option(min=0, help="Of weights, order, rotations and splits.")] = 0,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Setting of the trainer; give it again for more."),
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="Of the trainer; the budget counts all of them.")] = 1,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")] = "auto",
    dtype: Annotated[Dtype, typer.Option(help="What it is trained in.")] = Dtype.float32,
    licence: Annotated[str, typer.Option(help="Of the weights, for the card.")] = "not stated",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks and the trainer's own output.")] = False,
) -> int:
    """Train a model of the family NAME: the same data, loss and budget mean the same thing for every family.

    A run that was cut off goes on when the same command is given again. Exit code: 0 done, 1 the trainer failed,
    2 bad input.
    """
    import shlex

    from bsct_zoo.cli import output
    from bsct_zoo.errors import BadInputError
    from bsct_zoo.plugins.registry import registry
    from bsct_zoo.report.training_progress import TrainingProgress
    from bsct_zoo.runtime.load import resolve_device
    from bsct_zoo.training.budget import parse_budget
    from bsct_zoo.training.config import Config, read_config
    from bsct_zoo.training.foreign import frames_folder
    from bsct_zoo.training.run import Request
    from bsct_zoo.training.run import train as run
    from bsct_zoo.training.settings import parse_settings

    adapter = registry().adapter(name)
    if adapter.trainer is None:
        raise BadInputError(f"'{adapter.name}' has no trainer; those that have: {', '.join(completion.trainable(''))}")
    file = Config() if config is None else read_config(config)
    given = {
        "data": [str(path) for path in data or []],
        "out": None if out is None else str(out),
        "budget": budget,
        "name": card,
        "seed": seed,
        "threads": threads,
        "device": device,
        "dtype": dtype.value,
        "licence": licence,
    }
    chosen = _merged(context, given, file)
    options = {**file.settings, **parse_settings(settings or [])}
    folder, card = Path(chosen["out"]), chosen["name"]
    if not card.replace("-", "").replace("_", "").replace(".", "").isalnum() or card.startswith("."):
        raise BadInputError(f"'{card}' is not a name; use letters, digits, '-', '_' and '.'")
    budget_s = parse_budget(str(chosen["budget"]))
    request = Request(
        adapter=adapter,
        data=frames_folder([Path(path) for path in chosen["data"]], folder, chosen["seed"]),
        out=folder,
        name=card,
        budget_s=budget_s,
        seed=chosen["seed"],
        device=resolve_device(chosen["device"]),
        dtype=chosen["dtype"],
        threads=chosen["threads"],
        options=options,
        licence=chosen["licence"],
        merged=chosen,
    )
    with output.stdout_kept_clean(), TrainingProgress(adapter.name, budget_s, quiet) as progress:
        try:
            outcome = run(request, progress)
        except BadInputError as error:
            raise _meant(error, file) from error
    _print(outcome, adapter.name)
    print(f"\nnext: bsct-zoo compare {adapter.name}:{shlex.quote(str(outcome.trained.checkpoint))}")
    return 0


def _merged(context: typer.Context, given: Mapping[str, Any], file: Config) -> dict[str, Any]:
    """Options of the run: what stands on the command line, else in the file, else the default.

    Raises:
        BadInputError: an option that must be there is in neither, or the file has an impossible value.
    """
    from bsct_zoo.errors import BadInputError

    def typed(option: str) -> bool:
        source = context.get_parameter_source({"name": "card"}.get(option, option))
        return source is not None and source.name != "DEFAULT"

    from_file = {key: value for key, value in file.options.items() if not typed(key)}
    merged = {**given, **from_file}
    for key in ("data", "out"):
        if not merged[key]:
            raise BadInputError(f"--{key} is missing; give it, or '{key}' in a --config file")
    if merged["dtype"] not in list(Dtype):
        raise BadInputError(f"dtype = {merged['dtype']} is not possible; choose float32 or float64")
    if merged["seed"] < 0 or merged["threads"] < 1:
        raise BadInputError("seed must not be negative, and threads one or more")
    return merged


def _meant(error: Exception, file: Config) -> Exception:
    """The error to show: a key of the file that is no setting may have been meant for an option of the command."""
    from bsct_zoo.errors import BadInputError
    from bsct_zoo.training.config import near_option

    for key in file.settings:
        near = near_option(key)
        if near is not None and f"unknown setting of this trainer '{key}'" in str(error):
            return BadInputError(f"unknown key '{key}' in the file of --config; did you mean {near}?")
    return error


def _print(outcome: Outcome, name: str) -> None:
    """How the run went, and the errors of what came out."""
    from rich.console import Console
    from rich.table import Table

    trained = outcome.trained
    if outcome.repeated:
        print("finished before; nothing was trained now")
    size = trained.checkpoint.stat().st_size / 1e6
    print(
        f"{name}: {trained.parameters:,} parameters ({size:.1f} MB), {trained.steps:,} steps, "
        f"{trained.spent_s:.0f} CPU seconds"
    )
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("frames")
    table.add_column("energy MAE\nmeV/atom", justify="right")
    table.add_column("force MAE\nmeV/Å", justify="right")
    for split, found in outcome.errors.items():
        for kind, errors in found.items():
            if kind != "all" and len(found) == 2:  # one kind: it is all there is
                continue
            table.add_row(
                split if kind == "all" else f"  {kind}",
                f"{errors['energy_mae_mev_atom']:.1f}",
                f"{errors['forces_mae_mev_A']:.1f}",
            )
    Console(highlight=False, markup=False).print(table)
