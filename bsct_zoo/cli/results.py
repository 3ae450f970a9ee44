"""``bsct-zoo results``: files of results, verified and made small."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bsct_zoo.cli import options

if TYPE_CHECKING:
    from bsct_zoo.evaluation.results import Results

app = typer.Typer(help="Verify files of results, and make them small.", no_args_is_help=True)
_result: Any = partial(typer.Argument, help="JSON that compare, md or properties wrote.", show_default=False)
ResultFile = Annotated[Path, _result(metavar="RESULT.json")]
ResultFiles = Annotated[list[Path], _result(metavar="RESULT.json")]


@app.command("verify")
def verify(
    context: typer.Context,
    results: ResultFiles,
    sample: Annotated[
        int, options.choose(min=0, help="Items of each task to compute again, of every model; 0 for none.")
    ] = 3,
    seed: Annotated[
        int | None, options.choose(min=0, help="Random seed of the sample; one that nobody can foresee by default.")
    ] = None,
    tolerance: Annotated[
        float | None,
        options.choose(min=0.0, help="Largest relative difference that holds; by machine and task if unset."),
    ] = None,
    device: Annotated[
        str | None, options.run(metavar="DEVICE", help="Where to compute; by default as the file says.")
    ] = None,
    trust: options.Trust = False,
) -> int:
    """Verify that the means of each file follow from its records, and that a sample of its items comes out again.

    Exit code: 0 everything holds, 1 something does not, 2 bad input.
    """
    import secrets

    from bsct_zoo.evaluation.results import read_results

    files = {path: read_results(path) for path in results}  # bad input before anything is computed
    seed = secrets.randbelow(2**31) if seed is None else seed
    codes = []
    for path, before in files.items():
        if len(files) > 1:
            print(f"{path}:")
        codes.append(_verified(context, path, before, sample, seed, tolerance, device, trust))
    return max(codes)


def _verified(
    context: typer.Context,
    path: Path,
    before: Results,
    sample: int,
    seed: int,
    tolerance: float | None,
    device: str | None,
    trust: bool,
) -> int:
    """Say whether the results ``before`` of ``path`` hold: 0 or 1."""
    from bsct_zoo.analysis.repeated import made_by
    from bsct_zoo.analysis.verified import checked, sampled, unlike, unsupported
    from bsct_zoo.cli import output
    from bsct_zoo.cli.rerun import command_of, run_again
    from bsct_zoo.report.verification import verification_table

    lines = list(unsupported(before))
    for line in lines:
        print(f"does not follow: {line}")
    if not lines:
        print("every mean follows from the records")
    if not sample:
        return int(bool(lines))
    words = command_of(context, before, path, trust)
    chosen = sampled(before, sample, seed)
    now = run_again(context, words, before, path, trust, chosen, device)
    found = checked(before, now, chosen, tolerance)
    good = sum(one.holds for one in found)
    output.show([verification_table(found, f"{good} of {len(found)} hold; the sample is that of --seed {seed}")])
    strange = list(unlike(before, now))
    for line in strange:
        print(f"does not hold: {line}")
    for line in made_by(before, now):
        print(line)
    return int(bool(lines or strange) or good < len(found))


@app.command("slim")
def slim(
    result: ResultFile,
    target: Annotated[Path, typer.Argument(metavar="OUT.json|-", help="Where to write it.", show_default=False)],
) -> int:
    """Write RESULT.json without its curves: every number is there, and it fits into a repository.

    Exit code: 0 success, 2 bad input.
    """
    from bsct_zoo.cli import output
    from bsct_zoo.evaluation.results import json_text, read_results, without_curves

    output.check_targets(str(target), None, False)
    small = without_curves(read_results(result))
    if str(target) == "-":
        print(json_text(small, ascii_only=True), end="")
        return 0
    text = json_text(small)
    output.replace_file(target, text)
    print(f"wrote {target} ({len(text.encode()) / 1e3:.0f} kB)")
    return 0
