"""``bsct-zoo data make | choose``: labelled frames for training."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bsct_zoo.cli import options

if TYPE_CHECKING:
    from bsct_zoo.training.choosing import FramesChosen
    from bsct_zoo.training.making.make import FramesMade

_SHOWN = 3  # reasons why frames were dropped

app = typer.Typer(help="Frames to train on.", no_args_is_help=True)


@app.command("make")
def make(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder for the frames.")],
    source: Annotated[
        list[Path],
        typer.Option(
            "--from", help="Molecules: .smi, .sdf, or a file that ASE reads (xyz, extxyz, db); again for more files."
        ),
    ],
    reference: Annotated[
        str, typer.Option(help="A model by its name: xtb, xtb:gfn1, pyscf:METHOD/BASIS, ase:PATH, mace.")
    ] = "xtb",
    frames: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KIND=N",
            help="Frames of each molecule: md (at each temperature), rattle, mode, bond, heavy-bond (at each bond "
            "without hydrogen), near (the minimum), dimer; diatomic (of each pair of elements). Again for more.",
        ),
    ] = None,
    temperatures: Annotated[str, typer.Option(help="K, of dynamics and normal modes.")] = "300,600,1000",
    workers: Annotated[int | None, typer.Option(min=1, help="Of the reference; all cores if not given.")] = None,
    seed: Annotated[int, options.seed("all that is drawn")] = 0,
    strict: options.Strict = False,
    device: options.Device = "auto",
    trust: options.Trust = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Make labelled frames of molecules: dynamics, displacements, bonds pulled, pairs, atoms two by two.

    Molecules that are in a shipped suite are left out. A run that is cut off goes on where it was when the same command
    is given again.
    """
    from bsct_zoo.errors import BadInputError
    from bsct_zoo.evaluation.reference import open_reference
    from bsct_zoo.report.progress import ProgressDisplay
    from bsct_zoo.runtime.surroundings import cores
    from bsct_zoo.suites.building.manifest import command_line
    from bsct_zoo.training.making.make import make as run
    from bsct_zoo.training.making.recipe import Recipe, parse_temperatures, with_frames

    recipe = with_frames(Recipe(seed=seed, temperatures=parse_temperatures(temperatures)), frames or [])
    for path in source:
        if not path.is_file():
            raise BadInputError(f"there is no file {path} to make frames from")
    with ProgressDisplay(quiet=quiet) as progress:
        opened = open_reference(reference, device=device, trust=trust, listen=progress)
        if opened is None:
            raise BadInputError("--reference none gives no labels; name a model, as xtb")
        workers = 1 if opened.device != "cpu" else workers or cores()
        command = command_line(sys.argv[1:])
        outcome = run(out, source, opened, recipe, workers=workers, strict=strict, command=command, listen=progress)
    _report(out, outcome)


@app.command("choose")
def choose(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder for the chosen frames.")],
    frames: Annotated[Path, typer.Option("--from", help="A folder of frames, as data make writes it.")],
    by: Annotated[list[str], typer.Option("--by", metavar="MODEL", help="A model that votes; two or more.")],
    keep: Annotated[float, typer.Option(help="How many training frames to keep; below 1 the share of them.")] = 0.25,
    device: options.Device = "auto",
    trust: options.Trust = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Keep the training frames on whose forces models disagree most; validation and test frames stay.

    Train the models alike but for their seeds: then they disagree where they do not know, not by design.
    """
    from bsct_zoo.models.naming import parse_model
    from bsct_zoo.report.progress import ProgressDisplay
    from bsct_zoo.suites.building.manifest import command_line
    from bsct_zoo.training.choosing import choose as run

    committee = [parse_model(text, trust=trust) for text in by]
    command = command_line(sys.argv[1:])
    with ProgressDisplay([spec.text for spec in committee], quiet) as progress:
        outcome = run(out, frames, committee, keep, device=device, command=command, listen=progress)
    _report_chosen(out, outcome)


def _report(out: Path, outcome: FramesMade) -> None:
    import shlex

    from rich.table import Table

    from bsct_zoo.report.console import make_console

    manifest: dict[str, Any] = outcome.manifest
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("frames")
    for name in ("all", *manifest["kinds"]):
        table.add_column(name, justify="right")
    for split, counts in manifest["counts"].items():
        table.add_row(split, str(counts["frames"]), *(str(counts[kind]) for kind in manifest["kinds"]))
    print(f"{len(manifest['molecules'])} molecules and pairs of elements, {manifest['level_of_theory']}")
    make_console().print(table)
    if manifest["dropped"]:
        dropped = sorted(manifest["dropped"].items(), key=lambda one: (-one[1], one[0]))
        more = f"; and {len(dropped) - _SHOWN} more reasons, in its manifest.json" if len(dropped) > _SHOWN else ""
        print("dropped: " + "; ".join(f"{count} with {why}" for why, count in dropped[:_SHOWN]) + more)
    print(f"kept in {out}; next: bsct-zoo train NAME --data {shlex.quote(str(out))} --out DIR")


def _report_chosen(out: Path, outcome: FramesChosen) -> None:
    import shlex

    import numpy as np
    from rich.table import Table

    from bsct_zoo.report.console import make_console

    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("training frames")
    for title in ("of", "kept", "median deviation, eV/Å", "of those kept"):
        table.add_column(title, justify="right")
    kept = np.isin(np.arange(len(outcome.kind)), outcome.chosen)
    named = [(name, outcome.kind == k) for k, name in enumerate(outcome.kinds)]
    for name, there in [("all", np.full(len(kept), True)), *named]:
        if there.any():
            both = [outcome.deviation[mask] for mask in (there, there & kept)]
            medians = [f"{np.median(one):.3g}" if one.size else "–" for one in both]
            table.add_row(name, f"{there.sum():,}", f"{(there & kept).sum():,}", *medians)
    make_console().print(table)
    print(f"kept in {out}; next: bsct-zoo train NAME --data {shlex.quote(str(out))} --out DIR")
