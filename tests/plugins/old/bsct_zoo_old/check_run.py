from bsct_zoo.batch import AtomsBatch
from bsct_zoo.checks import CheckRun, CheckSettings
from bsct_zoo.potential import Potential


def check_step(potential: Potential, systems, settings: CheckSettings):
    potential.compute(AtomsBatch.from_atoms(systems))
    values = {"step": settings.step_fs, "negative": -settings.step_fs}
    return [CheckRun(atoms.get_chemical_formula(), "ok", "", values) for atoms in systems]
