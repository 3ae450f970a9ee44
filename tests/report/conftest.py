import pytest
from bsct_zoo.evaluation.comparison import Comparison, Row, ScanResult

from bsct_zoo.metrics.catalogue import METRICS

LEVEL = "GFN2-xTB (Te=3000 K)"
GROUPS = ("C-C", "C-N", "C-O", "C-S", "C-P", "N-N", "N-O", "N-P", "O-P")


def make_row(model, base=1.0, *, level=LEVEL, failed=(), empty=(), message="", status=None, **changes):
    """A row whose scan k of every group has ``base * (k + 1)`` for every metric."""
    scans = []
    for group in GROUPS:
        for k in range(2):
            name = f"{group}/{k}"
            if name in failed:
                scans.append(ScanResult(name, group, "failed", "the model does not know Si", {}))
            else:
                values = {metric: None if metric in empty else base * (k + 1) for metric in METRICS}
                scans.append(ScanResult(name, group, "ok", "", values))
    values = {m: [v for s in scans if (v := s.metrics.get(m)) is not None] for m in METRICS}
    n_failed = sum(scan.status == "failed" for scan in scans)
    facts = {
        "model": model,
        "card": "small",
        "checkpoint_sha256": "0" * 64,
        "level_of_theory": level,
        "device": "cpu",
        "dtype": "float32",
        "versions": {"torch": "2.13.0"},
        "status": status or ("ok" if not n_failed else "partial" if n_failed < len(scans) else "failed"),
        "message": message or ("the model does not know Si" if n_failed else ""),
        "seconds": 12.3456 * base,
        "metrics": {m: sum(v) / len(v) if v else None for m, v in values.items()},
        "counts": {m: len(v) for m, v in values.items()},
        "scans": tuple(scans),
    }
    return Row(**{**facts, **changes})


def make_comparison(*rows, **changes):
    facts = {
        "version": "0.1.0",
        "suite": "core",
        "suite_sha256": "a" * 64,
        "suite_level": LEVEL,
        "n_scans": 18,
        "machine": {"cores": 2, "python": "3.11.7"},
        "rows": rows,
        "settings": {"device": "cpu", "seed": 0, "only": None, "limit": None},
    }
    return Comparison(**{**facts, **changes})


@pytest.fixture
def row():
    return make_row


@pytest.fixture
def comparison():
    return make_comparison


@pytest.fixture
def everything():
    """A good model, a better one, one at another level, one that knows less, one that never came up."""
    every = tuple(f"{group}/{k}" for group in GROUPS for k in range(2))
    return make_comparison(
        make_row("mace", 0.002345),
        make_row("transformer", 0.001234, empty=("fsd_compress",)),
        make_row("xtb", 123456.0, level="GFN2-xTB"),
        make_row("partial", 0.5, failed=("C-C/0", "C-C/1", "N-N/0"), message="3 scans failed: it does not know Si"),
        make_row("a-model:/with/a/long/path.model@cutoff=5", failed=every, message="killed | by the kernel"),
    )
