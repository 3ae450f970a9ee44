"""``bsct-zoo suites build`` and ``suites validate``: suites of one's own, and whether a suite is sound."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bsct_zoo.cli import options

if TYPE_CHECKING:
    from bsct_zoo.evaluation.building import Built
    from bsct_zoo.suites.building.validate import SuiteFault

_SHOWN = 12  # findings, before a table says how many more


def build(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What the suite is to be called.")],
    source: Annotated[
        Path, typer.Option("--from", help="Structures: .smi, .sdf, or a file that ASE reads (xyz, extxyz, cif, db).")
    ],
    scan: Annotated[str, typer.Option(help="What moves: bond, angle, torsion, dimer, atom or strain.")] = "bond",
    reference: Annotated[
        str,
        typer.Option(help="A model by its name: xtb, xtb:gfn1, pyscf:METHOD/BASIS, ase:PATH, mace; or none."),
    ] = "none",
    only: Annotated[
        list[str] | None, typer.Option(help="Types to take, as C-C, C-* or isotropic; again for more.")
    ] = None,
    smarts: Annotated[list[str] | None, typer.Option(help="Atoms to take, as a SMARTS; again for more.")] = None,
    hydrogens: Annotated[bool, typer.Option("--hydrogens", help="Take bonds and angles with hydrogen too.")] = False,
    per_type: Annotated[int | None, typer.Option(help="At most so many of each type, drawn by the seed.")] = None,
    limit: Annotated[int | None, typer.Option(help="At most so many scans, spread over the types.")] = None,
    frames: Annotated[int, typer.Option(help="Frames of each scan.")] = 100,
    start: Annotated[float | None, typer.Option(help="Start of the range, in units of the equilibrium.")] = None,
    stop: Annotated[float | None, typer.Option(help="End of the range, likewise.")] = None,
    reach: Annotated[float, typer.Option(help="Å that an atom or plane moves to either side.")] = 0.5,
    directions: Annotated[int, typer.Option(help="Directions of an atom, orientations of a dimer.")] = 3,
    rattle: Annotated[float, typer.Option(help="Å by which the atoms of a strained crystal are displaced.")] = 0.05,
    relax: Annotated[
        bool | None, typer.Option("--relax/--no-relax", help="Relax with the reference first (SMILES: yes).")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of everything that is drawn.")] = 0,
    strict: options.Strict = False,
    out: Annotated[Path | None, typer.Option(help="Write it to this file (.npz) instead of the data folder.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a suite of this name made otherwise.")] = False,
    jobs: Annotated[int | None, typer.Option(min=1, help="Workers of the reference; all cores if not given.")] = None,
    device: options.Device = "auto",
    title: Annotated[str, typer.Option(help="One line for people.")] = "",
    author: Annotated[str | None, typer.Option(help="Who makes it; your name on this machine if not given.")] = None,
    licence: Annotated[str, typer.Option(help="Of the data, SPDX where possible.")] = "not stated",
    citation: Annotated[str, typer.Option(help="How to cite it.")] = "",
    trust: options.Trust = False,
    quiet: options.Quiet = False,
    debug: options.Debug = False,
) -> None:
    """Build a suite of your own: scans of your structures, with a reference for each frame.

    A build that is cut off goes on where it was when the same command is given again.
    """
    from bsct_zoo.cli.run import debugging
    from bsct_zoo.errors import BadInputError
    from bsct_zoo.evaluation.building import About
    from bsct_zoo.evaluation.building import build as make
    from bsct_zoo.evaluation.reference import open_reference
    from bsct_zoo.report.progress import ProgressDisplay
    from bsct_zoo.runtime.surroundings import cores
    from bsct_zoo.suites.building.manifest import command_line
    from bsct_zoo.suites.building.settings import BuildSettings
    from bsct_zoo.suites.building.sites import Choice

    path = _target(name, out)
    choice = Choice(tuple(only or ()), tuple(smarts or ()), hydrogens, per_type, seed)
    numbers = (frames, start, stop, reach, choice, directions, rattle, limit, seed, relax)
    settings = BuildSettings(scan, *numbers)  # type: ignore[arg-type]  # checked there
    if not source.is_file():
        raise BadInputError(f"there is no file {source} to build from")
    about = About(name, title, _author() if author is None else author, licence, citation, command_line(sys.argv[1:]))
    with ProgressDisplay(quiet=quiet) as progress:
        opened = open_reference(reference, device=device, trust=trust, listen=progress)
        workers = 1 if opened is not None and opened.device != "cpu" else jobs or cores()
        built = make(
            source, path, settings, opened, about, jobs=workers, replace_other=replace, strict=strict, listen=progress
        )
    _report(built, debugging(context, debug))


def validate(
    name: options.SuiteName,
    flag: Annotated[bool, options.output("--flag", help="Write the findings into the suite.")] = False,
) -> int:
    """Check a suite: units, frames without a reference, jumps and roughness of the reference itself, duplicates.

    Exit code 1 if anything is found.
    """
    from dataclasses import replace as changed

    from bsct_zoo.errors import BadInputError
    from bsct_zoo.evaluation.building import flagged
    from bsct_zoo.plugins.registry import registry
    from bsct_zoo.suites.building.manifest import write_manifest
    from bsct_zoo.suites.building.validate import validate as check
    from bsct_zoo.suites.library import suite_path
    from bsct_zoo.suites.suite_file import read_suite, write_suite

    path = suite_path(name)
    suite = read_suite(path)
    found = check(suite)
    if flag:
        if name in registry().suites and registry().suites[name].path is not None:
            raise BadInputError(f"suite '{name}' is shipped by a plugin and stays as it is; give a file of your own")
        suite = changed(suite, scans=tuple(flagged(scan, found) for scan in suite.scans))
        write_manifest(path, suite, write_suite(path, suite), found)
    if not found:
        referenced = sum(scan.energy is not None for scan in suite.scans)
        print(f"{len(suite.scans)} scans, {referenced} with a reference; nothing is wrong with them")
        return 0
    _findings(found, everything=True)
    return 1


def _report(built: Built, debug: bool) -> None:
    from bsct_zoo.errors import shortened
    from bsct_zoo.evaluation.building import other_settings

    suite = built.suite
    missing = sum(int((~scan.referenced).sum()) for scan in suite.scans)
    frames = sum(scan.n_frames for scan in suite.scans)
    what = "no reference" if suite.level_of_theory is None else f"{suite.level_of_theory}, {missing} without an answer"
    print(f"{suite.name}: {len(suite.scans)} scans, {frames} frames, {what}")
    note = other_settings(built.suite.level_of_theory) if built.suite.level_of_theory else ""
    if note:
        print(f"note: {note}")
    if built.with_fallback:
        print(f"{built.with_fallback} frames converged with fallback SCF settings only")
    for reason, count in built.failures.most_common(_SHOWN):
        print(f"without an answer: {reason if debug else shortened(reason)} ({count} frames)")
    for reason, count in built.left_out.items():
        print(f"left out: {reason} ({count})")
    _findings(built.findings, everything=False)
    print(f"kept in {built.path}, its manifest beside it")
    if built.findings:
        print(f"see all of it with: bsct-zoo suites validate {shown_as(built)}")
    print(f"next: bsct-zoo compare MODEL --suite {shown_as(built)}")


def shown_as(built: Built) -> str:
    """How a user names the suite: by its name in the data folder, else by its file."""
    from bsct_zoo.suites.library import imported_path

    return built.suite.name if built.path == imported_path(built.suite.name) else str(built.path)


def _findings(found: list[SuiteFault], everything: bool) -> None:
    from rich.table import Table

    from bsct_zoo.report.console import make_console

    if not found:
        return
    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for title in ("fault", "scan", "what was found"):
        table.add_column(title, overflow="fold")
    shown = found if everything else found[:_SHOWN]
    for finding in shown:
        table.add_row(finding.kind, finding.scan or "all", finding.text)
    console = make_console()
    console.print(table)
    if len(found) > len(shown):
        console.print(f"and {len(found) - len(shown)} more")


def _target(name: str, out: Path | None) -> Path:
    """Where the suite goes.

    Raises:
        BadInputError: the name is none or taken, or the file is no .npz.
    """
    from bsct_zoo.errors import BadInputError

    if out is None:
        return options.suite_file(name)
    options.check_name(name)
    if out.suffix != ".npz":
        raise BadInputError(f"--out {out} must end in .npz")
    return out


def _author() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
