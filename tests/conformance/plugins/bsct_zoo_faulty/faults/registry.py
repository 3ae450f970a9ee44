"""How a fault is written down."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bsct_zoo.potentials.potential import Prediction


@dataclass(frozen=True)
class Fault:
    """A fault: ``compute(model, batch)`` is what the model does for ``Morse.predict``."""

    name: str
    found_by: str
    compute: Callable[..., Prediction]
    declares: Mapping[str, object] = field(default_factory=dict)
    checks_elements: bool = True


FAULTS: dict[str, Fault] = {}


def fault(found_by, checks_elements=True, **declares):
    """Plant the function below, which the property ``found_by`` must find."""

    def register(compute):
        FAULTS[compute.__name__] = Fault(compute.__name__, found_by, compute, declares, checks_elements)
        return compute

    return register


def scaled(prediction, energy=1.0, forces=1.0, stress=1.0):
    total = None if prediction.stress is None else prediction.stress * stress
    return Prediction(prediction.energy * energy, prediction.forces * forces, total)
