"""``models``, ``models show``, ``models fetch`` and what ``compare`` says and does where weights are missing."""

import hashlib
import json

import pytest
import torch
from bsct_zoo_remote import card

from bsct_zoo.runtime.surroundings import cores


@pytest.fixture
def spring(web, tmp_path):
    """A card whose file, a pickle, is on the server."""
    path = tmp_path / "spring.pth"
    torch.save(3.0, path)
    return card(
        "spring",
        url=web.put("/spring.pth", path.read_bytes()),
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        size=path.stat().st_size,
        executes_code=True,
        parameters=1,
    )


def refused(done):
    """The one line of a command that was refused."""
    assert done.returncode == 2 and done.stdout == "", (done.stdout, done.stderr)
    (line,) = done.stderr.splitlines()
    return line


def test_missing_weights_are_said_in_one_line(run, cards, spring, web):
    cards(spring)
    line = refused(run("compare", "remote:spring", "--limit", 1))
    assert line.startswith("error: the weights of remote:spring are not here (0.0 MB, licence CC-BY-NC-4.0)")
    assert line.endswith("get them with: bsct-zoo models fetch remote:spring")
    assert refused(run("md", "remote:spring")) == line
    assert web.asked == []


def test_compare_fetches_after_a_yes(run, cards, spring, web):
    cards(spring)
    done = run("compare", "remote:spring", "--limit", 1, "--yes", "--json", "-")
    assert done.returncode == 0, done.stderr
    assert f"fetching remote:spring from {spring.url}" in done.stderr and "CC-BY-NC-4.0" in done.stderr
    assert json.loads(done.stdout)["rows"][0]["checkpoint_sha256"] == spring.sha256
    again = run("compare", "remote:spring", "--limit", 1)
    assert again.returncode == 0 and "kept from before" in again.stderr
    assert len(web.asked) == 1


def test_another_bad_name_is_said_before_anything_is_fetched(run, cards, spring, web):
    cards(spring)
    assert "unknown card" in refused(run("compare", "remote:spring", "remote:sprong", "--yes"))
    assert web.asked == []


def test_fetch(run, cards, spring, web):
    cards(spring)
    web.break_after = [300]
    done = run("models", "fetch", "remote:spring")
    assert done.returncode == 0, done.stderr
    assert spring.url in done.stderr and "sha256 verified" in done.stderr
    assert len(web.asked) == 2 and web.sent == spring.size
    assert "is already downloaded" in run("models", "fetch", "remote:spring").stderr
    assert len(web.asked) == 2


def test_a_fetched_file_that_was_changed_is_fetched_again(run, cards, spring, web, tmp_path):
    cards(spring)
    run("models", "fetch", "remote:spring")
    path = tmp_path / "cache" / "weights" / "remote" / "spring" / "spring.pth"
    path.write_bytes(bytes(spring.size))
    assert "sha256 differs" in refused(run("compare", "remote:spring", "--limit", 1))
    assert run("models", "fetch", "remote:spring").returncode == 0
    assert hashlib.sha256(path.read_bytes()).hexdigest() == spring.sha256


def test_fetch_offline(run, cards, spring, web):
    cards(spring)
    done = run("models", "fetch", "remote:spring", BSCT_ZOO_OFFLINE="1")
    assert done.returncode == 2 and "offline" in done.stderr.splitlines()[-1]
    assert web.asked == []


def test_nothing_to_fetch(run, cards, spring):
    cards(spring, card("built-in"))
    assert "available downloads: remote:spring" in refused(run("models", "fetch", "remote:built-in"))


def test_a_file_that_nobody_vouches_for(run, cards, tmp_path):
    """No sha256 on its card: fetched with a warning, recorded, and loaded only with --trust."""
    source = tmp_path / "spring.pth"
    torch.save(3.0, source)
    cards(card("spring", url=source.as_uri(), executes_code=True))
    done = run("models", "fetch", "remote:spring", "--yes")
    assert done.returncode == 0, done.stderr
    sha256 = hashlib.sha256(source.read_bytes()).hexdigest()
    assert "its sha256 is not known in advance" in done.stderr and sha256 in done.stderr.replace("\n", "")
    assert "loads only with --trust" in done.stderr
    line = refused(run("compare", "remote:spring", "--limit", 1))
    assert "can run code" in line and "--trust" in line
    assert run("compare", "remote:spring", "--limit", 1, "--trust", "--quiet").returncode == 0
    kept = tmp_path / "cache" / "weights" / "remote" / "spring" / "spring.pth"
    torch.save(4.0, kept)  # of the same size, but not what was recorded
    assert "sha256 differs" in refused(run("compare", "remote:spring", "--limit", 1, "--trust"))


def test_list(run, cards, spring):
    cards(card("built-in"), spring)
    lines = run("models").stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[-1].endswith("can be downloaded: bsct-zoo models --all")
    assert not any(line.startswith("remote:spring") for line in lines)
    everything = run("models", "--all", COLUMNS="200").stdout.splitlines()
    row = next(line for line in everything if line.startswith("remote:spring"))
    assert "fetch" in row and "CC-BY-NC" in row
    listed = {row["name"]: row for row in json.loads(run("models", "--json").stdout)}
    assert (listed["remote"]["weights"], listed["remote:spring"]["weights"]) == ("package", "fetch")
    assert listed["remote:spring"]["size"] == spring.size and listed["remote:spring"]["parameters"] == 1


def test_show(run, cards, spring, tmp_path):
    cards(spring)
    text = " ".join(run("models", "show", "remote:spring").stdout.split())
    assert "not downloaded; run: bsct-zoo models fetch remote:spring" in text
    assert "CC-BY-NC-4.0" in text and "R. Hooke (1678)" in text and "in this interpreter" in text
    assert "ms/frame" not in text  # never measured
    quiet = run("compare", "remote:spring", "--limit", 2, "--yes", "--quiet")
    assert (quiet.returncode, "fetching" in quiet.stderr) == (0, False), quiet.stderr
    text = " ".join(run("models", "show", "remote:spring").stdout.split())
    assert "ms/frame" in text and "(200 frames, float32, cpu, " in text
    known = json.loads(run("models", "show", "remote:spring", "--json").stdout)
    (speed,) = known["throughput"]
    assert speed["frames"] == 200 and speed["ms_per_frame"] > 0 and speed["machine"]["cores"] == cores()
    assert known["sha256"] == spring.sha256 and known["weights"] == "here"
    assert known["checkpoint"] == str(tmp_path / "cache" / "weights" / "remote" / "spring" / "spring.pth")
