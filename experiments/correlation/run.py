"""Does smoothness along bonds predict energy conservation? ``python experiments/correlation/run.py`` from the root.

Every model of a list is judged on the ``core`` suite and in molecular dynamics, and the figures are correlated over
models. Three commands of bsct-zoo do it all; what they computed is kept, so the same command goes on where it stopped,
and a model added to the list costs that model alone. Everything that the commands wrote is put into ``--out``.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent

# Eight small molecules with H C N O F S, one run of 4000 steps of each: about a minute of CPU time a model. Started at
# 1000 K, so that they stay near 500 K and reach further up the walls of bonds than at room temperature. Steps are half
# of the usual 0.5 fs: at the same number of steps the integrator's own fluctuation is a quarter and its largest jump an
# eighth, and what is left is the model's. The error of a drift falls as the time to the power of 1.5: --time.
MOLECULES = ("CH3OH", "NH3", "CH3CN", "HCOOH", "H2CO", "CH3SH", "H2CF2", "C2H4")
DYNAMICS = ("--check", "nve", "--step", "0.25", "--temperature", "1000", "--dtype", "float32")

PREDICTORS = ("fsd_full", "forces_mae_full", "nonconservativity", "force_roughness", "tortuosity")
OUTCOMES = ("nve_drift", "nve_drift_worst", "nve_fluctuation", "nve_largest_jump", "nve_failed")
DRAWN = (("fsd_full", "forces_mae_full", "nonconservativity"), ("nve_drift", "nve_largest_jump"))


def main() -> None:
    """Run the three commands, and a fourth for the figure."""
    options = arguments()
    models = read_lines(options.models)
    options.out.mkdir(parents=True, exist_ok=True)
    compared, simulated = options.out / "compare.json", options.out / "nve.json"
    trust = ["--trust"] if options.trust else []
    molecules = [word for name in MOLECULES for word in ("--molecule", name)]
    bsct_zoo("compare", *models, "--suite", "core", "--json", compared, *trust, said=options.out / "compare.txt")
    dynamics = (*DYNAMICS, "--time", f"{options.time:g}", *molecules)
    bsct_zoo("md", *models, *dynamics, "--json", simulated, *trust, said=options.out / "nve.txt")
    files = ("correlate", compared, simulated)
    out = ("--json", options.out / "correlation.json", "--csv", options.out / "correlation.csv", "--markdown")
    pairs = ("--x", ",".join(PREDICTORS), "--y", ",".join(OUTCOMES))
    bsct_zoo(*files, *pairs, *out, said=options.out / "correlation.md")
    drawn = ("--x", ",".join(DRAWN[0]), "--y", ",".join(DRAWN[1]))
    bsct_zoo(*files, *drawn, "--figure", options.out / "correlation.svg", said=options.out / "correlation.txt")


def arguments() -> argparse.Namespace:
    """Of the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=HERE / "models.txt", help="a model a line")
    parser.add_argument("--out", type=Path, default=HERE / "results", help="folder for results")
    parser.add_argument("--time", type=float, default=1, help="simulated time of each run, ps")
    parser.add_argument("--trust", action="store_true", help="load checkpoints that can execute code")
    return parser.parse_args()


def read_lines(path: Path) -> list[str]:
    """Lines of the list, without comments."""
    lines = [line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line]


def bsct_zoo(*words: str | Path, said: Path) -> None:
    """Run a command, which is shown, and keep its standard output in the file ``said``.

    Exit code 1 is no reason to stop: some run of some model failed, which is what is looked for.
    """
    command = ["bsct-zoo", *map(str, words)]
    print("$", shlex.join(command), file=sys.stderr, flush=True)
    done = subprocess.run([sys.executable, "-m", "bsct_zoo", *command[1:]], stdout=subprocess.PIPE, text=True)
    sys.stdout.write(done.stdout)
    sys.stdout.flush()
    if done.returncode not in (0, 1):
        sys.exit(done.returncode)
    said.write_text(done.stdout, encoding="utf-8")


if __name__ == "__main__":
    main()
