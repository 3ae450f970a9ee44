"""``bsct-zoo train``: train a model of a family on labelled frames."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bsct_zoo.cli import completion, options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bsct_zoo.training.config import Config
    from bsct_zoo.training.run import TrainingOutcome


def train(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Model family.", autocompletion=completion.trainable)],
    data: Annotated[
        list[Path] | None,
        options.choose("--data", metavar="DATA", help="Folder of frames, or a file that ASE reads; repeatable."),
    ] = None,
    energy_key: Annotated[
        str, options.choose("--energy-key", metavar="NAME", help="Name of the energies in files of --data.")
    ] = "",
    forces_key: Annotated[
        str, options.choose("--forces-key", metavar="NAME", help="Name of the forces in files of --data.")
    ] = "",
    stress_key: Annotated[
        str,
        options.choose("--stress-key", metavar="NAME", help="Name of the stresses, or virials, in files of --data."),
    ] = "",
    config: Annotated[
        Path | None,
        options.choose(
            "--config", metavar="FILE", help="Options and settings (.toml, .json, .yaml); the command line wins."
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        options.choose("--set", metavar="KEY=VALUE", help="Setting of the trainer; repeatable."),
    ] = None,
    budget: Annotated[str, options.run("--budget", metavar="TIME", help="CPU time: 1800 (seconds), 30m, 2h.")] = "30m",
    device: options.Device = "auto",
    dtype: options.DtypeOption = options.Dtype.float32,
    threads: Annotated[
        int, options.run("--threads", min=1, help="Threads of the trainer; all of them count towards the budget.")
    ] = 1,
    out: Annotated[Path | None, options.output("--out", metavar="DIR", help="Folder for the results.")] = None,
    card: Annotated[str, options.output("--name", metavar="CARD", help="Name of the checkpoint.")] = "small",
    licence: Annotated[
        str, options.output("--licence", metavar="SPDX", help="Licence of the weights, for the card.")
    ] = "not stated",
    quiet: options.Quiet = False,
    debug: options.Debug = False,
    seed: Annotated[int, options.seed("weights, order, rotations and splits")] = 0,
) -> int:
    """Train a model of a family; data, loss and budget mean the same for every family.

    Rerun the same command to resume. Exit code: 0 done, 1 the trainer failed, 2 bad input.
    """
    import shlex

    from bsct_zoo.cli import output
    from bsct_zoo.errors import BadInputError
    from bsct_zoo.plugins.registry import registry
    from bsct_zoo.report.progress import ProgressDisplay
    from bsct_zoo.runtime.load import resolve_device
    from bsct_zoo.training.budget import parse_budget
    from bsct_zoo.training.config import Config, read_config
    from bsct_zoo.training.foreign import frames_folder, remarks
    from bsct_zoo.training.job import TrainingJob
    from bsct_zoo.training.labels import LabelKeys
    from bsct_zoo.training.run import Request
    from bsct_zoo.training.run import train as run
    from bsct_zoo.training.settings import parse_settings

    adapter = registry().adapter(name)
    if adapter.trainer is None:
        raise BadInputError(
            f"'{adapter.name}' has no trainer; families with one: {', '.join(completion.trainable(''))}"
        )
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
        "energy_key": energy_key,
        "forces_key": forces_key,
        "stress_key": stress_key,
    }
    chosen = _merged(context, given, file)
    trainer_settings = {**file.settings, **parse_settings(settings or [])}
    folder = Path(chosen["out"])
    card = options.check_name(chosen["name"])
    budget_s = parse_budget(str(chosen["budget"]))
    keys = LabelKeys(*(str(chosen[name]) for name in ("energy_key", "forces_key", "stress_key")))
    if keys.stress and not adapter.trains_stress:
        raise BadInputError(f"the trainer of '{adapter.name}' learns energies and forces alone; leave --stress-key out")
    job = TrainingJob(
        frames_folder([Path(path) for path in chosen["data"]], folder, chosen["seed"], keys),
        folder,
        card,
        budget_s,
        chosen["seed"],
        resolve_device(chosen["device"]),
        chosen["dtype"],
        chosen["threads"],
        trainer_settings,
    )
    request = Request(adapter, job, chosen["licence"], chosen)
    try:
        said = remarks(job.data, adapter.trains_stress)
    except BadInputError:  # the trainer says what is wrong with the data, after what is wrong with its settings
        said = []
    with output.stdout_kept_clean(), ProgressDisplay([adapter.name], quiet, at_once=True) as progress:
        try:
            outcome = run(request, progress)
        except BadInputError as error:
            raise _explained(error, file) from error
    for text in said:
        print(text)
    _print(outcome, adapter.name)
    print(f"\nnext: bsct-zoo compare {adapter.name}:{shlex.quote(str(outcome.trained.checkpoint))}")
    return 0


def _merged(context: typer.Context, given: Mapping[str, Any], file: Config) -> dict[str, Any]:
    """Options of the run: from the command line, else from the file, else the default.

    Raises:
        BadInputError: a required option is missing, or the file has an invalid value.
    """
    from bsct_zoo.errors import BadInputError

    def typed(option: str) -> bool:
        source = context.get_parameter_source({"name": "card"}.get(option, option))
        return source is not None and source.name != "DEFAULT"

    from_file = {key: value for key, value in file.options.items() if not typed(key)}
    merged = {**given, **from_file}
    for key in ("data", "out"):
        if not merged[key]:
            raise BadInputError(f"--{key} is missing; give it here or as '{key}' in a --config file")
    if merged["dtype"] not in list(options.Dtype):
        raise BadInputError(f"dtype = {merged['dtype']} is invalid; choose float32 or float64")
    if merged["seed"] < 0 or merged["threads"] < 1:
        raise BadInputError("seed must be at least 0, and threads at least 1")
    return merged


def _explained(error: Exception, file: Config) -> Exception:
    """The error to show: an unknown key of the file may be a misspelt option of the command."""
    from bsct_zoo.errors import BadInputError
    from bsct_zoo.training.config import near_option

    for key in file.settings:
        near = near_option(key)
        if near is not None and f"unknown setting of this trainer '{key}'" in str(error):
            return BadInputError(f"unknown key '{key}' in the file of --config; did you mean {near}?")
    return error


def _print(outcome: TrainingOutcome, name: str) -> None:
    """Print how the run went, and the errors of the model."""
    from bsct_zoo.report.listing import console
    from bsct_zoo.report.model_tables import draw_errors

    trained = outcome.trained
    if outcome.repeated:
        print("this run was already complete; nothing was trained")
    size = trained.checkpoint.stat().st_size / 1e6
    print(
        f"{name}: {trained.parameters:,} parameters ({size:.1f} MB), {trained.steps:,} steps, "
        f"{trained.spent_s:.0f} CPU seconds"
    )
    draw_errors(outcome.errors, console())
