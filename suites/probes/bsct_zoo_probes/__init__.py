"""Three tasks that need no reference: translation, asymmetry of the force Jacobian, pairs down to short distance.

Imports nothing heavy.
"""

from bsct_zoo import hookimpl
from bsct_zoo.metrics.columns import Column
from bsct_zoo.plugins.cards import Option
from bsct_zoo.plugins.tasks import TaskSource

SOURCE = "docs/probes.md"
TRANSLATION = (
    Column(name="energy", title="energy range", unit="eV", over="max", source=SOURCE),
    Column(name="force", title="force range", unit="eV/Å", over="max", source=SOURCE),
)
JACOBIAN = (
    Column(name="asymmetry", title="asymmetry", over="median", source=SOURCE),
    Column(name="asymmetry_worst", title="worst", metric="asymmetry", over="max", source=SOURCE),
)
PAIRS = (
    Column(name="holes", title="holes", over="sum", source=SOURCE),
    Column(name="hole_at", title="largest hole", unit="Å", over="max", source=SOURCE),
    Column(name="minima", title="extra minima", over="sum", source=SOURCE),
)


@hookimpl
def register_tasks() -> list[TaskSource]:
    """The three tasks."""
    step = Option("step", float, 0.1, "between places, Å", minimum=0.001)
    width = Option("width", float, 12.0, "of the periodic cell, Å", minimum=4.0)
    displacement = Option("displacement", float, 0.001, "of an atom to either side, Å", minimum=1e-6)
    elements = Option("elements", str, "H+C+N+O+F+P+S+Cl+Br+I", "which, with + between them, or 'all' of the first 86")
    return [
        TaskSource(
            "translation",
            "energy and forces of a molecule that is moved as a whole, also across a periodic boundary",
            "bsct_zoo_probes.translation:Translation",
            (step, width),
            TRANSLATION,
        ),
        TaskSource(
            "jacobian",
            "how far forces are from having an energy: the antisymmetric part of their Jacobian",
            "bsct_zoo_probes.jacobian:Jacobian",
            (displacement,),
            JACOBIAN,
        ),
        TaskSource(
            "pairs",
            "curves of all pairs of elements down to short distance",
            "bsct_zoo_probes.pairs:Pairs",
            (elements,),
            PAIRS,
        ),
    ]
