"""A job script of Slurm: an array in which every model is compared by a job of its own."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

import typer

from bsct_zoo.cli.rerun import command_words

_CORES = 4  # of a job; a user changes the line
_SCRIPT = """\
#!/bin/bash
#SBATCH --job-name=bsct-zoo
#SBATCH --array=0-{last}
#SBATCH --cpus-per-task={cores}
#SBATCH --output=bsct-zoo-%A_%a.log
{gpu}
# Before, where there is a network (environments of models are made, weights are downloaded):
#   {first}
# After all jobs:
#   bsct-zoo report results-*.json --html report.html
set -euo pipefail

models=({models})
export OMP_NUM_THREADS="${{SLURM_CPUS_PER_TASK:-{cores}}}"
{command} --quiet --json "results-${{SLURM_ARRAY_TASK_ID}}.json"
"""


def script(context: typer.Context, models: Sequence[str], device: str) -> str:
    """The script that does what this ``compare`` of ``models`` would do, one job a model.

    Args:
        context: of the command.
        models: as the user named them.
        device: as the user named it; a job asks for a GPU unless it is the CPU.
    """
    name, *words = command_words(context, without=("models", "jobs"))
    trusted = ["--trust"] if context.params.get("trust") else []
    command = f'bsct-zoo {name} "${{models[$SLURM_ARRAY_TASK_ID]}}" {shlex.join([*words, *trusted])}'.rstrip()
    return _SCRIPT.format(
        last=len(models) - 1,
        cores=_CORES,
        gpu="#SBATCH --gres=gpu:1\n" if device.startswith("cuda") else "",
        first=f"bsct-zoo {name} {shlex.join(models)} --limit 1 --yes",
        models=" ".join(map(shlex.quote, models)),
        command=command,
    )
