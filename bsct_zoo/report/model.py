"""What is known of a model, its weights and its environment, as text and as JSON."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bsct_zoo.evaluation.throughput import shared_cores, throughputs
from bsct_zoo.models.weights import find, size_text
from bsct_zoo.plugins.cards import Adapter, ModelCard, states_text
from bsct_zoo.runtime import environment
from bsct_zoo.runtime.folders import cache_dir
from bsct_zoo.runtime.place import place_of


def name_of(adapter: Adapter, card: ModelCard) -> str:
    """The name of ``card`` on the command line."""
    return adapter.name if adapter.cards and card == adapter.cards[0] else f"{adapter.name}:{card.name}"


def weights_state(adapter: Adapter, card: ModelCard) -> str:
    """Where the weights are: "here", "fetch" (to be downloaded), or "package" (part of the model's own package)."""
    if card.checkpoint is not None:
        return "here"
    if not card.url:
        return "package"
    return "here" if find(adapter, card) else "fetch"


def runs_in(adapter: Adapter) -> str:
    """Where models of ``adapter`` run: "here", "own env", or "own env, not built"."""
    return {"here": "here", "environment": "own env", "not built": "own env, not built"}[place_of(adapter).kind]


def brief(adapter: Adapter, card: ModelCard) -> dict[str, Any]:
    """The entry of a model in the list, as JSON."""
    return {
        "name": name_of(adapter, card),
        "title": card.title,
        "level_of_theory": card.level_of_theory,
        "elements": list(card.elements),
        "licence": card.licence,
        "parameters": card.parameters,
        "size": _size(adapter, card),
        "weights": weights_state(adapter, card),
        "runs": runs_in(adapter),
    }


def full(adapter: Adapter, card: ModelCard) -> dict[str, Any]:
    """Everything that is known of a model, as JSON."""
    fetched = find(adapter, card)
    kept = throughputs(cache_dir() / "answers", f"{adapter.name}:{card.name}")
    shared = shared_cores(cache_dir() / "answers", f"{adapter.name}:{card.name}")
    return {
        **brief(adapter, card),
        "family": adapter.summary,
        "states": [list(state) for state in card.states],
        "aliases": list(adapter.aliases),
        "source": card.source,
        "url": card.url,
        "sha256": card.sha256 or (fetched.sha256 if fetched else None),
        "sha256_on_card": card.sha256 is not None,
        "checkpoint": card.checkpoint or (str(fetched.path) if fetched else None),
        "executes_code": card.executes_code,
        "requirements": list(adapter.environment.requirements),
        "environment": _environment(adapter),
        "throughput": [
            {
                "ms_per_frame": one.ms_per_frame,
                "atoms_per_second": one.atoms_per_second,
                "frames": one.frames,
                "device": one.device,
                "dtype": one.dtype,
                "machine": dict(one.machine),
            }
            for one in kept
        ],
        "cores": [
            {"cores": one.cores, "device": one.device, "dtype": one.dtype, **asdict(one.chosen)} for one in shared
        ],
        "options": [{"name": o.name, "default": o.default, "help": o.help} for o in adapter.options],
        "trains": adapter.trainer is not None,
        "citation": card.citation or adapter.citation,
        "notes": dict(card.notes),
    }


def lines(adapter: Adapter, card: ModelCard) -> dict[str, str]:
    """The same in words, in reading order, without the notes of the card; empty entries are left out."""
    known = full(adapter, card)
    name = f"{adapter.name}:{card.name}"
    kept = throughputs(cache_dir() / "answers", name)
    weights = {
        "here": str(known["checkpoint"]),
        "fetch": f"not downloaded; run: bsct-zoo models fetch {name}",
        "package": "part of the model's own package",
    }
    trust = ""
    if card.executes_code:
        trust = "the file can run code when it is loaded; "
        trust += "its sha256 is verified" if card.sha256 else "it is unverified and loads only with --trust"
    size = known["size"]
    text = {
        "model": name,
        "title": card.title,
        "family": adapter.summary,
        "aliases": ", ".join(adapter.aliases),
        "level of theory": card.level_of_theory,
        "elements": " ".join(card.elements) or "any that its package supports",
        "states": states_text(card.states),
        "licence": card.licence,
        "parameters": f"{card.parameters:,}" if card.parameters else "",
        "source": card.source,
        "fetched from": card.url,
        "weights": weights[known["weights"]],
        "size": "" if size is None else size_text(size),
        "sha256": known["sha256"] or ("unknown until the first download, then recorded" if card.url else ""),
        "trust": trust,
        "needs": ", ".join(adapter.environment.requirements) or "nothing beyond bsct-zoo",
        "runs": _runs_text(adapter, known["environment"]),
        "throughput": "\n".join(one.text() for one in kept),
        "cores": "\n".join(one.text() for one in shared_cores(cache_dir() / "answers", name)),
        "options": "\n".join(f"{o.name}={o.default}  {o.help}" for o in adapter.options),
        "trains": f"bsct-zoo train {adapter.name}" if adapter.trainer else "",
        "cite": known["citation"],
    }
    return {key: value for key, value in text.items() if value}


def _runs_text(adapter: Adapter, env: dict[str, Any] | None) -> str:
    if place_of(adapter).kind == "here":
        return "in this interpreter"
    if env is None:
        return f"in its own environment, built on first use or with: bsct-zoo env build {adapter.name}"
    versions = ", ".join(f"{name} {version}" for name, version in env["versions"].items())
    return f"in {env['folder']} ({size_text(env['size'])}, Python {env['python']})\n{versions}"


def _environment(adapter: Adapter) -> dict[str, Any] | None:
    """The environment of ``adapter``, if it is built."""
    built = environment.find(adapter)
    if built is None:
        return None
    return {
        "folder": str(built.folder),
        "size": _folder_size(built.folder),
        "python": built.python_version,
        "versions": dict(built.versions),
    }


def _size(adapter: Adapter, card: ModelCard) -> int | None:
    fetched = find(adapter, card)
    if card.size is not None or fetched is not None:
        return card.size if fetched is None else fetched.size
    try:
        return Path(card.checkpoint).stat().st_size if card.checkpoint else None
    except OSError:
        return None


def _folder_size(folder: Path) -> int:
    """Bytes of all files below ``folder``; most are shared with other environments by hard links."""
    total, waiting = 0, [str(folder)]
    while waiting:
        with os.scandir(waiting.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                else:
                    total += entry.stat(follow_symlinks=False).st_size
    return total
