import pytest
from made import LEVEL, evaluation, results

from bsct_zoo.evaluation.results import ModelResult, Record
from bsct_zoo.metrics.catalogue import METRICS

GROUPS = ("C-C", "C-N", "C-O", "C-S", "C-P", "N-N", "N-O", "N-P", "O-P")


def make_row(model, base=1.0, *, level=LEVEL, failed=(), empty=(), message="", **changes):
    """A model whose scan k of every group has ``base * (k + 1)`` for every metric."""
    records = []
    for group in GROUPS:
        for k in range(2):
            name = f"{group}/{k}"
            if name in failed:
                reason = "the model does not know Si"
                records.append(Record(id=name, group=group, status="failed", message=reason, metrics={}))
            else:
                values = {metric: None if metric in empty else base * (k + 1) for metric in METRICS}
                missing = {"no reference": list(empty)} if empty else {}
                records.append(Record(id=name, group=group, status="ok", metrics=values, missing=missing))
    said = {"message": message} if message else {}
    return ModelResult(
        model=model,
        card="small",
        checkpoint_sha256="0" * 64,
        level_of_theory=level,
        evaluations={"core": evaluation(records, seconds=12.3456 * base, **said, **changes)},
    )


@pytest.fixture
def row():
    return make_row


@pytest.fixture
def comparison():
    return results


@pytest.fixture
def everything():
    """A good model, a better one, one at another level, one that knows less, one that never came up."""
    every = tuple(f"{group}/{k}" for group in GROUPS for k in range(2))
    return results(
        make_row("mace", 0.002345),
        make_row("transformer", 0.001234, empty=("fsd_compress",)),
        make_row("xtb", 123456.0, level="GFN2-xTB"),
        make_row("partial", 0.5, failed=("C-C/0", "C-C/1", "N-N/0"), message="3 scans failed: it does not know Si"),
        make_row("a-model:/with/a/long/path.model@cutoff=5", failed=every, message="killed | by the kernel"),
    )
