"""What a worker is given: no tokens, no network, no more cores than this process may use."""

import os
import sys
from pathlib import Path

import pytest

from bsct_zoo.runtime import surroundings
from bsct_zoo.runtime.bootstrap import leave_network
from bsct_zoo.runtime.host import WorkerHost
from bsct_zoo.runtime.surroundings import _quotas, cores, worker_environ

SECRETS = {
    "HF_TOKEN": "hf",
    "AWS_SECRET_ACCESS_KEY": "a",
    "GITHUB_TOKEN": "g",
    "OPENAI_API_KEY": "o",
    "DB_PASSWORD": "p",
}
HERE = {"PATH": "/bin", "OMP_NUM_THREADS": "2", "CUDA_VISIBLE_DEVICES": "0", "LC_ALL": "C", "BSCT_ZOO_CACHE": "/c"}
OTHER = {"EDITOR": "vi", "HTTPS_PROXY": "http://me:pw@proxy", "VASP_COMMAND": "vasp"}


def test_a_worker_of_another_interpreter_gets_what_is_on_the_list():
    assert worker_environ(SECRETS | HERE | OTHER) == HERE


def test_one_of_this_interpreter_gets_all_but_secrets():
    assert worker_environ(SECRETS | HERE | OTHER, ours=True) == HERE | OTHER


def test_a_fetcher_gets_its_own_token_and_proxies():
    found = worker_environ(SECRETS | HERE | OTHER, network=True, own=("HF_TOKEN",))
    assert found == HERE | {"HF_TOKEN": "hf", "HTTPS_PROXY": OTHER["HTTPS_PROXY"]}


def test_a_user_passes_more():
    asked = {"BSCT_ZOO_PASS": "VASP_COMMAND, DB_PASSWORD"}
    found = worker_environ(SECRETS | HERE | OTHER | asked)
    assert found == HERE | asked | {"VASP_COMMAND": "vasp", "DB_PASSWORD": "p"}


def environ_of(worker):
    text = Path(f"/proc/{worker.pid}/environ").read_text()
    return dict(pair.split("=", 1) for pair in text.split("\0") if "=" in pair)


def networks_of(worker):
    lines = Path(f"/proc/{worker.pid}/net/dev").read_text().splitlines()
    return [line.partition(":")[0].strip() for line in lines[2:]]


def test_workers_as_they_run(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_of_a_test")
    with WorkerHost(sys.executable, "bsct_zoo.runtime.worker:main", threads=1) as host:
        assert "HF_TOKEN" not in environ_of(host) and environ_of(host)["OMP_NUM_THREADS"] == "1"
        if allowed():
            assert networks_of(host) == ["lo"]
    monkeypatch.setenv("BSCT_ZOO_WORKERS_ONLINE", "1")
    entry = "bsct_zoo.runtime.worker:main"
    with WorkerHost(sys.executable, entry, network=True, variables=("HF_TOKEN",)) as host:
        assert environ_of(host)["HF_TOKEN"] == "hf_of_a_test"
        assert networks_of(host) == networks_of(type("Here", (), {"pid": os.getpid()}))


def test_a_worker_that_nobody_holds_ends():
    host = WorkerHost(sys.executable, "bsct_zoo.runtime.worker:main")
    pid = host.pid
    del host
    assert not Path(f"/proc/{pid}").exists()


def allowed():
    """Whether the system lets a process leave its network."""
    child = os.fork()
    if not child:
        os._exit(0 if leave_network() else 1)
    return os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize(
    ("files", "own", "expected"),
    [
        ({"a/b/cpu.max": "150000 100000\n", "cpu.max": "max 100000\n"}, "0::/a/b\n", [2]),
        ({"a/b/cpu.max": "max 100000\n", "a/cpu.max": "50000 100000\n"}, "0::/a/b\n", [1]),
        ({"cpu/d/cpu.cfs_quota_us": "300000\n", "cpu/d/cpu.cfs_period_us": "100000\n"}, "3:cpu,cpuacct:/d\n", [3]),
        ({"cpu/d/cpu.cfs_quota_us": "-1\n", "cpu/d/cpu.cfs_period_us": "100000\n"}, "3:cpu,cpuacct:/d\n", []),
        ({}, "nonsense\n", []),
    ],
)
def test_quotas_of_cgroups(tmp_path, files, own, expected):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "own").write_text(own)
    assert _quotas(tmp_path, tmp_path / "own") == expected


def test_cores_are_the_fewest_that_anything_allows(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))
    monkeypatch.setattr(surroundings, "_quotas", lambda *_: [6, 5])
    for wanted, expected in (("", 5), ("3", 3), ("64", 5), ("2,4", 2), ("many", 5), ("0", 5)):
        monkeypatch.setenv("OMP_NUM_THREADS", wanted)
        assert cores() == expected
