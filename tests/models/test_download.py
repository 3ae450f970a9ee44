"""Downloads against a real server on this machine, which breaks off, changes its mind and lies."""

import hashlib
import os
import shutil
import threading
from collections import namedtuple

import pytest

from bsct_zoo.errors import DownloadError
from bsct_zoo.models.download import download, file_sha256

CONTENT = os.urandom(3_000_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def target(tmp_path):
    return tmp_path / "weights" / "model.bin"


def left(target):
    """Names of what is beside the target, but for the lock."""
    return sorted(path.name for path in target.parent.iterdir() if path.suffix != ".lock")


def test_whole_and_checked(web, target):
    url, heard = web.put("/model.bin", CONTENT), []
    found = download(
        url, target, sha256=SHA256, size=len(CONTENT), tell=lambda done, total: heard.append((done, total))
    )
    assert found == SHA256 == file_sha256(target)
    assert heard[-1] == (len(CONTENT), len(CONTENT))
    assert left(target) == ["model.bin"]


def test_goes_on_at_once_where_a_connection_broke(web, target):
    url = web.put("/model.bin", CONTENT)
    web.break_after = [1_000_000, 700_000]
    download(url, target, sha256=SHA256)
    assert [wanted for _, wanted in web.asked] == [None, "bytes=1000000-", "bytes=1700000-"]
    assert web.sent == len(CONTENT)
    assert file_sha256(target) == SHA256


def test_goes_on_in_a_later_call(web, target):
    url = web.put("/model.bin", CONTENT)
    web.break_after = [1_000_000, 0]
    with pytest.raises(DownloadError, match=r"ended after 1000000 of 3000000 bytes; what came is kept"):
        download(url, target, sha256=SHA256)
    assert not target.exists() and "model.bin.part" in left(target)
    download(url, target, sha256=SHA256)
    assert web.asked[-1] == ("/model.bin", "bytes=1000000-")
    assert web.sent == len(CONTENT) and file_sha256(target) == SHA256


def test_another_version_is_not_mixed_in(web, target):
    url = web.put("/model.bin", CONTENT)
    web.break_after = [1_000_000, 0]
    with pytest.raises(DownloadError):
        download(url, target, sha256=SHA256)
    newer = web.files["/model.bin"] = os.urandom(2_000_000)
    download(url, target, sha256=hashlib.sha256(newer).hexdigest())
    assert web.asked[-1] == ("/model.bin", "bytes=1000000-")  # but only if it is the version that was begun
    assert target.read_bytes() == newer


def test_a_part_from_elsewhere_is_not_gone_on_with(web, target):
    target.parent.mkdir()
    target.with_name("model.bin.part").write_bytes(b"of nobody knows what")
    source = target.with_name("source.bin")
    source.write_bytes(CONTENT)
    assert download(source.as_uri(), target) == SHA256


def test_a_server_without_ranges_starts_again(web, target):
    url = web.put("/model.bin", CONTENT)
    web.ranges, web.break_after = False, [1_000_000]
    download(url, target, sha256=SHA256)
    assert web.sent == 1_000_000 + len(CONTENT) and file_sha256(target) == SHA256


def test_a_part_that_is_whole_is_not_asked_for_again(web, target):
    url = web.put("/model.bin", CONTENT)
    target.parent.mkdir()
    target.with_name("model.bin.part").write_bytes(CONTENT)
    download(url, target, sha256=SHA256, size=len(CONTENT))
    assert web.asked == [] and left(target) == ["model.bin"]


def test_a_part_that_is_too_long_is_given_up(web, target):
    url = web.put("/model.bin", CONTENT)
    target.parent.mkdir()
    target.with_name("model.bin.part").write_bytes(CONTENT + b"more")
    with pytest.raises(DownloadError, match="shorter than the local part"):
        download(url, target, sha256=SHA256)
    download(url, target, sha256=SHA256)
    assert file_sha256(target) == SHA256


def test_another_file_than_expected_is_removed(web, target):
    url = web.put("/model.bin", CONTENT[:-1] + b"\0")
    with pytest.raises(DownloadError, match=r"has sha256 .* its card says .* removed"):
        download(url, target, sha256=SHA256)
    assert left(target) == []


def test_another_size_than_expected_is_not_downloaded(web, target):
    url = web.put("/model.bin", CONTENT)
    with pytest.raises(DownloadError, match="has 3000000 bytes, its card says 2999999"):
        download(url, target, sha256=SHA256, size=len(CONTENT) - 1)
    assert "model.bin" not in left(target) and "model.bin.part" not in left(target)


def test_an_endless_answer_is_ended(web, target):
    url = web.put("/model.bin", CONTENT * 5)
    web.length = False
    with pytest.raises(DownloadError, match="more than the announced 3000000 bytes"):
        download(url, target, sha256=SHA256, size=len(CONTENT))
    assert "model.bin.part" not in left(target)


def test_no_such_file(web, target):
    with pytest.raises(DownloadError, match=r"cannot download .*/absent\.bin: HTTP 404"):
        download(f"{web.address}/absent.bin", target, sha256=SHA256)


def test_no_such_server(target):
    with pytest.raises(DownloadError, match=r"cannot download .*refused"):
        download("http://127.0.0.1:9/model.bin", target, sha256=SHA256)


@pytest.mark.parametrize("variable", ["BSCT_ZOO_OFFLINE", "HF_HUB_OFFLINE"])
def test_offline_asks_nobody(web, target, tmp_path, monkeypatch, variable):
    url = web.put("/model.bin", CONTENT)
    monkeypatch.setenv(variable, "1")
    with pytest.raises(DownloadError, match="offline"):
        download(url, target, sha256=SHA256)
    assert web.asked == []
    source = tmp_path / "here.bin"
    source.write_bytes(CONTENT)
    assert download(source.as_uri(), target, sha256=SHA256) == SHA256


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://127.0.0.1/model.bin", "only https, http and file"),
        ("/etc/hostname", "only https, http and file"),
        ("http://127.0.0.1:9/model.bin", "over http, without a sha256"),
    ],
)
def test_addresses_that_are_not_asked(url, message, target):
    with pytest.raises(DownloadError, match=message):
        download(url, target)


def test_a_full_disk_is_seen_beforehand(web, target, monkeypatch):
    url = web.put("/model.bin", CONTENT)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10, 9, 1_000_000))
    with pytest.raises(DownloadError, match=r"needs 3\.0 MB and .* has 1\.0 MB free; free some space"):
        download(url, target, sha256=SHA256)
    assert "model.bin" not in left(target)


def test_two_at_once_download_once(web, target):
    url = web.put("/model.bin", CONTENT)
    threads = [threading.Thread(target=download, args=(url, target), kwargs={"sha256": SHA256}) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert web.sent == len(CONTENT) and file_sha256(target) == SHA256
