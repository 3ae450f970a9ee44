"""Items of a task shared among the nodes of a Ray cluster; outcomes are sent back as they come.

A node has bsct-zoo and the plugins installed. It makes the environment of a model once, and keeps the model open
between the calls that reach the same process. A process or node that dies is replaced by Ray, and what it was asked
is asked again. Ray sends Python objects as pickles: whoever reaches the cluster can run code on it, and here.
"""

from __future__ import annotations

import contextlib
import logging
import os
import platform
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bsct_zoo.errors import BadInputError, BsctZooError, ModelError
from bsct_zoo.evaluation.answers import Answers
from bsct_zoo.evaluation.context import EngineContext, Opener
from bsct_zoo.evaluation.events import Beat, Listener, Message, Progress, ignore
from bsct_zoo.evaluation.machine import machine
from bsct_zoo.evaluation.pool import asked_alone
from bsct_zoo.evaluation.settings import Settings
from bsct_zoo.models.identity import checkpoint_sha256, identity
from bsct_zoo.models.naming import ModelSpec, parse_model
from bsct_zoo.plugins.tasks import Dtype, Failure, Item, Outcome, Task
from bsct_zoo.potentials.potential import PotentialInfo
from bsct_zoo.runtime.load import package_versions

_RETRIES = 3  # of a call whose process or node died
_POLL_S = 0.2
_AHEAD = 256  # calls of a model that are out at a time: Ray looks at all of them whenever one comes back
_open: dict[str, EngineContext] = {}  # on a node: the one model that this process has open


@dataclass(frozen=True)
class Call:
    """What a node is asked.

    Attributes:
        model: as the user named it; the node reads its card and weights itself.
        dtype, device, timeout, threads, batch_atoms: how it computes; 0 atoms for the default.
        identity: what decides the numbers here; the node must have the same.
        items: what is asked about; none to learn what the model declares.
    """

    model: str
    dtype: Dtype
    device: str
    timeout: float | None
    threads: int
    batch_atoms: int
    identity: dict[str, Any] | None
    items: tuple[Item, ...]


@dataclass(frozen=True)
class Reply:
    """What a node says.

    Attributes:
        info: what the model declares; None if it never came up.
        machine: the node.
        outcomes: of the items.
        fatal: why the model could not be asked at all, and the last output; empty if it could.
    """

    info: PotentialInfo | None
    machine: dict[str, Any]
    outcomes: tuple[tuple[Item, Outcome], ...] = ()
    fatal: tuple[str, str] = ("", "")


@contextlib.contextmanager
def connected(address: str, listen: Listener = ignore) -> Iterator[None]:
    """A connection to the cluster at ``address`` ("auto" for the running one); "local" starts one on this machine.

    Nothing happens where ``address`` is empty.

    Raises:
        BadInputError: Ray is not installed, or there is no cluster.
    """
    if not address:
        yield
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it reports to its makers otherwise
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray
    except ImportError as error:
        raise BadInputError("Ray is not installed; run: pip install 'bsct-zoo[ray]'") from error
    started = not ray.is_initialized()
    if started:
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": False}
        try:
            if address == "local":
                ray.init(include_dashboard=False, **quiet)
            else:
                ray.init(address=address, **quiet)
        except (ConnectionError, ValueError, RuntimeError) as error:
            why = " ".join(str(error).split())[:200]
            raise BadInputError(f"no Ray cluster at '{address}' ({why}); start one with: ray start --head") from error
    listed: Any = ray.nodes
    nodes = [node for node in listed() if node["Alive"]]
    listen(Message(model="ray", task="", row=-1, text=f"{len(nodes)} nodes"))
    try:
        yield
    finally:
        if started:
            ray.shutdown()


def shared_among_nodes(
    spec: ModelSpec,
    task: Task,
    items: Sequence[Item],
    settings: Settings,
    known: dict[str, Any] | None,
    listen: Listener,
    row: int,
) -> Iterator[Reply]:
    """Replies as they come, the first of them with what the model declares.

    Items of scans are shared by ``cluster_items``; a task whose items are one batch, as in dynamics, is one call.

    Raises:
        ModelError: a node has other packages or weights, or cannot load the model.
    """
    import ray

    call = Call(
        spec.typed,
        task.dtype or settings.dtype,
        settings.device,
        settings.timeout,
        max(1, int(settings.cluster_cpus)),
        settings.max_batch_atoms or 0,
        known,
        (),
    )
    size = settings.cluster_items if task.kind == "scans" else max(1, len(items))
    shards = deque(tuple(items[first : first + size]) for first in range(0, len(items), size))
    resources = {"num_cpus": settings.cluster_cpus, "num_gpus": settings.cluster_gpus}
    remote: Any = ray.remote  # whose overloads know no function of our kind
    ask = remote(max_retries=_RETRIES, **resources)(_asked)
    shared = ray.put(task.bare())
    waiting: dict[Any, tuple[Item, ...]] = {}
    done, model, name = 0, spec.text, task.name
    try:
        while shards or waiting:
            while shards and len(waiting) < _AHEAD:
                shard = shards.popleft()
                waiting[ask.remote(replace(call, items=shard), shared)] = shard
            ready, _ = ray.wait(list(waiting), timeout=_POLL_S)
            listen(Beat(model=model, task=name, row=row))
            for reference in ready:
                shard = waiting.pop(reference)
                reply = _received(reference, shard)
                if reply.fatal[0]:
                    raise ModelError(*reply.fatal)
                done += len(shard)
                unit = f"{task.noun}s"
                listen(Progress(model=model, task=name, row=row, done=done, total=len(items), unit=unit))
                yield reply
    finally:
        for reference in waiting:
            ray.cancel(reference, force=True)


def _received(reference: Any, shard: Sequence[Item]) -> Reply:
    """A reply, or that there is none because everything that worked on it died."""
    import ray

    try:
        reply: Reply = ray.get(reference)
        return reply
    except ray.exceptions.RayError as error:
        why = f"the cluster lost it {_RETRIES + 1} times ({type(error).__name__})"
        return Reply(None, {}, tuple((item, Failure(why)) for item in shard))


# -- on a node ---------------------------------------------------------------------------------------------------


def _asked(call: Call, task: Task) -> Reply:
    """Answer ``call`` here; what is wrong with the model is said in the reply."""
    here = machine(call.device)
    try:
        context = _opened(call)
    except BsctZooError as error:
        return Reply(None, here, fatal=(f"on node {platform.node()}: {error}", getattr(error, "log_tail", "")))
    context.task = task.name
    if task.kind == "scans":
        return Reply(
            context.potential.info, here, tuple((item, asked_alone(task, context, item)) for item in call.items)
        )
    # Those that one machine would ask about: they are one batch.
    items = Answers(info=context.potential.info).sorted_out(task, call.items)
    outcomes: list[tuple[Item, Outcome]] = []
    try:
        outcomes += task.run(context, items) if items else ()
    except ModelError as error:
        asked = {item.id for item, _ in outcomes}
        failure = Failure(str(error), error.log_tail)
        outcomes += [(item, failure) for item in items if item.id not in asked]
        context.reopened()
    return Reply(context.potential.info, here, tuple(outcomes))


def _opened(call: Call) -> EngineContext:
    """The model, open in this process; another one that was is closed."""
    key = repr(replace(call, items=()))
    if key not in _open:
        while _open:
            _open.popitem()[1].close()
        spec = parse_model(call.model, trust=True)  # loaded only if its hash is that of the file that was trusted there
        versions = package_versions(spec.adapter)
        mine = identity(spec, checkpoint_sha256(spec), call.device, call.dtype, versions)
        if mine != call.identity:
            raise ModelError(
                f"other packages or weights than where the command was given: {_apart(mine, call.identity)}"
            )
        opener = Opener(spec, call.device, call.dtype, call.timeout, call.threads, True, ignore, 0)
        _open[key] = EngineContext(opener, None, call.batch_atoms)
    return _open[key]


def _apart(mine: dict[str, Any] | None, asked: dict[str, Any] | None) -> str:
    """What differs, in a few words."""
    if mine is None or asked is None:
        return "not known on one side"
    names = [name for name in asked if mine.get(name) != asked[name]]
    return ", ".join(f"{name} {mine.get(name)} for {asked[name]}" for name in names)[:300]
