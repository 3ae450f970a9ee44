"""Fetching from the hub, with its own client and a hub of our own on this machine."""

import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path

import pytest

if find_spec("huggingface_hub") is None:
    pytest.skip("needs huggingface_hub", allow_module_level=True)

from bsct_zoo_fairchem.hub import REFERENCES

FILES = {
    "/facebook/UMA/resolve/main/checkpoints/uma-s-1p1.pt": b"weights" * 1000,
    "/facebook/UMA/resolve/main/references/iso_atom_elem_refs.yaml": b"omol_elem_refs: {1: {0: -13.5}}\n",
}


class Hub(BaseHTTPRequestHandler):
    """Hands files out to whoever has the token, as the hub does for a gated repository."""

    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, body):
        content = FILES.get(self.path)
        allowed = self.headers.get("Authorization") == "Bearer good"
        self.send_response(404 if content is None else 200 if allowed else 401)
        if content is None:
            self.send_header("X-Error-Code", "EntryNotFound")
        elif not allowed:
            self.send_header("X-Error-Code", "GatedRepo")
        else:
            self.send_header("ETag", f'"{len(content):040x}"')
            self.send_header("X-Repo-Commit", "0" * 40)
        sent = content if content and allowed else b""
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        if body:
            self.wfile.write(sent)

    def log_message(self, *_):
        pass


@pytest.fixture
def hub():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def fetch(folder, endpoint, token):
    """What fetching prints, in a process of its own: the client reads its settings when it is imported."""
    script = (
        "import sys; from pathlib import Path\n"
        "from bsct_zoo.errors import DownloadError\n"
        "from bsct_zoo_fairchem.hub import fetch\n"
        "from bsct_zoo_fairchem.pretrained import pretrained\n"
        "card = next(card for card in pretrained() if card.name == 'uma-s-1p1')\n"
        "try: print(fetch(card, Path(sys.argv[1])))\n"
        "except DownloadError as error: print('refused:', error)\n"
    )
    environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    environment |= {"HF_ENDPOINT": endpoint, "HF_TOKEN": token, "HF_HUB_OFFLINE": "0", "HF_HOME": str(folder / "home")}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    command = [sys.executable, "-c", script, str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 1
    return lines[0]


def test_checkpoint_and_the_energies_of_atoms_arrive(hub, tmp_path):
    path = Path(fetch(tmp_path, hub, "good"))
    assert path.is_relative_to(tmp_path) and path.name == "uma-s-1p1.pt"
    contents = list(FILES.values())
    assert path.read_bytes() == contents[0] and path.with_name(REFERENCES).read_bytes() == contents[1]


def test_without_a_licence_or_a_token(hub, tmp_path):
    said = fetch(tmp_path, hub, "bad")
    assert said.startswith("refused:") and "accept the licence at https://huggingface.co/facebook/UMA" in said
    assert "set HF_TOKEN" in said


def test_without_a_network(tmp_path):
    said = fetch(tmp_path, "http://127.0.0.1:9", "good")
    assert "cannot be reached; connect, or get the file elsewhere and use fairchem:PATH --trust" in said
