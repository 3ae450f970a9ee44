"""A sound analytic potential, and the same with one fault planted: what a check must find, and must not."""

from dataclasses import replace

from bsct_zoo import hookimpl
from bsct_zoo.plugins.cards import Adapter, EnvironmentSpec, ModelCard, Option
from bsct_zoo.potentials.potential import check_elements
from bsct_zoo_faulty.faults import FATAL, FAULTS
from bsct_zoo_faulty.model import Morse

CARD = ModelCard("morse", "Morse with an embedding", "a textbook", "CC0-1.0", "a textbook", ("H", "C", "O", "Si"))


def adapter(*requirements: str) -> Adapter:
    return Adapter(
        name="faulty",
        summary="Morse for tests",
        loader="bsct_zoo_faulty:load",
        cards=(CARD,),
        environment=EnvironmentSpec(requirements),
        options=(Option("fault", str, "none", "what is wrong with it"),),
    )


@hookimpl
def register_adapters():
    return [adapter()]


class Faulty(Morse):
    """The potential with the fault that its loader was asked for."""

    def __init__(self, fault, dtype):
        super().__init__(dtype)
        self.fault = fault
        self.memory = []
        self.info = replace(self.info, **fault.declares)

    def compute(self, batch):
        if self.fault.checks_elements:
            check_elements(batch, self.info.elements)
        return self.fault.compute(self, batch)

    def close(self):
        if self.fault.name == "closed_once":
            if self.memory:
                raise RuntimeError("closed already")
            self.memory.append("closed")


def load(card, device, dtype, fault="none"):
    return Morse(dtype) if fault == "none" else Faulty({**FAULTS, **FATAL}[fault], dtype)
