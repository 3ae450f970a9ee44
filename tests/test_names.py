"""No two modules of the core define a public class of the same name."""

import ast
from collections import defaultdict
from pathlib import Path

CORE = Path(__file__).parents[1] / "bsct_zoo"


def public_classes():
    """Where each public class is defined, by its name."""
    modules = defaultdict(list)
    for path in sorted(CORE.rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                modules[node.name].append(str(path.relative_to(CORE.parent)))
    return modules


def test_public_class_names_are_unique():
    clashes = {name: places for name, places in public_classes().items() if len(places) > 1}
    text = "\n".join(f"  {name}: {', '.join(places)}" for name, places in sorted(clashes.items()))
    assert not clashes, f"{len(clashes)} class names are defined more than once; rename all but one of each:\n{text}"
