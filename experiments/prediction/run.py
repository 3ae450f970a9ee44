"""Does the score foretell the simulation? ``python experiments/prediction/run.py`` from the root; plan.md is the plan.

Every model of ``models.txt`` goes through the stages of ``stages.py``; what was measured is not measured again. A model
that fails says its reason. ``bsct-zoo-planted`` must be installed: ``pip install ./experiments/prediction``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from stages import HERE, STAGES, measure, read_models


def main() -> None:
    """Measure what is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=Path, default=HERE / "models.txt", help="a label and a model a line")
    parser.add_argument("--stages", default=",".join(STAGES))
    parser.add_argument("--out", type=Path, default=HERE / "results")
    options = parser.parse_args()
    for stage in options.stages.split(","):
        for label, model in read_models(options.models):
            measure(stage, label, model, options.out)


if __name__ == "__main__":
    main()
