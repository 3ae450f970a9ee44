"""Entry point of ``bsct-zoo``: the commands, and errors as one line each."""

from __future__ import annotations

import errno
import io
import os
import re
import sys
import traceback
from pathlib import Path
from typing import Any

import typer

from bsct_zoo import __version__
from bsct_zoo.cli import (
    bench,
    cache,
    check,
    compare,
    correlate,
    data,
    doctor,
    env,
    explain,
    leaderboard,
    md,
    models,
    new,
    plot,
    plugins,
    properties,
    report,
    rerun,
    results,
    select,
    suites,
    train,
)
from bsct_zoo.errors import BadInputError, BsctZooError, shortened
from bsct_zoo.plugins import calculator_cards
from bsct_zoo.plugins.registry import registry
from bsct_zoo.report.plain import PlainStream

_LONGEST = 2000  # characters of an error: a file may hold any
app = typer.Typer(
    name="bsct-zoo",
    help="Find out which machine-learning interatomic potential is smooth enough for a simulation.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
# In the order of --help: command or group of commands, panel, one line.
_CHOOSE, _TEST, _TRAIN, _EXTEND, _KEEP = "Choose a model", "Test models", "Train", "Extend", "Housekeeping"
_COMMANDS: list[tuple[str, Any, str, str]] = [
    ("compare", compare.compare, _CHOOSE, "Rank models by their smoothness on the scans of a suite."),
    ("select", select.select, _CHOOSE, "Choose a model from results of compare."),
    ("explain", explain.explain, _CHOOSE, "Show the worst scans of a model, and why they are bad."),
    ("report", report.report, _CHOOSE, "Write results as one HTML file with figures."),
    ("plot", plot.plot, _CHOOSE, "Draw results for a paper."),
    ("leaderboard", leaderboard.app, _CHOOSE, "Make a static site from files of results."),
    ("models", models.app, _CHOOSE, "List models, show one, add or remove one, download weights."),
    ("suites", suites.app, _CHOOSE, "List, show, import, build and validate suites."),
    ("md", md.md, _TEST, "Run molecular dynamics and report its stability."),
    ("properties", properties.properties, _TEST, "Compute properties of molecules and crystals."),
    ("bench", bench.bench, _TEST, "Time models on this machine, beside their packages' own calculators."),
    ("rerun", rerun.rerun, _TEST, "Do again what made a file of results, and compare every number."),
    ("results", results.app, _TEST, "Verify files of results, and make them small."),
    ("correlate", correlate.correlate, _TEST, "Test whether one metric predicts another."),
    ("train", train.train, _TRAIN, "Train a model of a family."),
    ("data", data.app, _TRAIN, "Make labelled frames for training."),
    ("check", check.check, _EXTEND, "Test a model against the promises of the interface."),
    ("new", new.app, _EXTEND, "Create a plugin package: an adapter, a suite or a check."),
    ("install", plugins.install, _EXTEND, "Install a plugin package."),
    ("uninstall", plugins.uninstall, _EXTEND, "Remove a plugin package and its environments."),
    ("plugins", plugins.plugins, _EXTEND, "List the packages that register models, suites and checks."),
    ("doctor", doctor.doctor, _KEEP, "Check the installation."),
    ("env", env.app, _KEEP, "List, build, locate and remove the environments of models."),
    ("cache", cache.app, _KEEP, "Show or clear the prediction cache."),
]
for _name, _command, _panel, _line in _COMMANDS:
    if isinstance(_command, typer.Typer):
        app.add_typer(_command, name=_name, rich_help_panel=_panel, short_help=_line)
    else:
        app.command(_name, rich_help_panel=_panel, short_help=_line)(_command)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"bsct-zoo {__version__}")
        raise typer.Exit


@app.callback()
def common(
    debug: bool = typer.Option(False, "--debug", help="Show tracebacks and the output of models."),
    models: list[Path] = typer.Option(
        [], "--models", metavar="FILE", help="Cards of calculators beside your own models.toml; repeatable."
    ),
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version."),
) -> None:
    """Options of every command; ``main`` reads ``--debug`` and ``--models``."""


def main() -> None:
    """Run the command line; exit code 0 success, 1 a model or an item failed, 2 bad input."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch is imported; see runtime/process.py
    args = sys.argv[1:]
    debug = "--debug" in args
    if debug:  # valid anywhere on the command line
        args = ["--debug", *(arg for arg in args if arg != "--debug")]
    try:
        args = _with_models(args)
    except BadInputError as error:
        _fail(_one_line(error), 2)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that cannot show '→' must not end a run
            stream.reconfigure(errors="replace")
    if args and not {"-h", "--help"} & set(args):  # help is ours, and drawn by typer
        sys.stdout, sys.stderr = PlainStream(sys.stdout), PlainStream(sys.stderr)
    completing = any(name.startswith("_") and name.endswith("_COMPLETE") for name in os.environ)
    try:
        registry().add_commands(app)
        _group_of_plugins(app)
        for warning in () if completing else registry().warnings:
            _say(f"warning: {warning}")
        code = app(args, prog_name="bsct-zoo", standalone_mode=False)
        if code == 130:  # what typer makes of Ctrl-C
            raise KeyboardInterrupt
    except typer.Abort:
        _fail("stopped", 130)
    except KeyboardInterrupt:
        _fail("stopped; results so far are kept: rerun the same command to resume", 130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except Exception as error:
        if hasattr(error, "format_message"):  # a usage error; typer carries a click of its own
            if not error.format_message():  # no arguments: the help was shown
                sys.exit(2)
            _fail(_usage(error), 2)
        if debug:
            traceback.print_exc()
            _say(getattr(error, "log_tail", ""))
        _fail(_one_line(error), 2 if isinstance(error, BadInputError | OSError) else 1)
    sys.exit(code if isinstance(code, int) else 0)


def _with_models(args: list[str]) -> list[str]:
    """``args`` without ``--models FILE``, which may stand anywhere; the registry reads these files.

    Raises:
        BadInputError: a file is missing or wrong.
    """
    left: list[str] = []
    files: list[str] = []
    waiting = iter(args)
    for arg in waiting:
        if arg == "--":
            return [*left, arg, *waiting]
        if arg == "--models" or arg.startswith("--models="):
            file = arg.partition("=")[2] if "=" in arg else next(waiting, "")
            if not file:
                raise BadInputError("--models needs a file of cards; see docs/add-a-model.md")
            calculator_cards.adapters_of(Path(file))
            files.append(str(Path(file).absolute()))
        else:
            left.append(arg)
    if files:
        before = os.environ.get(calculator_cards.FILES_VARIABLE)
        os.environ[calculator_cards.FILES_VARIABLE] = os.pathsep.join([*([before] if before else []), *files])
    return left


def _group_of_plugins(app: typer.Typer) -> None:
    """Commands that plugins add stand in a panel of their own."""
    ours = {name for name, *_ in _COMMANDS}
    commands: list[Any] = [*app.registered_commands, *app.registered_groups]
    for command in commands:
        if command.name not in ours:
            command.rich_help_panel = "From plugins"


def _usage(error: Any) -> str:
    context = getattr(error, "ctx", None)
    hint = f"; see '{context.command_path} --help'" if context is not None else ""
    said = " ".join(str(error.format_message()).split()).rstrip(".").replace(": Value error, ", ": ")
    return re.sub(r": Input should be (.*?)(?:, unable to parse .*)?$", r": it should be \1", said) + hint


def _one_line(error: Exception) -> str:
    if isinstance(error, BsctZooError):
        return shortened(str(error), _LONGEST)
    if isinstance(error, OSError):
        advice = {
            errno.ENOSPC: "free some space",
            errno.EACCES: "choose another location",
            errno.EROFS: "choose another location",
        }
        where = f" ({error.filename})" if error.filename else ""
        hint = f"; {advice[error.errno]}" if error.errno in advice else ""
        return f"{error.strerror or error}{where}{hint}"
    message = " ".join(str(error).split())
    return f"{type(error).__name__}: {message}; internal error; rerun with --debug for the traceback"


def _fail(text: str, code: int) -> None:
    _say(f"error: {text}")
    sys.exit(code)


def _say(text: str) -> None:
    if text:
        print(text, file=sys.stderr)
