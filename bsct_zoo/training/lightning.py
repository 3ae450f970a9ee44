"""BSCT in a Lightning loop, for any model that can be wrapped as a ``Potential``.

    from bsct_zoo.training.lightning import SmoothnessCallback

    callback = SmoothnessCallback(lambda module: MyPotential(module), suite="core")
    stop = EarlyStopping(monitor="bsct/fsd", patience=5)
    keep = ModelCheckpoint(monitor="bsct/fsd", mode="min")
    Trainer(callbacks=[callback, stop, keep])            # the callback before those that listen to it

An ASE calculator becomes a ``Potential`` by ``bsct_zoo.potentials.bridges.CalculatorPotential``.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

try:
    from lightning.pytorch import Callback
except ImportError:  # the same under its old name
    from pytorch_lightning import Callback  # type: ignore[assignment, unused-ignore]

from bsct_zoo.errors import BadInputError
from bsct_zoo.potentials.potential import Potential
from bsct_zoo.suites.scan import Scan
from bsct_zoo.suites.suite import Suite
from bsct_zoo.training.smoothness import Smoothness, score, subset

SHARE = 0.05  # of the time of training


class SmoothnessCallback(Callback):
    """Scores FSD on part of a suite every so many steps, and logs ``bsct/fsd``, ``.../compress``, ``.../stretch``.

    It measures the cost of a score and skips turns to stay below its share of the time since training began; before
    the first score, one scan estimates the cost of all. With several processes the first
    one decides and scores, and all log the same.

    Attributes:
        last: the latest score; None before the first.
        spent_s: seconds of all scores, including those of earlier parts of a run.
    """

    def __init__(
        self,
        potential_of: Callable[[Any], Potential],
        suite: str | Suite = "core",
        *,
        every_n_steps: int = 200,
        scans: int | None = 9,
        share: float = SHARE,
        name: str = "bsct",
        on_score: Callable[[int, Smoothness], None] | None = None,
    ) -> None:
        """Score ``potential_of(module)`` every ``every_n_steps`` steps of the optimiser, if the ``share`` allows.

        Args:
            potential_of: makes a potential of the present module; it is closed after the score. It may wrap the
                module itself, whose mode (train, eval) and gradient mode are restored.
            suite: a name, a file, or the suite itself.
            every_n_steps: smallest distance between two scores.
            scans: maximum number, spread over the suite's groups; None for all.
            share: the largest fraction of the time for scores, above 0 to 1.
            name: prefix of the logged figures.
            on_score: called with each score and its step.

        Raises:
            BadInputError: a number is out of range.
        """
        if every_n_steps < 1 or not 0 < share <= 1:
            raise BadInputError("every_n_steps must be 1 or more, and share above 0 to 1")
        self.potential_of, self.suite, self.every_n_steps, self.limit = potential_of, suite, every_n_steps, scans
        self.share, self.name, self.on_score = share, name, on_score
        self.last: Smoothness | None = None
        self.spent_s = 0.0
        self._before_s, self._expected_s = 0.0, 0.0
        self._scans: tuple[Scan, ...] = ()
        self._step = 0
        self._begun: float | None = None

    @property
    def elapsed_s(self) -> float:
        """Seconds of training so far, including scores and earlier parts of the run."""
        return self._before_s + (0.0 if self._begun is None else perf_counter() - self._begun)

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Start the clock."""
        self._begun = perf_counter()
        self._step = trainer.global_step

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """Score if it is due."""
        step = trainer.global_step
        if step == self._step or step % self.every_n_steps:  # with accumulated gradients a step has several batches
            return
        self._step = step
        smoothness = self._scored(pl_module) if trainer.is_global_zero else None
        smoothness = trainer.strategy.broadcast(smoothness)
        if smoothness is not None:
            self.last = smoothness
            # To the loggers, and to ``trainer.callback_metrics``, where it stays until the next score.
            figures = {f"{self.name}/{key}": getattr(smoothness, key) for key in ("fsd", "compress", "stretch")}
            pl_module.log_dict(figures, on_step=True, on_epoch=False, batch_size=1)
            if self.on_score is not None and trainer.is_global_zero:
                self.on_score(step, smoothness)

    def state_dict(self) -> dict[str, Any]:
        """The state that a resumed run needs."""
        return {"elapsed_s": self.elapsed_s, "spent_s": self.spent_s, "expected_s": self._expected_s}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the time spent."""
        self._before_s, self.spent_s = float(state_dict["elapsed_s"]), float(state_dict["spent_s"])
        self._expected_s = float(state_dict["expected_s"])

    def _scored(self, module: Any) -> Smoothness | None:
        """A score, or None if there is no time for it."""
        if self._expected_s and not self._fits(self._expected_s):
            return None
        clock = perf_counter()
        training = {part: part.training for part in module.modules()}
        learning = [parameter for parameter in module.parameters() if parameter.requires_grad]
        try:
            with self.potential_of(module) as potential:
                if not self._scans:
                    self._scans = subset(self.suite, self.limit, potential.info.elements)
                if not self._expected_s:
                    self._expected_s = len(self._scans) * score(potential, self._scans[:1]).seconds
                    if not self._fits(self._expected_s):
                        self.spent_s += perf_counter() - clock
                        return None
                smoothness = score(potential, self._scans)
        finally:
            for part, mode in training.items():
                part.training = mode
            for parameter in learning:
                parameter.requires_grad_(True)
        cost = perf_counter() - clock
        self.spent_s += cost
        self._expected_s = cost
        return smoothness

    def _fits(self, seconds: float) -> bool:
        """Whether another score of ``seconds`` keeps scores within their share of the time."""
        return self.spent_s + seconds <= self.share * (self.elapsed_s + seconds)
