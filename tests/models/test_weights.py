"""Where fetched weights are kept, what counts as being here, and fetchers of a family's own."""

import hashlib
import json
from dataclasses import replace

import pytest
from bsct_zoo_remote import adapter, card

from bsct_zoo.errors import BadInputError, DownloadError, EnvironmentBuildError, MissingWeightsError
from bsct_zoo.models.weights import fetch, find, folder_of, with_weights

CONTENT = b"weights" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def one(web, cache):
    return card(url=web.put("/deep/one.bin", CONTENT), sha256=SHA256, size=len(CONTENT))


def test_fetched_once_and_found(web, one, cache):
    family = adapter(one)
    with pytest.raises(MissingWeightsError, match=r"remote:one are not here \(0\.0 MB, licence CC-BY-NC-4\.0\).*fetch"):
        with_weights(family, one)
    fetched = fetch(family, one)
    assert fetched.path == cache / "weights" / "remote" / "one" / "one.bin"
    assert find(family, one) == fetched and fetched.path.read_bytes() == CONTENT
    ready = with_weights(family, one)
    assert (ready.checkpoint, ready.sha256) == (str(fetched.path), SHA256)
    fetch(family, one)
    assert len(web.asked) == 1


def test_a_card_that_changed_wants_another_file(one):
    family = adapter(one)
    fetch(family, one)
    assert find(family, replace(one, sha256="0" * 64)) is None
    assert find(family, replace(one, url=one.url + "?new")) is None
    assert find(family, replace(one, title="better words"))


def test_a_cut_file_is_not_here(one):
    family = adapter(one)
    fetched = fetch(family, one)
    fetched.path.write_bytes(CONTENT[:-1])
    assert find(family, one) is None
    assert fetch(family, one).path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    "name", ["../../../outside", "/etc/passwd", "..", ".hidden", "a/../../b", "..%2f..%2foutside", "\x1b[31m"]
)
def test_names_never_lead_out_of_the_cache(name, cache, tmp_path):
    source = tmp_path / "source.bin"
    source.write_bytes(CONTENT)
    strange = card(name, url=source.as_uri() + "#/" + name)
    family = adapter(strange, name=name)
    folder = folder_of(family, strange)
    assert folder.parent.parent == cache / "weights" and not folder.name.startswith(".")
    assert fetch(family, strange).path.parent == folder
    assert {path.name for path in tmp_path.iterdir()} == {"cache", "source.bin"}


def test_the_last_part_of_an_address_never_leads_out(web, cache):
    address = web.put("/x/..%2f..%2f..%2foutside", CONTENT)
    strange = card(url=address, sha256=SHA256)
    assert fetch(adapter(strange), strange).path.parent == cache / "weights" / "remote" / "one"


@pytest.mark.parametrize("change", ["path", "link", "nonsense", "list"])
def test_a_record_that_was_tampered_with_is_none(one, change, tmp_path):
    family = adapter(one)
    folder = fetch(family, one).path.parent
    outside = tmp_path / "outside.bin"
    outside.write_bytes(CONTENT)
    record = folder / "fetched.json"
    said = json.loads(record.read_text())
    if change == "path":
        record.write_text(json.dumps({**said, "file": "../../../../outside.bin"}))
    elif change == "link":
        (folder / "one.bin").unlink()
        (folder / "one.bin").symlink_to(outside)
    else:
        record.write_text("no JSON" if change == "nonsense" else "[]")
    assert find(family, one) is None


def test_nothing_to_fetch(cache):
    shipped = card()
    assert with_weights(adapter(shipped), shipped) is shipped
    with pytest.raises(DownloadError, match="has no download"):
        fetch(adapter(shipped), shipped)


# -- fetchers ----------------------------------------------------------------------------------------------------


def by(function, requirements=()):
    wanted = card(url="https://hub.example/one")
    return adapter(wanted, fetcher=f"bsct_zoo_remote.hub:{function}", requirements=requirements), wanted


def test_a_fetcher_here(cache):
    family, wanted = by("fetch_here")
    fetched = fetch(family, wanted)
    assert fetched.path.relative_to(cache).as_posix() == "weights/remote/one/deep/weights.bin"
    assert find(family, wanted) == fetched and fetched.sha256 == hashlib.sha256(b"one").hexdigest()


def test_a_fetcher_in_the_environment_of_its_family(cache):
    family, wanted = by("fetch", ("six==1.16.0",))
    try:
        fetched = fetch(family, wanted)
    except EnvironmentBuildError as error:
        if "no network" in str(error):
            pytest.skip(str(error))
        raise
    assert fetched.path.read_bytes() == b"one by six 1.16.0"


def test_a_fetcher_whose_file_is_not_the_one_on_the_card(cache):
    family, wanted = by("fetch_here")
    with pytest.raises(DownloadError, match=r"has sha256 .* its card says .*; it was removed"):
        fetch(family, replace(wanted, sha256=SHA256))
    assert not (folder_of(family, wanted) / "deep" / "weights.bin").exists()


def test_fetchers_that_fail(cache, tmp_path):
    with pytest.raises(BadInputError, match=r"hub\.example/one wants a token; set HF_TOKEN"):
        fetch(*by("want_a_token"))
    with pytest.raises(DownloadError, match="left no file in"):
        fetch(*by("lead_out"))


def test_a_fetcher_that_fails_in_its_environment(cache):
    """What it says comes back as what it was."""
    try:
        with pytest.raises(DownloadError, match="the hub is closed"):
            fetch(*by("closed", ("six==1.16.0",)))
    except EnvironmentBuildError as error:
        if "no network" in str(error):
            pytest.skip(str(error))
        raise


def test_offline_runs_no_fetcher(cache, monkeypatch):
    monkeypatch.setenv("BSCT_ZOO_OFFLINE", "yes")
    with pytest.raises(DownloadError, match="offline"):
        fetch(*by("fetch_here"))
    assert not list(cache.rglob("weights.bin"))
