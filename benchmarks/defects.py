"""Which metric sees which defect, from which strength on: ``python benchmarks/defects.py`` writes docs/defects.md."""

from __future__ import annotations

import sys
from pathlib import Path

from planted_defects import DEFECTS, STRENGTHS, detection

# One of each kind; the ranges of FSD and of the errors differ by where the defect sits.
SHOWN = (
    *("fsd_full", "forces_mae_full", "energy_mae_aligned_full", "nonconservativity", "tortuosity", "energy_jump"),
    *("force_flips", "extra_minima", "force_roughness", "fsd_own_zero", "fsd_outside", "path_residual"),
)
PAGE = Path(__file__).parents[1] / "docs" / "defects.md"
TEXT = """# What each metric detects

Each defect below was planted, at increasing strength, in a smooth model of ethane with its C-C bond
stretched; the model's parameters differ from its reference by 0.2 to 2.5 %. A number is the
smallest strength from which the metric is more than twice as far from perfect as without the defect
(for counts: one more). A dash means that it never is, up to a strength of {largest:g}. Strengths were tried
at half-decades from {smallest:g}; noise was drawn five times and had to be detected each time.

{table}

| defect | unit of strength | what it is |
|---|---|---|
{defects}

Conclusions:

- **FSD** detects a force that changes too fast for its size, from a few tenths of an eV/Å. It does
  not detect an energy jump that the forces do not show: a bare cut-off leaves it unchanged.
- **Non-conservativity** detects exactly that, and scaled forces. It does not detect a force that
  does no work along the scan.
- **Force roughness** is the most sensitive metric to ripples, wells and noise. It needs no
  reference, and is blind to everything smooth.
- **Path residual** detects a step of the energy ten times as small as non-conservativity does, and
  where it is. It needs no reference.
- **FSD away from the equilibrium** (`fsd_outside`), and with the model's own zero, detect three to ten
  times smaller defects than FSD, whose maximum is made at the equilibrium ([why](fsd.md)).
- **Counts** (flips, minima) react late, but what they detect traps a simulation.
- No single number detects everything; look at one of each kind.

Made by `python benchmarks/defects.py`, which runs no model and gives the same numbers on every
machine; a test compares the table with `benchmarks/planted_defects.py`.
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
