"""Cards of calculators: TOML tables that make a model of any ASE calculator. The one parser of them.

A file holds one table a model. It may be shipped by bsct-zoo, brought by a plugin (``adapters_of`` in its
``register_adapters``) or written by a user. docs/add-a-model.md has an example.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from bsct_zoo.atoms.elements import SYMBOLS
from bsct_zoo.errors import BadInputError, UnknownNameError
from bsct_zoo.files import atomic_write
from bsct_zoo.plugins.cards import Adapter, CalculatorSpec, EnvironmentSpec, ModelCard, Option

LOADER = "bsct_zoo.models.calculators.load:load"
FETCHER = "bsct_zoo.models.calculators.fetch:fetch"
FILES_VARIABLE = "BSCT_ZOO_MODELS"  # further files, as --models adds them
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")
_PATH = re.compile(r"[A-Za-z_]\w*([.:][A-Za-z_]\w*)+")

OPTIONS = (
    Option("level_of_theory", str, "", "what the calculator imitates, for the tables"),
    Option("licence", str, "", "of its weights, for the tables"),
)


def adapters_of(file: Path) -> list[Adapter]:
    """One adapter for each table of ``file``.

    Raises:
        BadInputError: the file cannot be read, or a table has an unknown key or a value of the wrong kind.
    """
    return [adapter_of(name, table, str(file)) for name, table in tables_of(file).items()]


def tables_of(file: Path) -> dict[str, Any]:
    """The tables of ``file`` by the names of their models.

    Raises:
        BadInputError: the file cannot be read or is not TOML.
    """
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInputError(f"cannot read {file}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # of TOML, of the encoding, of a date that is none
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise BadInputError(f"{file} is not TOML: {reason}") from error


def adapter_of(name: str, table: Any, source: str) -> Adapter:
    """The adapter that ``table`` describes; ``source`` is where it stands, for messages.

    Raises:
        BadInputError: an unknown key or a value of the wrong kind; one line.
    """
    where = f"[{name}] in {source}"
    if not isinstance(table, dict):
        raise BadInputError(f'{where} is not a table; write [NAME] and below it calculator = "package.module.Class"')
    if not _NAME.fullmatch(name):
        raise BadInputError(f"{where}: a name has letters, digits, '-', '_' and '.'")
    facts = _checked(table, where, KEYS)
    variants = facts.pop("cards", {})
    of_file = _checked(facts.pop("file", {}), f"[{name}.file] in {source}", _OF_FILE)
    # Without requirements it is in this interpreter, and its version is part of every key.
    here = () if facts.get("requirements") else (facts.get("calculator", "").partition(".")[0],)
    family = {key: facts.pop(key) for key in _OF_FAMILY if key in facts}
    cards = []
    for card_name, own in (variants or {name: {}}).items():
        place = f"[{name}.cards.{card_name}] in {source}" if variants else where
        if not isinstance(own, dict):
            raise BadInputError(f"{place} is not a table")
        joined = _joined(facts, _checked(own, place, _OF_CARD))
        card = _card(card_name, joined, here, place)
        if of_file:
            spec = _card(card_name, _deeply_joined(joined, of_file), here, place).calculator
            card = replace(card, calculator_of_file=spec)
        cards.append(card)
    fetched = any(card.url for card in cards)
    return Adapter(
        name=name,
        summary=family.get("summary") or cards[0].title,
        loader=LOADER,
        cards=tuple(cards),
        environment=EnvironmentSpec(
            python=family.get("python", EnvironmentSpec.python),
            **{key: tuple(family.get(key, ())) for key in ("requirements", "overrides", "build_constraints")},
        ),
        aliases=tuple(family.get("aliases", ())),
        options=OPTIONS,
        free_options=True,
        fetcher=FETCHER if fetched else None,
        fetcher_variables=("HF_TOKEN",) if fetched else (),
        citation=cards[0].citation,
    )


def card_of_file(adapter: Adapter, choice: str) -> ModelCard:
    """The card of a user's own file or folder in place of the weights of a card: "FILE" or "CARD:FILE".

    Without a card it is that whose weights have this name at their address, or else the first one; of the first, what
    its weights were trained on is not said of the file.

    Raises:
        BadInputError: there is no such file.
    """
    name, _, path = choice.partition(":")
    chosen = next((card for card in adapter.cards if path and card.name == name), None)
    file = Path(path if chosen else choice).expanduser()
    if not file.exists():
        raise BadInputError(f"there is no file {file}")
    known = chosen or next((card for card in adapter.cards if card.url.rpartition("/")[2] == file.name), None)
    card = known or adapter.cards[0]
    assert card.calculator_of_file is not None
    if known is None:
        card = replace(card, level_of_theory="as given", licence="as given", parameters=None)
    return replace(
        card,
        name=file.name,
        title=f"{file.name} as {card.title}",
        source="a file of yours",
        checkpoint=str(file.resolve()),
        executes_code=True,
        url="",
        size=None,
        calculator=card.calculator_of_file,
        calculator_of_file=None,
    )


def user_files() -> list[Path]:
    """Files of the user: ``models.toml`` of the configuration folder if it is there, and those of ``--models``."""
    extra = [Path(part).expanduser() for part in os.environ.get(FILES_VARIABLE, "").split(os.pathsep) if part]
    own = user_file()
    return [*([own] if own.is_file() else []), *extra]


def user_file() -> Path:
    """The user's own file, which ``models add`` writes: in ``BSCT_ZOO_CONFIG``, or the user's configuration folder."""
    if chosen := os.environ.get("BSCT_ZOO_CONFIG"):
        return Path(chosen).expanduser().absolute() / "models.toml"
    import platformdirs

    return Path(platformdirs.user_config_path("bsct-zoo")) / "models.toml"


def add(name: str, table: Mapping[str, Any], file: Path) -> None:
    """Append the card ``table`` to ``file``, which is made if it is not there.

    Raises:
        BadInputError: it has a card of this name, or cannot be written.
    """
    before = ""
    if file.exists():
        if name in tables_of(file):
            raise BadInputError(f"{file} has a card '{name}' already; edit it there, or choose another name")
        before = file.read_text(encoding="utf-8").rstrip() + "\n\n"
    _write(file, before + text_of(name, table))


def remove(name: str, file: Path) -> None:
    """Take the card ``name`` out of ``file``; everything else stays as it was typed.

    Raises:
        UnknownNameError: it has no such card.
        BadInputError: the file cannot be written, or the card is written in a way that only a person can cut out.
    """
    tables = tables_of(file)
    if name not in tables:
        raise UnknownNameError(f"card in {file}", name, list(tables))
    kept, inside = [], False
    for line in file.read_text(encoding="utf-8").splitlines(keepends=True):
        if header := re.match(r"\s*\[\s*(\"[^\"]*\"|'[^']*'|[A-Za-z0-9_-]+)\s*[.\]]", line):
            inside = header[1].strip("\"'") == name
        if not inside:
            kept.append(line)
    text = "".join(kept)
    try:
        whole = tomllib.loads(text) == {key: table for key, table in tables.items() if key != name}
    except ValueError:
        whole = False
    if not whole:
        raise BadInputError(f"the card '{name}' of {file} does not stand alone under [{name}]; take it out by hand")
    _write(file, text)


def _write(file: Path, text: str) -> None:
    try:
        atomic_write(file, text.encode())
    except OSError as error:
        raise BadInputError(f"cannot write {file}: {error.strerror}") from error


def text_of(name: str, table: Mapping[str, Any]) -> str:
    """``table`` as TOML."""
    lines = [f"{_key(key)} = {_toml(value)}" for key, value in table.items()]
    return "\n".join([f"[{_key(name)}]", *lines]) + "\n"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name)


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(key)} = {_toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)  # numbers, truth values and texts are written alike


# -- keys ------------------------------------------------------------------------------------------------------


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e18


def _requirements(value: Any) -> bool:
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        return _texts(value) and all(bool(Requirement(line)) for line in value)
    except InvalidRequirement:
        return False


def _python(value: Any) -> bool:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        return isinstance(value, str) and bool(str(SpecifierSet(value)))
    except InvalidSpecifier:
        return False


def _symbols(value: Any) -> bool:
    symbols = value.split() if isinstance(value, str) else value
    return _texts(symbols) and bool(symbols) and all(symbol in SYMBOLS[1:] for symbol in symbols)


def _pairs(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(pair, list) and [type(number) for number in pair] == [int, int] and pair[1] >= 1 for pair in value
    )


def _inside(value: Any) -> bool:
    parts = PurePosixPath(value).parts if isinstance(value, str) else ()
    return bool(parts) and parts[0] != "/" and ".." not in parts


_Kind = tuple[Callable[[Any], bool], str]
_IS_TEXT: _Kind = (lambda value: isinstance(value, str), "text")
_IS_PATH: _Kind = (
    lambda value: isinstance(value, str) and bool(_PATH.fullmatch(value)),
    'an import path, "package.module.Class"',
)
_IS_TABLE: _Kind = (lambda value: isinstance(value, dict), "a table, { name = value }")
_IS_TEXT_TABLE: _Kind = (
    lambda value: isinstance(value, dict) and _texts(list(value.values())),
    'a table of texts, { NAME = "value" }',
)
_IS_NUMBER: _Kind = (_number, "a positive number")
_IS_TRUTH: _Kind = (lambda value: isinstance(value, bool), "true or false")
_IS_REQUIREMENTS: _Kind = (_requirements, 'a list of requirements, ["package==1.2.3"]')

# Facts of an environment and a name, which all cards of a table share.
_OF_FAMILY: dict[str, _Kind] = {
    "summary": _IS_TEXT,
    "aliases": (_texts, "a list of names"),
    "requirements": _IS_REQUIREMENTS,
    "overrides": _IS_REQUIREMENTS,
    "build_constraints": _IS_REQUIREMENTS,
    "python": (_python, 'a Python version, ">=3.11,<3.13"'),
}
_OF_CARD: dict[str, _Kind] = {
    "calculator": _IS_PATH,
    "arguments": _IS_TABLE,
    "method": _IS_TEXT,
    "variables": _IS_TEXT_TABLE,
    "substitutes": (
        lambda value: isinstance(value, dict) and all(isinstance(item, str | dict) for item in value.values()),
        'a table of modules, { torch_scatter = "torch_geometric.utils" } or { module = { NAME = value } }',
    ),
    "torchsim": _IS_PATH,
    "torchsim_arguments": _IS_TABLE,
    "conservative": _IS_TRUTH,
    "periodic_only": _IS_TRUTH,
    "cutoff": _IS_NUMBER,
    "title": _IS_TEXT,
    "level_of_theory": _IS_TEXT,
    "elements": (_symbols, 'chemical symbols, ["H", "C"] or "H C"'),
    "states": (_pairs, "pairs of a total charge and a multiplicity, [[0, 1], [1, 2]]"),
    "parameters": _IS_NUMBER,
    "size": _IS_NUMBER,
    "url": _IS_TEXT,
    "executes_code": _IS_TRUTH,
    "licence": _IS_TEXT,
    "code_licence": _IS_TEXT,
    "paper": _IS_TEXT,
    "source": _IS_TEXT,
    "training_data": _IS_TEXT,
    "charge": _IS_TEXT,
    "range": _IS_TEXT,
    "notes": _IS_TEXT,
}
# A user's own file in place of the weights: arguments are joined to those of its card, at any depth.
_OF_FILE: dict[str, _Kind] = {
    **{key: _OF_CARD[key] for key in ("calculator", "arguments", "method", "torchsim", "torchsim_arguments")},
    "place": (_inside, 'a relative path without "..", "home/.cache/package/weights.pt"'),
}
KEYS: dict[str, _Kind] = {**_OF_FAMILY, **_OF_CARD, "cards": _IS_TABLE, "file": _IS_TABLE}
_MERGED = ("arguments", "variables", "substitutes", "torchsim_arguments")
_NOTED = {  # what a card of any model has no field of its own for, by its name among the notes
    "code_licence": "licence of the code",
    "training_data": "training data",
    "charge": "charge",
    "range": "range",
    "notes": "note",
}


def _checked(table: Mapping[str, Any], where: str, keys: Mapping[str, _Kind]) -> dict[str, Any]:
    for key, value in table.items():
        if key not in keys:
            raise UnknownNameError(f"key of {where}:", key, list(keys))
        fits, kind = keys[key]
        if not fits(value):
            raise BadInputError(f"{where}: {key} must be {kind}, not {value!r}")
    return dict(table)


def _joined(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with what a variant says otherwise; arguments are joined, not replaced."""
    return {**base, **own, **{key: base[key] | own[key] for key in _MERGED if key in base and key in own}}


def _deeply_joined(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with what ``own`` says otherwise, inner tables joined too."""
    joined = dict(base)
    for key, value in own.items():
        inner = joined.get(key)
        joined[key] = _deeply_joined(inner, value) if isinstance(inner, dict) and isinstance(value, dict) else value
    return joined


def _card(name: str, facts: Mapping[str, Any], packages: tuple[str, ...], where: str) -> ModelCard:
    if "calculator" not in facts:
        raise BadInputError(f'{where} has no calculator; write calculator = "package.module.Class"')
    path = facts["calculator"].replace(":", ".")
    elements = facts.get("elements", ())
    of_calculator = {
        key: facts[key]
        for key in (*_MERGED, "method", "torchsim", "conservative", "periodic_only", "cutoff", "place")
        if key in facts
    }
    return ModelCard(
        name=name,
        title=facts.get("title", f"ASE calculator {path}"),
        level_of_theory=facts.get("level_of_theory", "not stated"),
        licence=facts.get("licence", "not stated"),
        source=facts.get("source", f"package {path.partition('.')[0]}"),
        elements=tuple(elements.split() if isinstance(elements, str) else elements),
        states=tuple((charge, multiplicity) for charge, multiplicity in facts.get("states", ())),
        url=facts.get("url", ""),
        executes_code=facts.get("executes_code", bool(facts.get("url"))),
        size=None if "size" not in facts else int(facts["size"]),
        parameters=None if "parameters" not in facts else int(facts["parameters"]),
        packages=packages,
        citation=facts.get("paper", ""),
        notes={title: facts[key] for key, title in _NOTED.items() if key in facts},
        calculator=CalculatorSpec(path=path, **of_calculator),
    )
