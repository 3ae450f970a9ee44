"""``bsct-zoo models add``: write the card of a calculator, and try it on a molecule."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bsct_zoo.cli import options

if TYPE_CHECKING:
    from bsct_zoo.conformance.first_trial import FirstTrial
    from bsct_zoo.plugins.cards import Adapter, ModelCard


def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What you will type.")],
    calculator: Annotated[
        str, options.choose("--calculator", metavar="PATH", help="Import path: package.module.Class, or a function.")
    ],
    requires: Annotated[
        list[str] | None,
        options.choose(
            "--requires",
            metavar="PACKAGE",
            help="Requirement of its environment, e.g. 'pkg==1.2', or a folder or wheel; repeatable.",
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        options.choose("--set", metavar="KEY=VALUE", help="Argument of the calculator; repeatable; JSON for tables."),
    ] = None,
    level_of_theory: Annotated[
        str | None, options.choose("--level-of-theory", help="What its energies imitate, e.g. PBE.")
    ] = None,
    elements: Annotated[str | None, options.choose("--elements", help="Symbols that it knows, e.g. 'H,C,O'.")] = None,
    licence: Annotated[str | None, options.choose("--licence", help="Of its weights.")] = None,
    method: Annotated[
        str | None, options.advanced("--method", help="Method of what PATH makes that gives the calculator.")
    ] = None,
    torchsim: Annotated[
        str | None, options.advanced("--torchsim", metavar="PATH", help="TorchSim ModelInterface of the same model.")
    ] = None,
    override: Annotated[
        list[str] | None,
        options.advanced("--override", metavar="PACKAGE", help="Requirement that replaces what packages ask for."),
    ] = None,
    build_constraint: Annotated[
        list[str] | None,
        options.advanced("--build-constraint", metavar="PACKAGE", help="For packages that are built here."),
    ] = None,
    python: Annotated[str | None, options.advanced("--python", help="Python version, e.g. '>=3.12'.")] = None,
    variable: Annotated[
        list[str] | None,
        options.advanced("--variable", metavar="KEY=VALUE", help="Environment variable that it needs."),
    ] = None,
    file: Annotated[
        Path | None, options.output("--file", metavar="FILE", help="File of cards; default: your own models.toml.")
    ] = None,
    quiet: options.Quiet = False,
) -> int:
    """Add a model that has an ASE calculator: its environment is built, and it is tried on a molecule.

    Nothing is written if the trial fails. Exit code: 0 added, 2 bad input or a calculator that does not fit.
    """
    from bsct_zoo.errors import BadInputError, ModelError, shortened
    from bsct_zoo.plugins import calculator_cards
    from bsct_zoo.plugins.registry import registry

    table: dict[str, Any] = {"calculator": calculator}
    facts = {
        "arguments": _pairs("--set", settings),
        "method": method,
        "torchsim": torchsim,
        "requirements": [_requirement(text) for text in requires or []],
        "overrides": override,
        "build_constraints": build_constraint,
        "python": python,
        "variables": {key: str(value) for key, value in _pairs("--variable", variable).items()},
        "level_of_theory": level_of_theory,
        "elements": None if elements is None else re.split(r"[\s,+]+", elements.strip()),
        "licence": licence if licence is not None else _asked(name),
    }
    table |= {key: value for key, value in facts.items() if value}
    target = file or calculator_cards.user_file()
    adapter = calculator_cards.adapter_of(name, table, "the command line")
    known = registry().adapters
    if name in {other for one in known.values() for other in (one.name, *one.aliases)}:
        raise BadInputError(f"the name '{name}' is taken; choose another, or edit its card")
    say = (lambda text: None) if quiet else (lambda text: print(f"{name}: {text}", file=sys.stderr))
    try:
        trial, boxed = _tried(adapter, say)
    except ModelError as error:
        raise BadInputError(f"'{name}' is not added: {shortened(str(error), 400)}") from error
    if boxed:
        table["periodic_only"] = True
    if not trial.conservative:
        table["conservative"] = False
    calculator_cards.add(name, table, target)
    print(_report(name, trial, boxed, target))
    return 0


def _tried(adapter: Adapter, say: Any) -> tuple[FirstTrial, bool]:
    """What it says of a molecule, and whether it needed a box around it.

    Raises:
        BadInputError: it refuses its arguments.
        ModelError: no environment, or no answer.
    """
    from dataclasses import replace

    from bsct_zoo.errors import ModelError

    (card,) = adapter.cards
    assert card.calculator is not None
    failure, trial = None, None
    try:
        trial = _trial_of(adapter, card, say)
    except ModelError as error:
        failure = error
    if trial is not None and not trial.periodic:
        return trial, False
    say("no answer for a molecule; trying it in a box")
    try:
        boxed = _trial_of(adapter, replace(card, calculator=replace(card.calculator, periodic_only=True)), say)
    except ModelError:
        boxed = None
    if boxed is not None and not boxed.periodic:
        return boxed, True
    if trial is None:
        assert failure is not None
        raise failure
    return trial, False


def _trial_of(adapter: Adapter, card: ModelCard, say: Any) -> FirstTrial:
    from bsct_zoo.conformance.first_trial import try_model
    from bsct_zoo.runtime.load import load_potential

    with load_potential(adapter, card, own_process=True, on_event=say) as potential:
        return try_model(potential)


def _report(name: str, trial: FirstTrial, boxed: bool, target: Path) -> str:
    box = " in a box (it takes periodic systems only)" if boxed else ""
    gradient = "minus the gradient of the energy" if trial.conservative else "not the gradient of the energy"
    return "\n".join(
        [
            f"{trial.system}{box}: {trial.energy:.6f} eV, largest force {trial.max_force:.4f} eV/Å",
            f"forces: {gradient} (to {trial.deviation:.1e} eV/Å)",
            f"charge and spin: {'used' if trial.charge else 'ignored'}",
            f"computes in {trial.dtype}, {1000 * trial.seconds:.1f} ms a frame",
            f"added to {target}; next: bsct-zoo check {name}, bsct-zoo compare {name}",
        ]
    )


def _pairs(option: str, texts: list[str] | None) -> dict[str, Any]:
    """Keys and values of ``KEY=VALUE``; a value may be JSON."""
    from bsct_zoo.plugins.options import split_pair

    pairs = {}
    for text in texts or []:
        key, raw = split_pair(text, option, empty=True)
        try:
            pairs[key] = json.loads(raw)
        except ValueError:
            pairs[key] = raw
    return pairs


def _requirement(text: str) -> str:
    """``text``, or the folder or wheel that it names as a requirement."""
    from bsct_zoo.errors import BadInputError

    path = Path(text).expanduser()
    if not (text.endswith(".whl") or "/" in text or path.is_dir()) or "@" in text:
        return text
    if not path.exists():
        raise BadInputError(f"--requires {text}: there is no such folder or file")
    if path.is_file():
        return f"{path.name.split('-')[0]} @ {path.resolve().as_uri()}"
    project = path / "pyproject.toml"
    name = tomllib.loads(project.read_text()).get("project", {}).get("name") if project.is_file() else None
    if not name:
        raise BadInputError(f"--requires {text}: its pyproject.toml names no project")
    return f"{name} @ {path.resolve().as_uri()}"


def _asked(name: str) -> str:
    """The licence of the weights, where somebody can be asked."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return ""
    return str(typer.prompt(f"licence of the weights of '{name}' (empty: not stated)", default="", err=True))
