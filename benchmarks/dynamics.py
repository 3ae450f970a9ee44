"""A step of dynamics of many molecules: ours, TorchSim's and ASE's, with the same MACE: docs/dynamics.md.

    pip install mace-torch==0.3.16 torch-sim-atomistic==0.3.0
    TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1 python benchmarks/dynamics.py --write

NVE of ethanol from 300 K with steps of 0.5 fs, the shipped MACE, one thread. ASE moves one molecule after the other
with the calculator of mace-torch. All three begin with the same energies. CPU time of the process, the shortest of a
few turns that alternate.
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from ase import Atoms, units
from ase.build import molecule
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution
from ase.md.verlet import VelocityVerlet
from pages import fill

from bsct_zoo.dynamics.nve import nve_init, nve_step
from bsct_zoo.evaluation.machine import machine
from bsct_zoo.models.naming import named_model
from bsct_zoo.plugins.cards import ModelCard
from bsct_zoo.runtime.guard import GuardedPotential

PAGE = Path(__file__).parents[1] / "docs" / "dynamics.md"
DT, KELVIN, TURNS = 0.5 * units.fs, 300.0, 3
DTYPES = {"float32": torch.float32, "float64": torch.float64}
Run = Callable[[int], float]
Started = tuple[Run, torch.Tensor]  # and the energies that it begins with, in eV


def main() -> None:
    """Time and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--molecules", type=int, default=64)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--dtype", choices=DTYPES, default="float32")
    parser.add_argument("--write", action="store_true", help="into docs/dynamics.md")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    card = named_model("mace").card
    systems = [molecule("CH3CH2OH") for _ in range(asked.molecules)]
    for seed, atoms in enumerate(systems):
        atoms.rattle(0.02, seed=seed)
        atoms.set_cell([20.0, 20.0, 20.0])  # TorchSim wants one; nothing is periodic
    started: dict[str, Started] = {
        "bsct-zoo": ours(card, systems, asked.dtype),
        "TorchSim": torchsim(card, systems, asked.dtype),
        "ASE, one by one": ase(card, systems, asked.dtype),
    }
    runs = {name: run for name, (run, _) in started.items()}
    for name, (_, energy) in started.items():
        torch.testing.assert_close(energy, started["bsct-zoo"][1], rtol=1e-6, atol=0, msg=f"{name} has other energies")
    times: dict[str, list[float]] = {name: [] for name in runs}
    for run in runs.values():
        run(2)
    for _ in range(TURNS):
        for name, run in runs.items():
            times[name].append(run(asked.steps))
    text = table({name: min(found) for name, found in times.items()}, asked)
    print(text)
    if asked.write:
        fill(PAGE, "torchsim", text)


def timed(step: Callable[[], None], steps: int) -> float:
    """Seconds of CPU of a step."""
    started = time.process_time()
    for _ in range(steps):
        step()
    return (time.process_time() - started) / steps


def ours(card: ModelCard, systems: list[Atoms], dtype: str) -> Started:
    """Our dynamics; positions are integrated in float64."""
    from bsct_zoo_mace.loader import load

    potential = GuardedPotential(load(card, "cpu", dtype))
    state = [nve_init(potential, systems, KELVIN, range(len(systems)))]

    def step() -> None:
        state[0] = nve_step(potential, state[0], DT)

    return lambda steps: timed(step, steps), state[0].energy


def torchsim(card: ModelCard, systems: list[Atoms], dtype: str) -> Started:
    """TorchSim's, which integrates in the precision of the model."""
    import torch_sim
    from bsct_zoo_mace.loader import network
    from torch_sim.integrators import nve
    from torch_sim.models.mace import MaceModel

    kind = DTYPES[dtype]
    model = MaceModel(network(card), device=torch.device("cpu"), dtype=kind, compute_stress=False)
    first = torch_sim.io.atoms_to_state(systems, device=torch.device("cpu"), dtype=kind)
    # Its units: femtoseconds are those of ASE, and temperatures are energies.
    start, move = nve(model, dt=torch.tensor(DT, dtype=kind), kT=torch.tensor(KELVIN * units.kB, dtype=kind), seed=0)
    state = [start(first)]

    def step() -> None:
        state[0] = move(state[0])

    return lambda steps: timed(step, steps), state[0].energy.double()


def ase(card: ModelCard, systems: list[Atoms], dtype: str) -> Started:
    """ASE's velocity Verlet with the calculator of mace-torch, each molecule for itself."""
    from bsct_zoo_mace.calculator import load

    calculator = load(card, "cpu", dtype).calculator
    moving = []
    for seed, given in enumerate(systems):
        atoms = given.copy()
        atoms.calc = calculator
        MaxwellBoltzmannDistribution(atoms, temperature_K=KELVIN, rng=np.random.default_rng(seed))
        moving.append(VelocityVerlet(atoms, timestep=DT))

    def run(steps: int) -> float:
        started = time.process_time()
        for dynamics in moving:  # all steps of one first: its calculator remembers one system alone
            dynamics.run(steps)
        return (time.process_time() - started) / steps

    energy = torch.tensor([dynamics.atoms.get_potential_energy() for dynamics in moving], dtype=torch.float64)
    return run, energy


def table(seconds: dict[str, float], asked: argparse.Namespace) -> str:
    """Milliseconds a step."""
    facts = machine("cpu")
    lines = ["| dynamics | CPU ms a step | times as long as ours |", "|---|---:|---:|"]
    lines += [f"| {name} | {1e3 * s:.0f} | {s / seconds['bsct-zoo']:.2f} |" for name, s in seconds.items()]
    versions = ", ".join(f"{name} {version(name)}" for name in ("mace-torch", "torch-sim-atomistic", "ase", "torch"))
    return "\n".join(
        [
            *lines,
            "",
            f"{asked.molecules} molecules of ethanol, {asked.dtype}, one thread of {facts['processor']}; "
            f"Python {platform.python_version()}, {versions}.",
        ]
    )


if __name__ == "__main__":
    main()
