"""The table of docs/conformance.md: what ``bsct-zoo check`` finds of the models that can run at once.

    python benchmarks/conformance.py --keep checked            # print it
    python benchmarks/conformance.py --keep checked --write    # into docs/conformance.md too

What is in the folder ``--keep`` already is not tried again, so that a run that was cut off goes on.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from pages import fill

PAGE = Path(__file__).parents[1] / "docs" / "conformance.md"
MODELS = ("mace", "nequip", "equiformer", "transformer", "fairchem", "sevennet", "chgnet", "xtb")
EMT = "ase:ase.calculators.emt.EMT"


def main() -> None:
    """Check and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=(*MODELS, EMT), help="as for bsct-zoo check")
    parser.add_argument("--keep", type=Path, required=True, help="folder of what was found")
    parser.add_argument("--write", action="store_true", help="into docs/conformance.md")
    arguments = parser.parse_args()
    arguments.keep.mkdir(parents=True, exist_ok=True)
    text = table([checked(model, arguments.keep) for model in arguments.models])
    print(text)
    if arguments.write:
        fill(PAGE, "checked", text)


def checked(model: str, folder: Path) -> dict[str, Any]:
    """What ``bsct-zoo check --json`` says of ``model``, now or at an earlier run."""
    name = re.sub(r"[^\w.-]+", "-", model)
    file = folder / f"{name}.json"
    if not file.exists():
        command = [sys.executable, "-m", "bsct_zoo", "check", model, "--quiet", "--json", str(file)]
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
        if not file.exists():
            sys.exit(f"{model}: {done.stderr.strip()}")
    said: dict[str, Any] = json.loads(file.read_text())
    return said


def table(rows: list[dict[str, Any]]) -> str:
    """In Markdown: counts, then what failed, was reported or skipped, and why."""
    lines = ["| model | passed | failed | reported | skipped |", "|---|---:|---:|---:|---:|"]
    reasons = []
    for row in rows:
        counts = row["counts"]
        cells = [f"`{row['model']}`", *(str(counts[kind]) for kind in ("passed", "failed", "reported", "skipped"))]
        lines.append(f"| {' | '.join(cells)} |")
        for one in row["findings"]:
            if one["status"] != "passed":
                figure = "" if one["figure"] is None else f" {one['figure']:.3g} {one['unit']}".rstrip()
                limit = "" if one["limit"] is None else f" (limit {one['limit']:.3g})"
                said = f"{figure}{limit}" + (f": {one['message']}" if figure and one["message"] else "")
                said = said or f" {one['message']}"
                reasons.append(f"- `{row['model']}`, {one['property']} {one['status']}:{said}")
    versions = sorted({row["bsct_zoo"] for row in rows})
    where = sorted({f"{row['dtype']} on {row['device']}" for row in rows})
    return "\n".join([*lines, "", *reasons, "", f"bsct-zoo {', '.join(versions)}, {', '.join(where)}.", ""])


if __name__ == "__main__":
    main()
