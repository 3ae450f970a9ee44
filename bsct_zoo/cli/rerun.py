"""``bsct-zoo rerun``: do again what a file of results says it was made by, and compare every number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bsct_zoo.cli import options

if TYPE_CHECKING:
    from bsct_zoo.evaluation.results import Results
    from bsct_zoo.evaluation.ways import Numerics

_COMMANDS = ("compare", "md", "properties")
# What a file must not ask for, and what makes no number.
_LEFT_OUT = frozenset(
    (
        *("json", "csv", "markdown", "html", "full", "slurm", "metric", "sort", "by", "against", "fail_if"),
        *("quiet", "debug", "no_cache", "yes", "trust", "trajectory", "every", "state", "ray", "ray_cpus", "ray_gpus"),
    )
)


def command_words(context: typer.Context, without: Sequence[str] = ()) -> tuple[str, ...]:
    """The words of a command that decide its numbers, as ``rerun`` gives them back; not parameters ``without``."""
    words = [str(context.info_name)]
    for parameter in context.command.params:
        value = context.params.get(str(parameter.name))
        if parameter.name in _LEFT_OUT or parameter.name in without or not _given(parameter, context):
            continue
        values = [_text(one) for one in value] if isinstance(value, list | tuple) else [_text(value)]
        option = max(parameter.opts, key=len)
        if parameter.param_type_name == "argument":
            words += values
        elif isinstance(value, bool):
            words.append(option if value else max(parameter.secondary_opts, key=len, default=option))
        else:
            words += [word for one in values for word in (option, one)]
    return tuple(words)


def rerun(
    context: typer.Context,
    result: Annotated[Path, typer.Argument(metavar="RESULT.json", help="JSON that compare, md or properties wrote.")],
    trust: options.Trust = False,
    json: options.JsonFile = None,
) -> int:
    """Run the command of RESULT.json again, without the cache, and compare every number with it.

    Exit code: 0 every number is the same to the bit, 1 some are not, 2 bad input.
    """
    from bsct_zoo.analysis.repeated import compared
    from bsct_zoo.evaluation.results import read_results

    before = read_results(result)
    now = run_again(context, command_of(context, before, result, trust), before, result, trust)
    if json is not None:
        from bsct_zoo.cli.output import write_json

        write_json(json, now.to_json())
    outcome = compared(before, now)
    for line in outcome.lines:
        print(line)
    return int(not outcome.same)


def run_again(
    context: typer.Context,
    words: Sequence[str],
    before: Results,
    path: Path,
    trust: bool,
    sample: Mapping[str, frozenset[str]] | None = None,
    device: str | None = None,
) -> Results:
    """Results of the command ``words`` that made ``before``, without the cache, each model computing as it did.

    Of ``sample``, ids of items by task, alone if it is given.

    Raises:
        BadInputError: the command wrote none.
    """
    import io
    import shlex
    import sys
    import tempfile
    from contextlib import nullcontext, redirect_stdout

    from bsct_zoo.cli.run import Again
    from bsct_zoo.errors import BadInputError
    from bsct_zoo.evaluation.results import read_results

    print(f"running: bsct-zoo {shlex.join(words)}", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="bsct-zoo-") as folder:
        target = Path(folder) / "again.json"
        again = [*words, "--no-cache", "--json", str(target), *(["--trust"] if trust else [])]
        again += [] if device is None else ["--device", device]
        quiet = nullcontext() if sample is None else redirect_stdout(io.StringIO())  # its table is not ours
        with quiet:
            context.find_root().command.main(
                again, prog_name="bsct-zoo", standalone_mode=False, obj=Again(numerics_of(before), sample)
            )
        if not target.exists():
            raise BadInputError(f"the command of {path} wrote no results")
        return read_results(target)


def numerics_of(results: Results) -> dict[tuple[str, str], Numerics]:
    """How each model computed on a CPU, by model and task; 0 where answers differ, or nobody said."""
    from bsct_zoo.evaluation.ways import Numerics

    return {
        (row.model, task): Numerics(*(found[0] if len(found) == 1 else 0 for found in (one.threads, one.batch_atoms)))
        for row in results.all_rows
        for task, one in row.evaluations.items()
    }


def command_of(context: typer.Context, results: Results, path: Path, trust: bool) -> list[str]:
    """The words of the command, if a file may ask for them.

    Raises:
        BadInputError: there are none, or they write files, load code, or name a model that no plugin has a card of.
    """
    from bsct_zoo.errors import BadInputError

    words = list(results.command)
    if not words or words[0] not in _COMMANDS:
        raise BadInputError(f"{path} does not say by which command it was made; this bsct-zoo writes that with --json")
    command: Any = context.find_root().command
    parsed = command.get_command(context, words[0]).make_context(words[0], words[1:], parent=context.find_root())
    for parameter in parsed.command.params:
        if parameter.name in _LEFT_OUT and _given(parameter, parsed):
            raise BadInputError(f"{path} asks for {max(parameter.opts, key=len)}, which is not for a file to ask")
    for name in [] if trust else [*parsed.params["models"], parsed.params.get("reference")]:
        if name is not None and not _is_card(name):
            raise BadInputError(f"{path} names '{name}', which may run code; add --trust if you know who made it")
    return words


def _is_card(name: str) -> bool:
    """Whether ``name`` is that of a card of an installed plugin, with nothing but its own options."""
    from bsct_zoo.models.naming import labelled
    from bsct_zoo.plugins.registry import registry

    head, at, _ = labelled(name)[1].partition("@")
    family, _, choice = head.partition(":")
    adapter = registry().adapter(family)
    loose = adapter.free_options and at  # arguments of a calculator
    return bool(adapter.cards) and not loose and choice in ("", *(card.name for card in adapter.cards))


def _given(parameter: Any, context: Any) -> bool:
    """Whether a parameter of a command has another value than by default."""
    value = context.params.get(parameter.name)
    return value is not None and value not in ((), []) and value != parameter.get_default(context)


def _text(value: Any) -> str:
    return str(getattr(value, "value", value))
