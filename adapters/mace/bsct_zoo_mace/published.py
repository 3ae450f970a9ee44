"""The published MACE models by name, as ``published.toml`` lists them; their files are fetched on request."""

from __future__ import annotations

import tomllib
from pathlib import Path

from bsct_zoo.plugins.cards import ModelCard


def published() -> tuple[ModelCard, ...]:
    """A card for each. The files are whole models, which can execute code when they are read."""
    with Path(__file__).with_suffix(".toml").open("rb") as file:
        table = tomllib.load(file)
    return tuple(
        ModelCard(
            name=model["name"],
            title=f"{release['title']} {model['what']}",
            level_of_theory=release["level_of_theory"],
            licence=release["licence"],
            source=release["source"],
            elements=tuple(table["elements"][release["elements"]].split()),
            sha256=model.get("sha256"),
            executes_code=True,
            url=release["folder"] + model["file"],
            size=model.get("size"),
            citation=release["citation"],
        )
        for release in table["release"]
        for model in release["model"]
    )
