"""The list of models, and everything that is known of one of them, for people to read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from bsct_zoo.plugins.cards import Adapter, ModelCard
from bsct_zoo.report.listing import ListColumn, draw_facts, draw_list
from bsct_zoo.report.model import brief, lines, name_of, runs_in

_TRAINING = ("settings", "data_sha256", "frames", "steps", "spent_s", "parameters", "machine", "valid", "test")


def draw_models(models: Sequence[tuple[Adapter, ModelCard | None]], to: Console) -> None:
    """Print a line for each card, or for a family whose users name the model (a card of None)."""
    rows = [_row(adapter, card) for adapter, card in models]
    columns = [[row[i] for row in rows] for i in range(7)]
    names, levels, elements, counts, runs, licences, titles = columns
    draw_list(
        [
            ListColumn("model", names),
            ListColumn("level of theory", levels, cut=True),
            ListColumn("elements", elements, short=counts),
            ListColumn("runs", runs, short=[text.removesuffix(", not built") for text in runs]),
            ListColumn("licence", licences, optional=True),
            ListColumn("what", titles, optional=True),
        ],
        to,
    )


def draw_model(adapter: Adapter, card: ModelCard, to: Console) -> None:
    """Print the card of a model, where it runs, how it was trained, and its errors on the frames it was tested on."""
    draw_facts({**lines(adapter, card), **_training(card.notes)}, to)
    errors = {split: card.notes[split] for split in ("valid", "test") if split in card.notes}
    if errors:
        to.print()
        draw_errors(errors, to)


def draw_errors(errors: Mapping[str, Mapping[str, Mapping[str, float]]], to: Console) -> None:
    """Print errors by kind of frame: a pair of columns for each split."""
    kinds = list(dict.fromkeys(kind for by_kind in errors.values() for kind in by_kind))
    if len(kinds) == 2 and "all" in kinds:  # one kind is all there is
        kinds = ["all"]
    columns = [ListColumn("frames", kinds)]
    for split, by_kind in errors.items():
        for title, key in (("E", "energy_mae_mev_atom"), ("F", "forces_mae_mev_A"), ("S", "stress_mae_mev_A3")):
            cells = [f"{by_kind[kind][key]:.1f}" if key in by_kind.get(kind, {}) else "" for kind in kinds]
            if any(cells):
                columns.append(ListColumn(f"{split} {title}", cells, right=True))
    units = "energy (E) in meV/atom, forces (F) in meV/Å"
    if any("stress_mae_mev_A3" in by_kind.get("all", {}) for by_kind in errors.values()):
        units += ", stress (S) in meV/Å³"
    to.print(Text(f"mean absolute errors: {units}", "italic"), soft_wrap=True)
    draw_list(columns, to)


def _row(adapter: Adapter, card: ModelCard | None) -> tuple[str, ...]:
    if card is None:
        return (f"{adapter.name}:...", *["as given"] * 3, runs_in(adapter), "as given", adapter.summary)
    known = brief(adapter, card)
    symbols, count = " ".join(card.elements), str(len(card.elements))
    elements = symbols if len(card.elements) <= 12 else count
    size = f" {card.size / 1e6:.0f} MB" if card.size else ""
    return (
        name_of(adapter, card),
        card.level_of_theory,
        elements or "any",
        (symbols if len(card.elements) <= 3 else count) or "any",
        f"fetch{size}" if known["weights"] == "fetch" else known["runs"],
        card.licence.partition(" (")[0].partition(" or as ")[0],
        card.title,
    )


def _training(notes: Mapping[str, Any]) -> dict[str, str]:
    """How a model was trained, and what else its card notes, as text."""
    frames = notes.get("frames", {})
    facts = {
        "frames": ", ".join(f"{split} {count:,}" for split, count in frames.items()),
        "data sha256": ", ".join(f"{_split(file)} {sha256[:12]}…" for file, sha256 in _items(notes, "data_sha256")),
        "trained for": ", ".join(_effort(notes)),
        "trained on": ", ".join(f"{value} {key}" if key == "cores" else str(value) for key, value in _machine(notes)),
        "settings": _assignments(notes.get("settings", {})),
    }
    for key, value in _items(notes, "settings"):
        if isinstance(value, Mapping):
            facts[f"{key} settings"] = _assignments(value)
    others = {key.replace("_", " "): value for key, value in notes.items() if key not in _TRAINING}
    return {**facts, **{key: _text(value) for key, value in others.items()}}


def _effort(notes: Mapping[str, Any]) -> Iterator[str]:
    if "steps" in notes:
        yield f"{notes['steps']:,} steps"
    if "spent_s" in notes:
        yield f"{notes['spent_s']:,.0f} CPU seconds"


def _machine(notes: Mapping[str, Any]) -> list[tuple[str, Any]]:
    return [(key, value if key != "python" else f"Python {value}") for key, value in _items(notes, "machine")]


def _items(notes: Mapping[str, Any], key: str) -> list[tuple[str, Any]]:
    return list(notes.get(key, {}).items())


def _split(file: str) -> str:
    """The split that a file of frames holds; the test split was once called "unseen"."""
    return file.removesuffix(".npz").replace("unseen", "test")


def _assignments(settings: Mapping[str, Any]) -> str:
    """Settings as ``--set`` takes them."""
    return ", ".join(f"{key}={_text(value)}" for key, value in settings.items() if not isinstance(value, Mapping))


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_text(inner)}" for key, inner in value.items())
    if isinstance(value, list | tuple):
        return " ".join(map(_text, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
