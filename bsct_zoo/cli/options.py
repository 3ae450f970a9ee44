"""The arguments and options that commands share: one name, one panel of ``--help``, one help text each.

A command uses them as types of its parameters: ``device: options.Device = "auto"``. What differs from command to
command in its words alone comes from a function: ``seed: Annotated[int, options.seed("the bootstrap")] = 0``.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from bsct_zoo.cli import completion

# Panels of --help, in the order in which a command declares its options.
CHOOSE = "Choose"
RUN = "Run"
OUTPUT = "Output"
ADVANCED = "Advanced"


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


_MODEL = "NAME, NAME:CARD or NAME:PATH; options follow as @key=value,..."

# Choose
Models = Annotated[list[str], typer.Argument(metavar="MODEL", help=_MODEL, autocompletion=completion.models)]
Model = Annotated[str, typer.Argument(metavar="MODEL", help=_MODEL, autocompletion=completion.models)]
Cards = Annotated[
    list[str],
    typer.Argument(metavar="NAME:CARD", help="Models to download.", autocompletion=completion.models),
]
SuiteName = Annotated[
    str, typer.Argument(metavar="SUITE", help="Name or file of a suite.", autocompletion=completion.suites)
]
Suite = Annotated[
    str,
    typer.Option(
        "--suite",
        metavar="SUITE",
        help="Name or file of a suite.",
        autocompletion=completion.suites,
        rich_help_panel=CHOOSE,
    ),
]
Suites = Annotated[
    list[str],
    typer.Option(
        "--suite",
        metavar="SUITE",
        help="Name or file of a suite; repeat, or separate with commas, for several.",
        autocompletion=completion.suites,
        rich_help_panel=CHOOSE,
    ),
]
Only = Annotated[
    str | None,
    typer.Option(
        "--only", metavar="PATTERN", help="Only scans whose id matches, e.g. 'C-C/*'.", rich_help_panel=CHOOSE
    ),
]
Limit = Annotated[
    int | None,
    typer.Option(
        "--limit", min=1, help="Maximum number of scans, spread evenly over the groups.", rich_help_panel=CHOOSE
    ),
]
Molecules = Annotated[
    list[str] | None,
    typer.Option(
        "--molecule",
        metavar="NAME|FILE",
        help="Molecule of ASE's g2 set, or a structure file; repeatable.",
        rich_help_panel=CHOOSE,
    ),
]
Crystals = Annotated[
    list[str] | None,
    typer.Option(
        "--crystal",
        metavar="NAME|FILE",
        help="Si, Al, Cu, NaCl, MgO, or a structure file; repeatable.",
        rich_help_panel=CHOOSE,
    ),
]

# Run
Device = Annotated[
    str, typer.Option("--device", metavar="DEVICE", help="auto, cpu, cuda or cuda:N.", rich_help_panel=RUN)
]
DtypeOption = Annotated[Dtype, typer.Option("--dtype", help="Precision of the model.", rich_help_panel=RUN)]
Jobs = Annotated[int, typer.Option("--jobs", min=1, help="Models that run at the same time.", rich_help_panel=RUN)]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Download missing weights without asking.", rich_help_panel=RUN)]
Trust = Annotated[bool, typer.Option("--trust", help="Load unverified files that can run code.", rich_help_panel=RUN)]

# Output
JsonFile = Annotated[
    str | None,
    typer.Option("--json", metavar="FILE|-", help="Write JSON; - is standard output.", rich_help_panel=OUTPUT),
]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON.", rich_help_panel=OUTPUT)]
CsvFile = Annotated[
    Path | None, typer.Option("--csv", metavar="FILE", help="Write CSV, one line per record.", rich_help_panel=OUTPUT)
]
Markdown = Annotated[bool, typer.Option("--markdown", help="Print tables as Markdown.", rich_help_panel=OUTPUT)]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Hide progress.", rich_help_panel=OUTPUT)]
Debug = Annotated[
    bool, typer.Option("--debug", help="Show tracebacks and the output of models.", rich_help_panel=OUTPUT)
]

# Advanced
MaxBatchAtoms = Annotated[
    int | None,
    typer.Option("--max-batch-atoms", min=1, help="Maximum number of atoms in a batch.", rich_help_panel=ADVANCED),
]
Timeout = Annotated[
    float,
    typer.Option("--timeout", min=1, help="Timeout without a response, in seconds.", rich_help_panel=ADVANCED),
]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Bypass the prediction cache.", rich_help_panel=ADVANCED)]
Unasked = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.", rich_help_panel=ADVANCED)]


def seed(purpose: str) -> Any:
    """``--seed``: "Random seed for ``purpose``."."""
    return typer.Option("--seed", min=0, help=f"Random seed for {purpose}.", rich_help_panel=ADVANCED)


def choose(*names: str, **facts: Any) -> Any:
    """An option of the panel "Choose"; arguments as those of ``typer.Option``."""
    return typer.Option(*names, rich_help_panel=CHOOSE, **facts)


def run(*names: str, **facts: Any) -> Any:
    """An option of the panel "Run"."""
    return typer.Option(*names, rich_help_panel=RUN, **facts)


def output(*names: str, **facts: Any) -> Any:
    """An option of the panel "Output"."""
    return typer.Option(*names, rich_help_panel=OUTPUT, **facts)


def advanced(*names: str, **facts: Any) -> Any:
    """An option of the panel "Advanced"."""
    return typer.Option(*names, rich_help_panel=ADVANCED, **facts)
