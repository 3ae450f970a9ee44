"""A third-party plugin whose weights are fetched; its cards stand in the file that BSCT_ZOO_TEST_CARDS names."""

import json
import os
from pathlib import Path

from bsct_zoo import hookimpl
from bsct_zoo.plugins.cards import Adapter, EnvironmentSpec, ModelCard


def adapter(*cards, fetcher=None, requirements=(), name="remote"):
    return Adapter(
        name=name,
        summary="springs from far away",
        loader="bsct_zoo_remote.loader:load",
        cards=cards,
        environment=EnvironmentSpec(requirements),
        file_card="bsct_zoo_remote:file_card",
        fetcher=fetcher,
    )


def card(name="one", **facts):
    return ModelCard(
        **{
            "name": name,
            "title": "a spring",
            "level_of_theory": "a spring",
            "licence": "CC-BY-NC-4.0",
            "source": "elsewhere",
            "citation": "R. Hooke (1678)",
            **facts,
        }
    )


def file_card(path):
    return card(Path(path).name, checkpoint=str(Path(path).resolve()), executes_code=True)


@hookimpl
def register_adapters():
    listed = os.environ.get("BSCT_ZOO_TEST_CARDS")
    texts = json.loads(Path(listed).read_text()) if listed and Path(listed).exists() else []
    return [adapter(*(ModelCard.from_json(text) for text in texts))]
