"""Entry point of ``bsct-zoo``: commands, and errors as one line each."""

from __future__ import annotations

import errno
import io
import os
import sys
import traceback
from typing import Any

import typer

from bsct_zoo import __version__
from bsct_zoo.cli import (
    cache,
    check,
    compare,
    correlate,
    data,
    doctor,
    env,
    md,
    models,
    new,
    plugins,
    properties,
    select,
    suites,
    train,
)
from bsct_zoo.errors import BadInputError, BsctZooError
from bsct_zoo.plugins.registry import registry

app = typer.Typer(
    name="bsct-zoo",
    help="Which machine-learning interatomic potential is smooth enough for a simulation.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("compare")(compare.compare)
app.command("select")(select.select)
app.command("correlate")(correlate.correlate)
app.add_typer(models.app, name="models")
app.add_typer(suites.app, name="suites")
app.add_typer(env.app, name="env")
app.add_typer(cache.app, name="cache")
app.command("md")(md.md)
app.command("properties")(properties.properties)
app.command("check")(check.check)
app.add_typer(data.app, name="data")
app.command("train")(train.train)
app.add_typer(new.app, name="new")
app.command("install")(plugins.install)
app.command("uninstall")(plugins.uninstall)
app.command("plugins")(plugins.plugins)
app.command("doctor")(doctor.doctor)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"bsct-zoo {__version__}")
        raise typer.Exit


@app.callback()
def common(
    debug: bool = typer.Option(False, "--debug", help="Show tracebacks and the models' own output."),
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version."),
) -> None:
    """Take what every command takes; ``--debug`` is read by ``main``."""


def main() -> None:
    """Run the command line; exit 0 when all is done, 1 when some model or scan failed, 2 on bad input."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch is imported; see runtime/process.py
    args = sys.argv[1:]
    debug = "--debug" in args
    if debug:  # wherever it stands, it holds for the whole command
        args = ["--debug", *(arg for arg in args if arg != "--debug")]
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # an arrow that a terminal cannot show must not end a run
            stream.reconfigure(errors="replace")
    completing = any(name.startswith("_") and name.endswith("_COMPLETE") for name in os.environ)
    try:
        registry().add_commands(app)
        for warning in () if completing else registry().warnings:
            _say(f"warning: {warning}")
        code = app(args, prog_name="bsct-zoo", standalone_mode=False)
        if code == 130:  # what typer makes of Ctrl-C
            raise KeyboardInterrupt
    except typer.Abort:
        _fail("stopped", 130)
    except KeyboardInterrupt:
        _fail("stopped; what was computed is kept, the same command goes on from there", 130)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except Exception as error:
        if hasattr(error, "format_message"):  # a usage error; typer carries a click of its own
            if not error.format_message():  # no arguments at all: the help was shown
                sys.exit(2)
            _fail(_usage(error), 2)
        if debug:
            traceback.print_exc()
            _say(getattr(error, "log_tail", ""))
        _fail(_one_line(error), 2 if isinstance(error, BadInputError | OSError) else 1)
    sys.exit(code if isinstance(code, int) else 0)


def _usage(error: Any) -> str:
    context = getattr(error, "ctx", None)
    hint = f"; see '{context.command_path} --help'" if context is not None else ""
    return " ".join(str(error.format_message()).split()).rstrip(".") + hint


def _one_line(error: Exception) -> str:
    if isinstance(error, BsctZooError):
        return " ".join(str(error).split())
    if isinstance(error, OSError):
        mends = {
            errno.ENOSPC: "free some room",
            errno.EACCES: "choose another place",
            errno.EROFS: "choose another place",
        }
        where = f" ({error.filename})" if error.filename else ""
        mend = f"; {mends[error.errno]}" if error.errno in mends else ""
        return f"{error.strerror or error}{where}{mend}"
    return f"{type(error).__name__}: {' '.join(str(error).split())}; this is a fault of bsct-zoo, see it with --debug"


def _fail(text: str, code: int) -> None:
    _say(f"error: {text}")
    sys.exit(code)


def _say(text: str) -> None:
    if text:
        print(text, file=sys.stderr)
