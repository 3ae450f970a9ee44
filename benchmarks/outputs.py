"""Write the real output of the commands on a page into it.

    python benchmarks/outputs.py                      # README.md
    python benchmarks/outputs.py docs/dynamics.md     # another page, or more

Text between ``<!-- output: COMMAND -->`` and ``<!-- end -->`` is what COMMAND prints here, in 80 columns. What commands
keep is kept; set BSCT_ZOO_CACHE to an empty folder to measure anew.
"""

import argparse
import os
import platform
import re
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

from pages import fill

from bsct_zoo.evaluation.machine import machine
from bsct_zoo.models.naming import parse_model

README = Path(__file__).parents[1] / "README.md"
ALIKE = ("mace", "nequip", "equiformer", "transformer", "transformer:paper")
COMMAND = re.compile(r"<!-- output: (.*?) -->\n")


def main() -> None:
    """Fill every block of every page, each as soon as it is there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", type=Path, default=[README])
    for page in parser.parse_args().pages:
        for command in COMMAND.findall(page.read_text()):
            fill(page, f"output: {command}", output(command))


def output(command: str) -> str:
    """What ``command`` prints, and how long it took."""
    if command == "cards":
        return cards()
    busy = os.getloadavg()[0]
    clock = time.perf_counter()
    print("$", command, file=sys.stderr)
    done = subprocess.run(command, shell=True, stdout=subprocess.PIPE, text=True, env=os.environ | {"COLUMNS": "80"})
    if done.returncode not in (0, 1):  # 1: some model failed at something, and its row says so
        sys.exit(done.returncode)
    seconds = time.perf_counter() - clock
    facts = machine("cpu")
    cores = f"{facts['cores']} core{'s' * (facts['cores'] != 1)} of {facts['processor']}"
    where = f"{cores}, Python {platform.python_version()}, torch {version('torch')}"
    if busy > 0.5:
        where += f", load {busy:.1f} before it"
    text = "\n".join(line.rstrip() for line in done.stdout.splitlines())
    return f"```text\n{text}\n```\n\n`{command}` took {seconds:.0f} s on {where}.\n"


def cards() -> str:
    """Errors of the shipped checkpoints, from their cards."""
    lines = [
        "| model | parameters | steps | E valid | F valid | E test | F test | F test, MD frames |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name in ALIKE:
        notes = parse_model(name).card.notes
        valid, test = notes["valid"]["all"], notes["test"]["all"]
        values = [
            valid["energy_mae_mev_atom"],
            valid["forces_mae_mev_A"],
            test["energy_mae_mev_atom"],
            test["forces_mae_mev_A"],
            notes["test"]["md"]["forces_mae_mev_A"],
        ]
        numbers = " | ".join(f"{value:.1f}" for value in values)
        lines.append(f"| `{name}` | {notes['parameters']:,} | {notes['steps']:,} | {numbers} |")
    (budget,) = {parse_model(name).card.notes["settings"]["budget_s"] for name in ALIKE}
    (processor,) = {parse_model(name).card.notes["machine"]["processor"] for name in ALIKE}
    lines.append(
        "\nMean absolute errors in meV/atom and meV/Å, of the Transformers with the ions that the others do not take; "
        f"{budget:.0f} CPU seconds each on one core of {processor}.\n"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
