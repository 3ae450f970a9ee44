"""Which metric sees which defect, from which strength on: ``python benchmarks/defects.py`` writes docs/defects.md."""

from __future__ import annotations

import sys
from pathlib import Path

from bsct_zoo.evaluation.defects import DEFECTS, STRENGTHS, detection

# One of each kind; the ranges of FSD and of the errors differ by where the defect sits.
SHOWN = (
    *("fsd_full", "forces_mae_full", "energy_mae_aligned_full", "nonconservativity", "tortuosity", "energy_jump"),
    *("force_flips", "extra_minima", "force_roughness"),
)
PAGE = Path(__file__).parents[1] / "docs" / "defects.md"
TEXT = """# What a metric sees, and from when on

Each defect below was planted, at growing strength, onto a smooth model of ethane pulled at its C-C bond, whose
parameters are 0.2 to 2.5 % off those of its reference. A number is the smallest strength from which on the metric is
more than twice as far from perfect as for the model without the defect (for counts: one more); – means that it never
was, up to a strength of {largest:g}. Strengths were tried at half-decades from {smallest:g} up; noise was drawn five
times and had to be seen each time.

{table}

| defect | unit of strength | what it is |
|---|---|---|
{defects}

What to read from it:

- **FSD** sees a force that changes too fast for its size, from a few tenths of an eV/Å on. It does not see an energy
  that jumps while the forces do not know: a bare cut-off leaves it untouched.
- **Non-conservativity** sees just that, and forces that are scaled; it does not see a force that does no work along
  the scan.
- **Force roughness** is the most sensitive to ripples, wells and noise, needs no reference, and is blind to everything
  that is smooth.
- **Counts** (flips, minima) notice late, and what they notice is what traps a simulation.
- No single number sees everything; look at one of each kind.

Made by `python benchmarks/defects.py` (no model takes part, so it is the same on every machine); a test holds it
against `bsct_zoo.evaluation.defects`.
"""


def page() -> str:
    """The page with the table, made anew."""
    found = detection()
    names = [defect.name for defect in DEFECTS]
    lines = ["| metric | " + " | ".join(names) + " |", "|---|" + "---:|" * len(names)]
    for metric in SHOWN:
        cells = ["–" if (at := found[metric][name]) is None else f"{at:g}" for name in names]
        lines.append(f"| `{metric}` | " + " | ".join(cells) + " |")
    defects = "\n".join(f"| {d.name} | {d.unit} | {d.what} |" for d in DEFECTS)
    return TEXT.format(largest=STRENGTHS[-1], smallest=STRENGTHS[0], table="\n".join(lines), defects=defects)


if __name__ == "__main__":
    PAGE.write_text(page())
    sys.stdout.write(page())
