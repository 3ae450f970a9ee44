"""The arguments and options that commands share: one name, one panel of ``--help``, one help text each.

A command uses them as types of its parameters: ``device: options.Device = "auto"``. What differs from command to
command in its words alone comes from a function: ``seed: Annotated[int, options.seed("the bootstrap")] = 0``.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from bsct_zoo.cli import completion
from bsct_zoo.errors import BadInputError

# An option of each panel of --help, in the order in which a command declares them; arguments as of ``typer.Option``.
choose: Any = partial(typer.Option, rich_help_panel="Choose")
run: Any = partial(typer.Option, rich_help_panel="Run")
output: Any = partial(typer.Option, rich_help_panel="Output")
advanced: Any = partial(typer.Option, rich_help_panel="Advanced")


class Dtype(StrEnum):
    """Floating-point precision of a model."""

    float32 = "float32"
    float64 = "float64"


class Columns(StrEnum):
    """What the columns of ``compare`` are."""

    metric = "metric"
    bond = "bond"


class RunRows(StrEnum):
    """What the rows of ``md`` are."""

    model = "model"
    system = "system"


class PropertyRows(StrEnum):
    """What the rows of ``properties`` are."""

    model = "model"
    system = "system"
    quantity = "quantity"


_MODEL = "NAME, NAME:CARD or NAME:PATH; options follow as @key=value,...; LABEL= before it names it in results"

# Choose
Models = Annotated[list[str], typer.Argument(metavar="MODEL", help=_MODEL, autocompletion=completion.models)]
Model = Annotated[str, typer.Argument(metavar="MODEL", help=_MODEL, autocompletion=completion.models)]
Cards = Annotated[
    list[str], typer.Argument(metavar="NAME:CARD", help="Models to download.", autocompletion=completion.models)
]
SuiteName = Annotated[
    str, typer.Argument(metavar="SUITE", help="Name or file of a suite.", autocompletion=completion.suites)
]
Suites = Annotated[
    list[str],
    choose(
        "--suite",
        metavar="SUITE",
        help="Name or file of a suite; repeat, or separate with commas, for several.",
        autocompletion=completion.suites,
    ),
]
Only = Annotated[str | None, choose("--only", metavar="PATTERN", help="Only scans whose id matches, e.g. 'C-C/*'.")]
Limit = Annotated[int | None, choose("--limit", min=1, help="Maximum number of scans, spread evenly over the groups.")]
Molecules = Annotated[
    list[str] | None,
    choose(
        "--molecule",
        metavar="NAME|SMILES|FILE",
        help="Molecule of ASE's g2 set, SMILES, or structure file; repeatable.",
    ),
]
Strict = Annotated[bool, choose("--strict", help="Stop at the first entry of a file that cannot be used.")]
Crystals = Annotated[
    list[str] | None,
    choose("--crystal", metavar="NAME|FILE", help="Si, Al, Cu, NaCl, MgO, or a structure file; repeatable."),
]

# Run
Device = Annotated[str, run("--device", metavar="DEVICE", help="auto, cpu, cuda or cuda:N.")]
DtypeOption = Annotated[Dtype, run("--dtype", help="Precision of the model.")]
Jobs = Annotated[int, run("--jobs", min=1, help="Models that run at the same time.")]
Processes = Annotated[
    str,
    run(
        "--processes",
        metavar="N|auto",
        help="Processes of each model that share the scans, a core each; 0: one on all cores; auto: what is fastest, "
        "measured once for each model (on a GPU one).",
    ),
]
Yes = Annotated[bool, run("--yes", "-y", help="Download missing weights without asking.")]
Trust = Annotated[bool, run("--trust", help="Load unverified files that can run code.")]

# Output
JsonFile = Annotated[str | None, output("--json", metavar="FILE|-", help="Write JSON; - is standard output.")]
JsonFlag = Annotated[bool, output("--json", help="Print JSON.")]
CsvFile = Annotated[Path | None, output("--csv", metavar="FILE", help="Write CSV, one line per record.")]
HtmlFile = Annotated[
    Path | None, output("--html", metavar="FILE", help="Write a report with figures: one file that opens offline.")
]
Full = Annotated[bool, output("--full", help="In --html, forces on every atom for all scans, not for the worst alone.")]
Markdown = Annotated[bool, output("--markdown", help="Print tables as Markdown.")]
Quiet = Annotated[bool, output("--quiet", "-q", help="Hide progress.")]
Debug = Annotated[bool, output("--debug", help="Show tracebacks and the output of models.")]

# Advanced
MaxBatchAtoms = Annotated[int | None, advanced("--max-batch-atoms", min=1, help="Maximum number of atoms in a batch.")]
Timeout = Annotated[float, advanced("--timeout", min=1, help="Timeout without a response, in seconds.")]
NoCache = Annotated[bool, advanced("--no-cache", help="Bypass the prediction cache.")]
Unasked = Annotated[bool, advanced("--yes", "-y", help="Do not ask for confirmation.")]


def seed(purpose: str) -> Any:
    """``--seed``: "Random seed for ``purpose``."."""
    return advanced("--seed", min=0, help=f"Random seed for {purpose}.")


def check_name(name: str) -> str:
    """``name``, if it can be that of a file.

    Raises:
        BadInputError: it cannot.
    """
    if not re.fullmatch(r"(?![.-])(?=.*[^\W_])[\w.-]+", name):
        raise BadInputError(f"'{name}' is not a name; use letters, digits, '-', '_' and '.'")
    return name


def suite_file(name: str) -> Path:
    """Where a new suite called ``name`` is kept.

    Raises:
        BadInputError: it is no name, or that of a suite of a plugin.
    """
    from bsct_zoo.plugins.registry import registry
    from bsct_zoo.suites.library import imported_path

    if check_name(name) in registry().suites:
        raise BadInputError(f"the name '{name}' is taken by a suite of a plugin; choose another")
    return imported_path(name)
