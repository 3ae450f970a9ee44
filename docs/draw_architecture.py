"""Draw the units of ``bsct_zoo`` and their imports, read from the code: ``python docs/draw_architecture.py``.

The order is that of the import contract in pyproject.toml: a unit stands below the units that it may import. A dot says
that the unit of the row imports the unit of the column; its size grows with the number of importing modules. A dot is
red for an import from the wrong side, and grey if the contract allows that one.
"""

from __future__ import annotations

import argparse
import ast
import tomllib
from collections import Counter
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
CORE = ROOT / "bsct_zoo"
PICTURE = ROOT / "docs" / "architecture.svg"
ROW, NAME, WHAT, LEFT, TOP = 26, 110, 480, 16, 96


def contract() -> dict[str, Any]:
    """The import contract of the units."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    return next(one for one in contracts if one.get("containers") == ["bsct_zoo"])


def units() -> list[str]:
    """Units from the ground up."""
    names = [name.strip() for layer in reversed(contract()["layers"]) for name in layer.split("|")]
    return [name for name in names if not name.startswith("__")]


UNITS = units()


def imports() -> Counter[tuple[str, str]]:
    """How many modules of one unit import another one; imports for type checkers alone do not count.

    Raises:
        SystemExit: the import contract misses a unit.
    """
    edges: Counter[tuple[str, str]] = Counter()
    for path in sorted(CORE.rglob("*.py")):
        unit = path.relative_to(CORE).parts[0].removesuffix(".py")
        if unit.startswith("__"):
            continue
        if unit not in UNITS:
            raise SystemExit(
                f"{path.relative_to(ROOT)} is in no layer of the import contract; add '{unit}' to pyproject.toml"
            )
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imported = {name.split(".")[1] for name in _modules(tree) if name.startswith("bsct_zoo.")}
        edges.update((unit, other) for other in imported if other != unit and other in UNITS)
    return edges


def _modules(tree: ast.AST) -> Iterator[str]:
    """Modules that are imported at run time, wherever the statement stands."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        yield from _modules(node)


def summary(unit: str) -> str:
    """The first line of the unit's docstring."""
    path = CORE / unit / "__init__.py" if (CORE / unit).is_dir() else CORE / f"{unit}.py"
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0].rstrip(".").replace("``", "")


def picture() -> str:
    """The picture as SVG; the same for the same code."""
    edges = imports()
    allowed = {line.split(".")[1] for line in contract().get("ignore_imports", [])}
    x0 = LEFT + NAME + WHAT
    width, height = x0 + ROW * len(UNITS) + 40, TOP + ROW * len(UNITS) + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="Helvetica, Arial, sans-serif" font-size="13">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    for i, unit in enumerate(UNITS):
        y, x = TOP + ROW * i, x0 + ROW * i
        if i % 2 == 0:
            parts.append(f'<rect x="0" y="{y}" width="{width}" height="{ROW}" fill="#f4f6f8"/>')
        parts.append(f'<text x="{LEFT}" y="{y + 17}" font-weight="bold" fill="#123">{unit}</text>')
        parts.append(f'<text x="{LEFT + NAME}" y="{y + 17}" fill="#445">{escape(summary(unit))}</text>')
        parts.append(f'<rect x="{x + 2}" y="{y + 2}" width="{ROW - 4}" height="{ROW - 4}" rx="4" fill="#c9d6e2"/>')
        turned = f"translate({x + 17} {TOP - 8}) rotate(-60)"
        parts.append(f'<text transform="{turned}" fill="#445">{unit}</text>')
    for (unit, other), count in sorted(edges.items()):
        row, column = UNITS.index(unit), UNITS.index(other)
        colour = "#1f6f9f" if column < row else "#999" if unit in allowed else "#c22"
        x, y = x0 + ROW * column + ROW // 2, TOP + ROW * row + ROW // 2
        radius = min(10.0, 3 + count**0.5)
        modules = "module" if count == 1 else "modules"
        parts.append(
            f'<circle cx="{x}" cy="{y}" r="{radius:.1f}" fill="{colour}">'
            f"<title>{unit} imports {other} in {count} {modules}</title></circle>"
        )
    legend = "A dot: the unit of the row imports the unit of the column. Larger: in more modules. "
    legend += "Grey: an exception of the contract. Red: the wrong way."
    parts.append(f'<text x="{LEFT}" y="{height - 14}" fill="#667">{legend}</text>')
    return "\n".join([*parts, "</svg>", ""])


def main() -> None:
    """Write the picture, or say with ``--check`` whether the committed one is up to date."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="exit with 1 if the committed picture is out of date")
    if parser.parse_args().check:
        raise SystemExit(int(PICTURE.read_text(encoding="utf-8") != picture()))
    PICTURE.write_text(picture(), encoding="utf-8")
    print(f"wrote {PICTURE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
