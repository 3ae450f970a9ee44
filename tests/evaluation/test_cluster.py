"""A Ray cluster of several nodes says what one machine says, also when a node dies in the middle."""

import os
import time
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


def settings(folder, **more):
    return Settings(folder=folder, private=True, cluster_items=2, jobs=len(MODELS), **more)


def test_a_node_that_is_killed_in_the_middle_costs_nothing(nodes, task, tmp_path, one_thread):
    specs = [parse_model(name) for name in MODELS]
    here = evaluate(specs, [task], Settings(folder=tmp_path / "here", private=True))
    doomed = nodes.list_all_nodes()[-1]
    killed, done = [], []

    def listen(event):
        if isinstance(event, Progress) and event.done and not killed:
            killed.append(time.monotonic())
            Thread(target=nodes.remove_node, args=(doomed,), kwargs={"allow_graceful": False}).start()
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
    monkeypatch.setattr(
        "bsct_zoo.evaluation.engine.identity", lambda *words: {**right(*words), "checkpoint": "another"}
    )
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
