"""A web server that knows ranges and breaks off when it is told to, and a plugin whose weights are fetched."""

import contextlib
import hashlib
import os
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

PLUGINS = Path(__file__).parent / "plugins"
sys.path.insert(0, str(PLUGINS))


@dataclass
class Web:
    """What the server does: files by path, and how it misbehaves.

    Attributes:
        files: content by path.
        break_after: bytes after which each of the next answers is cut off, first come first served.
        ranges: whether it knows ranges.
        length: whether it says how long the file is.
        asked: path and Range header of every request.
        sent: bytes of content.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    break_after: list[int] = field(default_factory=list)
    ranges: bool = True
    length: bool = True
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    sent: int = 0
    address: str = ""

    def put(self, path: str, content: bytes) -> str:
        """Serve ``content``; returns its address."""
        self.files[path] = content
        return f"{self.address}{path}"


def _handler(web):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            wanted = self.headers.get("Range")
            web.asked.append((self.path, wanted))
            content = web.files.get(self.path)
            if content is None:
                self.send_error(404)
                return
            etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
            start = 0
            if wanted and web.ranges and self.headers.get("If-Range") in (None, etag):
                start = int(wanted.removeprefix("bytes=").removesuffix("-"))
                if start >= len(content):
                    self.send_error(416)
                    return
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            else:
                self.send_response(200)
            self.send_header("ETag", etag)
            if web.length:
                self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            end = start + web.break_after.pop(0) if web.break_after else len(content)
            with contextlib.suppress(ConnectionError):  # a client that has seen enough
                self.wfile.write(content[start:end])
            web.sent += len(content[start:end])
            self.close_connection = True  # in the middle of the file, where end says so

        def log_message(self, *arguments):
            pass

    return Handler


@pytest.fixture
def web(monkeypatch):
    """A server on this machine, for one test."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    for name in ("BSCT_ZOO_OFFLINE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    web = Web()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(web))
    web.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield web
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache of this test's own."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("BSCT_ZOO_CACHE", str(folder))
    return folder


@pytest.fixture
def run(tmp_path):
    """Run the command line in a process of its own, with the plugin installed that reads its cards from a file."""
    installed = tmp_path / "site"
    facts = installed / "bsct_zoo_remote-1.0.dist-info"
    facts.mkdir(parents=True)
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: bsct-zoo-remote\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("[bsct_zoo]\nremote = bsct_zoo_remote\n")

    def run(*arguments, **variables):
        environment = {
            **{name: value for name, value in os.environ.items() if name not in ("BSCT_ZOO_OFFLINE", "HF_HUB_OFFLINE")},
            "BSCT_ZOO_CACHE": str(tmp_path / "cache"),
            "BSCT_ZOO_DATA": str(tmp_path / "data"),
            "BSCT_ZOO_TEST_CARDS": str(tmp_path / "cards.json"),
            "PYTHONPATH": os.pathsep.join([str(installed), str(PLUGINS), os.environ.get("PYTHONPATH", "")]),
            "COLUMNS": "80",
            "no_proxy": "127.0.0.1",
            **variables,
        }
        return subprocess.run(
            [sys.executable, "-m", "bsct_zoo", *map(str, arguments)],
            capture_output=True,
            encoding="utf-8",
            timeout=300,
            stdin=subprocess.DEVNULL,
            env=environment,
        )

    return run


@pytest.fixture
def cards(tmp_path):
    """Write the cards that the plugin ``remote`` registers in ``run``."""
    import json

    def write(*cards):
        (tmp_path / "cards.json").write_text(json.dumps([card.to_json() for card in cards]))

    return write
