"""``bsct-zoo suites``: what suites there are, what is in them, importing them; building them is in ``cli/build``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bsct_zoo.cli import build, completion

app = typer.Typer(help="Suites of scans.", no_args_is_help=True)
app.command("build")(build.build)
app.command("validate")(build.validate)
Name = Annotated[str, typer.Argument(help="Name of a suite, or a suite file.", autocompletion=completion.suites)]


@app.command("list")
def list_suites() -> None:
    """List every suite, here or to be imported."""
    from rich.console import Console
    from rich.table import Table

    from bsct_zoo.errors import BadInputError
    from bsct_zoo.plugins.registry import registry
    from bsct_zoo.suites.library import suite_names
    from bsct_zoo.suites.library import imported_path
    from bsct_zoo.suites.suite_file import read_manifest

    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    for title in ("suite", "what", "scans", "level of theory", "licence", "state"):
        table.add_column(title, overflow="fold")
    for name in suite_names():
        source = registry().suites.get(name)
        path = Path(source.path) if source is not None and source.path is not None else imported_path(name)
        if source is not None and not path.exists():
            facts = (source.title, str(source.n_scans or ""), source.level_of_theory or "none", source.licence)
            table.add_row(name, *facts, f"bsct-zoo suites import {name}")
            continue
        try:  # what is here may hold less than what there is
            said = read_manifest(path)
            level = said.get("level_of_theory") or "none"
            table.add_row(name, said.get("title"), str(len(said["scans"])), level, said.get("licence"), "here")
        except (BadInputError, KeyError):
            table.add_row(name, "", "", "", "", f"damaged: {path}")
    Console(highlight=False, markup=False).print(table)


@app.command("show")
def show(
    name: Name,
    scan: Annotated[
        str | None, typer.Option(help="Draw this scan, by its id; a pattern such as 'C-C/*' will do.")
    ] = None,
    ids: Annotated[bool, typer.Option("--ids", help="List the scans by their ids.")] = False,
) -> None:
    """Show what a suite holds, list its scans, or draw one of them."""
    if scan is not None:
        _draw(name, scan)
        return
    if ids:
        _list(name)
        return
    from collections import Counter

    from rich.console import Console
    from rich.table import Table

    from bsct_zoo.suites.library import open_suite

    suite = open_suite(name)
    groups = Counter(scan.group for scan in suite.scans)
    atoms = [scan.n_atoms for scan in suite.scans]
    frames = sum(scan.n_frames for scan in suite.scans)
    missing = sum(int((~scan.referenced).sum()) for scan in suite.scans)
    from ase.data import chemical_symbols

    elements = sorted({z for scan in suite.scans for z in scan.atomic_numbers.tolist()})
    facts = {
        "suite": suite.name,
        "title": suite.title,
        "level of theory": suite.level_of_theory or "none",
        "scans": f"{len(suite.scans)}: " + ", ".join(f"{group} {count}" for group, count in groups.items()),
        "frames": str(frames) if missing in (0, frames) else f"{frames}, {missing} without a reference",
        "atoms": f"{min(atoms)} to {max(atoms)}, mean {sum(atoms) / len(atoms):.1f}",
        "flagged": ", ".join(scan.id for scan in suite.scans if scan.notes.get("flags")),
        "elements": " ".join(chemical_symbols[z] for z in elements),
        "licence": suite.licence,
        "cite": suite.citation,
        "sha256": suite.sha256,
        **{key.replace("_", " "): _said(value) for key, value in suite.made_by.items()},
    }
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for key, value in facts.items():
        if value:
            table.add_row(key, value)
    Console(highlight=False, markup=False).print(table)
    print(f"\nits scans: bsct-zoo suites show {name} --ids; one of them drawn: --scan '{suite.scans[0].id}'")


def _said(value: object) -> str:
    """What is known of how a suite was made, as people write it."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {_said(of_it)}" for key, of_it in value.items())
    return " ".join(map(str, value)) if isinstance(value, list) else str(value)


def _list(name: str) -> None:
    """Every scan on a line: id, atoms, frames, and what is wrong with its reference."""
    from rich.console import Console
    from rich.table import Table

    from bsct_zoo.suites.library import open_suite

    table = Table(box=None, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("scan", overflow="fold")
    for title in ("atoms", "frames", "range, Å"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("flagged", overflow="fold")
    for scan in open_suite(name).scans:
        span = f"{scan.coordinate[0]:.2f} to {scan.coordinate[-1]:.2f}"
        flags = "; ".join(scan.notes.get("flags", ()))
        table.add_row(scan.id, str(scan.n_atoms), str(scan.n_frames), span, flags)
    Console(highlight=False, markup=False).print(table)


def _draw(name: str, wanted: str) -> None:
    """Energy and force of the first scan that ``wanted`` fits, over its coordinate, in 80 columns."""
    import numpy as np

    from bsct_zoo.metrics.reference_free import force_along
    from bsct_zoo.report.curve import draw
    from bsct_zoo.suites.library import open_suite

    suite = open_suite(name)
    chosen = suite.select(only=wanted).scans
    scan = chosen[0]
    more = f" (the first of {len(chosen)})" if len(chosen) > 1 else ""
    print(f"{scan.id}{more}: {scan.n_frames} frames of {scan.n_atoms} atoms, {suite.level_of_theory or 'no reference'}")
    for flag in scan.notes.get("flags", ()):
        print(f"flagged: {flag}")
    if scan.energy is None or scan.forces is None or not scan.referenced.any():
        print("it has no reference to draw")
        return
    rise = scan.energy - np.nanmin(scan.energy)
    print("\nenergy above the minimum, eV")
    print("\n".join(draw(scan.coordinate, rise)))
    if not scan.strained:
        print("\nforce along the scan, eV/Å, as asinh(f / 10 eV/Å)")
        print(
            "\n".join(draw(scan.coordinate, np.arcsinh(force_along(scan.coordinate, scan.positions, scan.forces) / 10)))
        )


@app.command("path")
def path(name: Name) -> None:
    """Print where the file of a suite is."""
    from bsct_zoo.suites.library import suite_path

    print(suite_path(name))


@app.command("import")
def import_suite(
    suite: Annotated[str, typer.Argument(help="Suite to import, e.g. bsct-spice.", autocompletion=completion.suites)],
    source: Annotated[
        Path | None, typer.Argument(metavar="[ARCHIVE_OR_FOLDER]", help="Local data; downloaded if not given.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Keep it under another name.")] = None,
) -> None:
    """Import a suite that is not shipped into the data folder, from a local archive or folder, or by downloading it."""
    import sys

    from rich.console import Console
    from rich.progress import Progress

    from bsct_zoo.errors import BadInputError
    from bsct_zoo.plugins.cards import import_path
    from bsct_zoo.plugins.registry import registry
    from bsct_zoo.suites.library import imported_path
    from bsct_zoo.suites.suite_file import write_suite

    known = registry().suite(suite)
    kept = name or suite
    if known.importer is None:
        raise BadInputError(f"suite '{suite}' is shipped; there is nothing to import")
    if not kept.replace("-", "").replace("_", "").replace(".", "").isalnum() or kept.startswith("."):
        raise BadInputError(f"'{kept}' is not a name; use letters, digits, '-', '_' and '.'")
    if kept != suite and kept in registry().suites:
        raise BadInputError(f"the name '{kept}' is taken by a suite of a plugin; choose another")
    if source is not None and not source.exists():
        raise BadInputError(f"there is no file or folder {source}")
    if source is None:
        print(f"downloading {known.url}", file=sys.stderr)
    with Progress(console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("reading", total=None)

        def tell(done: int, total: int, what: str) -> None:
            bars.update(task, completed=done, total=total or None, description=what)

        found = import_path(known.importer)(source, kept, tell)
    path = imported_path(kept)
    write_suite(path, found)
    missing = sum(int((~scan.referenced).sum()) for scan in found.scans)
    print(f"{len(found.scans)} scans kept as '{kept}' in {path}; {missing} frames have no reference")
