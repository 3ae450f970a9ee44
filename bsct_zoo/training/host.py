"""Start a trainer where it can run, and receive its messages."""

from __future__ import annotations

from bsct_zoo.errors import BadInputError, ModelError
from bsct_zoo.evaluation.events import Listener, Message, Progress
from bsct_zoo.plugins.cards import Adapter
from bsct_zoo.runtime.host import WorkerHost
from bsct_zoo.runtime.place import ready_place
from bsct_zoo.runtime.protocol import WorkerMessage
from bsct_zoo.training.job import Trained, TrainingJob

LOG = "train.log"


def run_trainer(adapter: Adapter, job: TrainingJob, listen: Listener) -> Trained:
    """Run ``job`` in its own process, whose CPU time is only the trainer's; it ends with this process.

    It runs this interpreter if that meets the requirements for training, or else that of an environment.

    Raises:
        BadInputError: the family cannot be trained, or its trainer refuses a setting or the data.
        EnvironmentBuildError: the environment cannot be built.
        ModelError: it failed or died; its output is in ``train.log``.
    """
    if adapter.trainer is None:
        raise BadInputError(f"'{adapter.name}' has no trainer in bsct-zoo; use your own weights as {adapter.name}:...")

    def say(text: str) -> None:
        listen(Message(model=adapter.name, text=text))

    python = ready_place(adapter, say, extra=adapter.training_requirements).python
    log = job.out / LOG
    spent_s, cpu_s = None, 0.0  # the trainer's last report, and its CPU time then

    def hear(message: WorkerMessage) -> None:
        nonlocal spent_s, cpu_s
        if message.fields.get("spent_s") is not None:
            spent_s, cpu_s = float(message.fields["spent_s"]), float(message.fields["cpu_s"])
        if spent_s is not None:
            spent = min(spent_s + float(message.fields["cpu_s"]) - cpu_s, job.budget_s)
            listen(Progress(model=adapter.name, done=round(spent), total=round(job.budget_s), unit="CPU s"))
        if message.op == "tell":
            say(str(message.fields["text"]))

    request = WorkerMessage("train", {"trainer": adapter.trainer, "job": job.to_json()})
    try:
        with WorkerHost(
            python, adapter.trainer, module="bsct_zoo.training.child", threads=job.threads, log=log, timeout=None
        ) as host:
            return Trained.from_json(host.ask(request, None, on_message=hear).fields, job.out)
    except ModelError as error:
        raise ModelError(f"{error}; see {log}", error.log_tail) from error
