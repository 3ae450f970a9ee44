"""A Ray cluster of several nodes says what one machine says, also when a node dies in the middle."""

import os
import subprocess
from importlib.util import find_spec
from threading import Thread

import pytest

if find_spec("ray") is None:
    pytest.skip("needs ray", allow_module_level=True)

from bsct_zoo.errors import BadInputError
from bsct_zoo.evaluation import cluster
from bsct_zoo.evaluation.engine import evaluate
from bsct_zoo.evaluation.events import Done, Progress
from bsct_zoo.evaluation.scan_task import ScanTask
from bsct_zoo.evaluation.settings import Settings
from bsct_zoo.models.naming import parse_model
from bsct_zoo.suites.library import open_suite

MODELS = ("transformer", "nep89", "ase:ase.calculators.emt.EMT")


@pytest.fixture(scope="module")
def nodes():
    """Three nodes of one core each, as processes of this machine; a fourth that others may kill."""
    import ray
    from ray.cluster_utils import Cluster

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    for _ in range(2):
        made.add_node(num_cpus=1)
    made.connect()
    yield made
    ray.shutdown()
    made.shutdown()


@pytest.fixture(scope="module")
def task():
    return ScanTask(open_suite("core").select(limit=14))


@pytest.fixture
def one_thread(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def numbers(results):
    """All that decides a table, without times and machines."""
    return [
        (row.model, [(one.id, one.status, dict(one.metrics)) for one in row.evaluations["core"].records])
        for row in results.rows
    ]


def busy(nodes):
    """A node, not the head, that has a call in its hand; None if there is none."""
    from ray._private.state import available_resources_per_node

    free = available_resources_per_node()
    others = [node for node in nodes.list_all_nodes() if node is not nodes.head_node]
    return next((node for node in others if free.get(node.node_id, {}).get("CPU", 0) == 0), None)


def lose(nodes, node):
    """All that a node runs is gone at once, as when it loses its power."""
    raylet = node.all_processes["raylet"][0].process.pid
    subprocess.run(["pkill", "-9", "-P", str(raylet)], check=True)
    nodes.remove_node(node, allow_graceful=False)


def settings(folder, **more):
    return Settings(folder=folder, private=True, cluster_items=2, jobs=len(MODELS), **more)


def test_a_node_that_is_killed_in_the_middle_costs_nothing(nodes, task, tmp_path, one_thread):
    specs = [parse_model(name) for name in MODELS]
    here = evaluate(specs, [task], Settings(folder=tmp_path / "here", private=True))
    killed, done = [], []

    def listen(event):
        if isinstance(event, Progress) and event.done and not killed and (doomed := busy(nodes)):
            killed.append(doomed)
            Thread(target=lose, args=(nodes, doomed)).start()
        if isinstance(event, Done):
            done.append((event.model, event.cached))

    there = evaluate(specs, [task], settings(tmp_path / "there", cluster="auto"), listen=listen)
    assert killed and len(nodes.list_all_nodes()) == 2
    assert numbers(there) == numbers(here)  # to the bit
    assert {name for name, cached in done if not cached} == set(MODELS)
    again: list[str] = []
    kept = evaluate(
        specs,
        [task],
        Settings(folder=tmp_path / "there", private=True),
        listen=lambda event: again.append(event.model) if isinstance(event, Done) and event.cached else None,
    )
    assert numbers(kept) == numbers(here) and set(again) == set(MODELS)  # all of it lies in the one store


def test_a_node_with_other_weights_is_not_used(nodes, task, tmp_path, monkeypatch):
    right = cluster.identity
    monkeypatch.setattr("bsct_zoo.evaluation.model.identity", lambda *words: {**right(*words), "checkpoint": "another"})
    results = evaluate([parse_model("transformer")], [task], settings(tmp_path, cluster="auto"))
    (evaluation,) = results.rows[0].evaluations.values()
    assert evaluation.status == "failed"
    assert "other packages or weights than where the command was given: checkpoint" in evaluation.message


def test_no_cluster_is_one_line(monkeypatch):
    import ray

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", lambda **_: (_ for _ in ()).throw(ConnectionError("nobody there")))
    with (
        pytest.raises(BadInputError, match=r"no Ray cluster at 'auto' \(nobody there\); start one with: ray start"),
        cluster.connected("auto"),
    ):
        pass
