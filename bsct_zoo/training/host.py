"""Start a trainer where it can run, and receive its messages."""

from __future__ import annotations

from bsct_zoo.errors import BadInputError, ModelError
from bsct_zoo.evaluation.events import Listener, Message, Progress
from bsct_zoo.plugins.cards import Adapter
from bsct_zoo.runtime import place
from bsct_zoo.runtime.host import WorkerHost
from bsct_zoo.runtime.protocol import WorkerMessage
from bsct_zoo.runtime.uv_tool import OnEvent
from bsct_zoo.training.card import trained_from
from bsct_zoo.training.child import job_fields
from bsct_zoo.training.job import Trained, TrainingJob

LOG = "train.log"


def python_for(adapter: Adapter, say: OnEvent) -> str:
    """The interpreter that meets the requirements for training ``adapter``: this one, or that of an environment.

    Raises:
        BadInputError: the family cannot be trained.
        EnvironmentBuildError: the environment cannot be built.
    """
    if adapter.trainer is None:
        raise BadInputError(f"'{adapter.name}' has no trainer in bsct-zoo; use your own weights as {adapter.name}:...")
    return place.python_for(adapter, say, extra=adapter.training_requirements)


def run_trainer(python: str, adapter: Adapter, job: TrainingJob, listen: Listener) -> Trained:
    """Run ``job`` in its own process, whose CPU time is only the trainer's; it ends with this process.

    Raises:
        BadInputError: the trainer refuses a setting or the data.
        ModelError: it failed or died; its output is in ``train.log``.
    """
    assert adapter.trainer is not None
    log = job.out / LOG
    clock = _Clock(adapter.name, job.budget_s, listen)

    def hear(message: WorkerMessage) -> None:
        clock.hear(message)
        if message.op == "tell":
            listen(Message(model=adapter.name, text=str(message.fields["text"])))

    request = WorkerMessage("train", {"trainer": adapter.trainer, "job": job_fields(job)})
    try:
        with WorkerHost(
            python, adapter.trainer, module="bsct_zoo.training.child", threads=job.threads, log=log, timeout=None
        ) as host:
            return trained_from(host.ask(request, None, on_message=hear).fields, job.out)
    except ModelError as error:
        raise ModelError(f"{error}; see {log}", error.log_tail) from error


class _Clock:
    """The budget spent so far: the trainer's last report, and its CPU time since."""

    def __init__(self, name: str, budget_s: float, listen: Listener) -> None:
        self.name, self.budget_s, self.listen = name, budget_s, listen
        self.spent_s, self.cpu_s = 0.0, 0.0
        self.begun = False

    def hear(self, message: WorkerMessage) -> None:
        cpu_s, spent_s = float(message.fields["cpu_s"]), message.fields.get("spent_s")
        if spent_s is not None:
            self.spent_s, self.cpu_s, self.begun = float(spent_s), cpu_s, True
        if self.begun:
            spent = min(self.spent_s + cpu_s - self.cpu_s, self.budget_s)
            self.listen(Progress(model=self.name, done=round(spent), total=round(self.budget_s), unit="CPU s"))
