"""Scripts that no other test runs compile, and what they import is there."""

import importlib.util
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = sorted(
    path
    for pattern in ("benchmarks/*.py", "experiments/**/*.py", "suites/making.py", "suites/*/make_*.py", "docs/*.py")
    for path in ROOT.glob(pattern)
)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_it_imports(path, monkeypatch):
    if path.is_relative_to(ROOT / "suites"):
        pytest.importorskip("rdkit")
    for folder in (ROOT, ROOT / "benchmarks", path.parent):
        monkeypatch.syspath_prepend(folder)
    spec = importlib.util.spec_from_file_location(f"script_{path.stem}", path)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    assert module.__doc__
