"""BSCT in a training loop: the figure itself, and the callback in real runs of Lightning."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader

pytest.importorskip("lightning")

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint

from bsct_zoo.atoms.batch import AtomsBatch
from bsct_zoo.errors import BadInputError
from bsct_zoo.metrics.fsd import fsd
from bsct_zoo.potentials.potential import Potential, PotentialInfo, Prediction
from bsct_zoo.suites.library import open_suite
from bsct_zoo.training.lightning import SmoothnessCallback
from bsct_zoo.training.smoothness import score, subset

CORE = open_suite("core")


class Recall(Potential):
    """Answers with the reference of a suite, times a factor that may jump, as a model that learned it by heart."""

    def __init__(self, factor=lambda energies: 1.0):
        self.factor, self.closed = factor, 0
        self.info = PotentialInfo(None, None, "float64", "cpu", "direct", "recalled", "MIT")
        self.known = {x.tobytes(): f for scan in CORE.scans for x, f in zip(scan.positions, scan.forces, strict=True)}

    def compute(self, batch: AtomsBatch) -> Prediction:
        forces = [torch.tensor(self.known[one.positions.numpy().tobytes()]) for one in batch.split()]
        return Prediction(torch.zeros(batch.n_systems, dtype=torch.float64), self.factor(1) * torch.cat(forces))

    def close(self):
        self.closed += 1


def test_the_reference_itself_scores_zero():
    found = score(Recall(), "core", limit=4)
    assert (found.fsd, found.compress, found.stretch, found.scans) == (0, 0, 0, 4) and found.seconds > 0


def test_the_figure_is_the_mean_of_fsd_over_the_scans():
    scans = subset("core", limit=5)
    assert len({scan.group for scan in scans}) == 5  # spread over the groups
    found = score(Recall(lambda _: 3.0), scans)
    by_hand = [fsd(s.coordinate, 3 * s.forces, s.forces, s.energy) for s in scans]
    for name in ("full", "compress", "stretch"):
        expected = np.mean([one[name] for one in by_hand])
        assert (found.fsd if name == "full" else getattr(found, name)) == pytest.approx(expected, rel=1e-9)


def test_it_is_what_compare_says():
    """The same model through the whole of the command's machinery."""
    from bsct_zoo.evaluation.scoring import score_scan

    scan = subset("core", limit=1)[0]
    wanted = score_scan(scan, scan.energy, 1.5 * scan.forces)
    assert score(Recall(lambda _: 1.5), [scan]).fsd == pytest.approx(wanted["fsd_full"], rel=1e-9)


def test_an_answer_that_is_no_number_is_infinitely_rough_and_not_averaged_away():
    assert score(Recall(lambda _: math.nan), "core", limit=2).fsd == math.inf


def test_scans_with_other_elements_are_not_asked_for():
    scans = subset("core", limit=None, elements=frozenset({1, 6, 8}))
    assert scans and all(set(scan.atomic_numbers) <= {1, 6, 8} for scan in scans)
    with pytest.raises(BadInputError, match="no scan with a reference and with elements"):
        subset("core", elements=frozenset({1}))
    with pytest.raises(BadInputError, match="did you mean core"):
        subset("cor")


class Learner(LightningModule):
    """One number that goes to one: the factor of the recalled forces."""

    def __init__(self, pause=0.0):
        super().__init__()
        self.factor, self.pause = nn.Parameter(torch.tensor(3.0, dtype=torch.float64)), pause
        self.inner = nn.Dropout()
        self.seen = []

    def training_step(self, _, __):
        from time import sleep

        sleep(self.pause)
        self.seen.append((self.training, self.inner.training, self.factor.requires_grad))
        return (self.factor - 1) ** 2

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)

    def potential(self):
        self.eval()
        self.requires_grad_(False)  # as adapters do
        return Recall(lambda _: float(self.factor))


def fit(module, callbacks, epochs=4, batches=10, **options):
    trainer = Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        callbacks=callbacks,
        enable_progress_bar=False,
        enable_model_summary=False,
        enable_checkpointing=any(isinstance(one, ModelCheckpoint) for one in callbacks),
        **options,
    )
    trainer.fit(module, DataLoader(torch.zeros(batches), batch_size=1))
    return trainer


def test_it_scores_logs_and_leaves_the_module_as_it_was(tmp_path):
    module, told = Learner(), []
    callback = SmoothnessCallback(
        Learner.potential, every_n_steps=10, scans=2, share=1.0, on_score=lambda step, found: told.append((step, found))
    )
    trainer = fit(module, [callback], default_root_dir=tmp_path)
    assert [step for step, _ in told] == [10, 20, 30, 40]
    values = [found.fsd for _, found in told]
    assert values == sorted(values, reverse=True) and values[-1] < 0.1 * values[0]
    assert trainer.callback_metrics["bsct/fsd"].item() == pytest.approx(values[-1], rel=1e-6)
    assert {"bsct/compress", "bsct/stretch"} <= trainer.callback_metrics.keys()
    assert module.seen == [(True, True, True)] * 40  # after each score too


def test_stopping_and_keeping_can_listen_to_it(tmp_path):
    """The factor turns round after two epochs: the best checkpoint is the one from before, and the run stops."""
    module = Learner()
    module.training_step = lambda *_: (-1.0 if module.trainer.current_epoch > 1 else 1.0) * (module.factor - 1) ** 2
    keep = ModelCheckpoint(tmp_path, monitor="bsct/fsd", mode="min", filename="{epoch}")
    stop = EarlyStopping(monitor="bsct/fsd", patience=1, check_on_train_epoch_end=True)
    callback = SmoothnessCallback(Learner.potential, every_n_steps=10, scans=1, share=1.0)
    trainer = fit(module, [callback, stop, keep], epochs=9, default_root_dir=tmp_path)
    assert trainer.current_epoch == 3 and "epoch=1" in keep.best_model_path


def test_what_was_logged_stays_until_the_next_score(tmp_path):
    """Who listens at the end of an epoch without a score hears the one before."""
    heard = []

    class Listen(SmoothnessCallback):
        def on_train_epoch_end(self, trainer, _):
            heard.append(trainer.callback_metrics.get("bsct/fsd", torch.tensor(-1.0)).item())

    callback = Listen(Learner.potential, every_n_steps=20, scans=1, share=1.0)
    fit(Learner(), [callback], epochs=5, default_root_dir=tmp_path)
    assert heard[0] == -1 and heard[1] == heard[2] > heard[3] == heard[4] > 0


def test_it_stays_below_its_share(tmp_path):
    """Steps of 10 ms, a turn at each, until there are three scores: most turns pass, and scores keep to their share."""
    module, told = Learner(pause=0.01), []

    def on_score(*one):
        told.append(one)
        module.trainer.should_stop = len(told) == 3

    callback = SmoothnessCallback(Learner.potential, every_n_steps=1, scans=1, share=0.01, on_score=on_score)
    trainer = fit(module, [callback], epochs=1, batches=20_000, default_root_dir=tmp_path)
    assert len(told) == 3 and trainer.global_step > 3
    before_the_last = callback.spent_s - callback.last.seconds  # that one may have taken longer than it was held for
    assert before_the_last <= 0.01 * callback.elapsed_s


def test_a_run_that_is_too_short_for_a_score_has_none(tmp_path):
    callback = SmoothnessCallback(Learner.potential, every_n_steps=1, scans=None, share=1e-6)
    trainer = fit(Learner(), [callback], epochs=1, default_root_dir=tmp_path)
    assert callback.last is None and "bsct/fsd" not in trainer.callback_metrics


def test_a_run_that_goes_on_knows_what_was_spent():
    callback = SmoothnessCallback(Learner.potential)
    callback.load_state_dict({"elapsed_s": 100.0, "spent_s": 4.0, "expected_s": 0.5})
    assert callback.state_dict() == {"elapsed_s": 100.0, "spent_s": 4.0, "expected_s": 0.5}


@pytest.mark.parametrize("wrong", [{"every_n_steps": 0}, {"share": 0}, {"share": 1.5}])
def test_numbers_out_of_range(wrong):
    with pytest.raises(BadInputError, match="every_n_steps must be 1 or more"):
        SmoothnessCallback(Learner.potential, **wrong)
