"""Weights that a calculator's own package downloads: on request, into one folder, used offline, verified."""

import sys

import pytest

from bsct_zoo.errors import BadInputError, MissingWeightsError, UntrustedFileError
from bsct_zoo.kept import read_json
from bsct_zoo.models.calculators.load import load
from bsct_zoo.models.trust import trusted
from bsct_zoo.models.weights import fetch, with_weights
from bsct_zoo.plugins.calculator_cards import adapter_of

# As published packages do it: a cache below the home folder, whose place is fixed as the module is imported.
PACKAGE = """
import os
from pathlib import Path
from urllib.request import urlopen

from ase.calculators.lj import LennardJones

CACHE = Path(os.path.expanduser("~/.cache/hub_package"))


def make(url):
    file = CACHE / "epsilon.txt"
    if not file.exists():
        assert os.environ.get("HF_HUB_OFFLINE") != "1", "the network was asked without leave"
        CACHE.mkdir(parents=True, exist_ok=True)
        file.write_bytes(urlopen(url).read())
    return LennardJones(sigma=3.4, rc=10.0, epsilon=float(file.read_text()))
"""


@pytest.fixture
def adapter(tmp_path, monkeypatch):
    monkeypatch.setenv("BSCT_ZOO_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "hub_package.py").write_text(PACKAGE)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "remote.txt").write_text("0.25")
    url = (tmp_path / "remote.txt").as_uri()
    yield adapter_of(
        "hub",
        {"calculator": "hub_package.make", "arguments": {"url": url}, "url": url, "licence": "ASL", "elements": ["Ar"]},
        "a test",
    )
    sys.modules.pop("hub_package", None)


def test_fetched_on_request_and_used_offline(adapter, tmp_path):
    (card,) = adapter.cards
    with pytest.raises(MissingWeightsError, match=r"licence ASL.*models fetch hub:hub"):
        with_weights(adapter, card)
    fetched = fetch(adapter, card)
    assert list(read_json(fetched.path)) == ["home/.cache/hub_package/epsilon.txt"]
    assert not (tmp_path / "home").exists()
    (tmp_path / "remote.txt").unlink()
    sys.modules.pop("hub_package")
    ready = with_weights(adapter, card)
    assert load(ready, "cpu", "float64").calculator.parameters.epsilon == 0.25
    with pytest.raises(UntrustedFileError, match="--trust"):
        trusted("hub", ready)
    assert trusted("hub", ready, trust=True).sha256 == fetched.sha256


def test_a_file_that_changed_is_refused(adapter):
    fetched = fetch(adapter, adapter.cards[0])
    sys.modules.pop("hub_package")
    (fetched.path.parent / "home/.cache/hub_package/epsilon.txt").write_text("0.5")
    with pytest.raises(BadInputError, match="has changed since it was downloaded"):
        load(with_weights(adapter, adapter.cards[0]), "cpu", "float64")
