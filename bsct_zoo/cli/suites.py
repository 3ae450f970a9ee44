"""``bsct-zoo suites``: list, show and import suites; ``cli/build`` builds and validates them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bsct_zoo.cli import build, completion, options

if TYPE_CHECKING:
    from bsct_zoo.report.suite_tables import SuiteEntry

app = typer.Typer(help="List, show, import, build and validate suites of scans.", no_args_is_help=True)
app.command("build")(build.build)
app.command("validate")(build.validate)


@app.command("list")
def list_suites() -> None:
    """List the suites: those that are here and those that can be imported."""
    from bsct_zoo.report.listing import console
    from bsct_zoo.report.suite_tables import draw_suites
    from bsct_zoo.suites.library import suite_names

    entries = [_entry(name) for name in suite_names()]
    draw_suites(entries, console())
    print("\ndetails: bsct-zoo suites show SUITE")
    if any(entry.state == "import" for entry in entries):
        print("import:  bsct-zoo suites import SUITE")


@app.command("show")
def show(
    name: options.SuiteName,
    scan: Annotated[
        str | None, options.choose("--scan", metavar="ID", help="Draw this scan; a pattern such as 'C-C/*' works too.")
    ] = None,
    ids: Annotated[bool, options.choose("--ids", help="List the scans.")] = False,
) -> None:
    """Show what a suite holds, list its scans, or draw one of them."""
    from bsct_zoo.report.listing import console
    from bsct_zoo.report.suite_tables import curve_text, draw_scans, draw_suite
    from bsct_zoo.suites.library import open_suite

    suite = open_suite(name)
    if scan is not None:
        matching = suite.select(only=scan).scans
        first = matching[0]
        more = f" (the first of {len(matching)})" if len(matching) > 1 else ""
        level = suite.level_of_theory or "no reference"
        print(f"{first.id}{more}: {first.n_frames} frames of {first.n_atoms} atoms, {level}")
        print(curve_text(first))
    elif ids:
        draw_scans(suite.scans, console())
    else:
        draw_suite(suite, console())
        print(f"\nlist its scans: bsct-zoo suites show {name} --ids")
        print(f"draw one:       bsct-zoo suites show {name} --scan '{suite.scans[0].id}'")


def _entry(name: str) -> SuiteEntry:
    """What the list says of a suite; a suite that is here may hold less than its source."""
    from bsct_zoo.errors import BadInputError
    from bsct_zoo.plugins.registry import registry
    from bsct_zoo.report.suite_tables import SuiteEntry
    from bsct_zoo.suites.library import imported_path
    from bsct_zoo.suites.suite_file import read_manifest

    source = registry().suites.get(name)
    path = Path(source.path) if source is not None and source.path is not None else imported_path(name)
    if source is not None and not path.exists():
        level = source.level_of_theory or "none"
        return SuiteEntry(name, source.title, source.n_scans, level, source.licence, "import")
    try:
        manifest = read_manifest(path)
        level = manifest.level_of_theory or "none"
        return SuiteEntry(name, manifest.title, len(manifest.scans), level, manifest.licence)
    except BadInputError:
        return SuiteEntry(name, f"cannot read {path}", state="damaged")


@app.command("path")
def path(name: options.SuiteName) -> None:
    """Print the path of a suite's file."""
    from bsct_zoo.suites.library import suite_path

    print(suite_path(name))


@app.command("import")
def import_suite(
    suite: Annotated[str, typer.Argument(help="The suite, e.g. bsct-spice.", autocompletion=completion.suites)],
    source: Annotated[
        Path | None, typer.Argument(metavar="[ARCHIVE_OR_FOLDER]", help="Local data; default: download.")
    ] = None,
    name: Annotated[str | None, options.choose("--name", help="Store it under another name.")] = None,
) -> None:
    """Import a suite that is not shipped: download it, or read a local archive or folder."""
    import sys

    from bsct_zoo.errors import BadInputError
    from bsct_zoo.plugins.cards import import_path
    from bsct_zoo.plugins.registry import registry
    from bsct_zoo.report.bars import import_bar
    from bsct_zoo.suites.library import imported_path
    from bsct_zoo.suites.suite_file import write_suite

    known = registry().suite(suite)
    if known.importer is None:
        raise BadInputError(f"suite '{suite}' is shipped; there is nothing to import")
    kept = name or suite
    path = imported_path(kept) if kept == suite else options.suite_file(kept)
    if source is not None and not source.exists():
        raise BadInputError(f"no such file or folder: {source}")
    if source is None:
        print(f"downloading {known.url}", file=sys.stderr)
    with import_bar() as tell:
        imported = import_path(known.importer)(source, kept, tell)
    write_suite(path, imported)
    missing = sum(int((~scan.referenced).sum()) for scan in imported.scans)
    print(f"{len(imported.scans)} scans stored as '{kept}' in {path}; {missing} frames have no reference")
