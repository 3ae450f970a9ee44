"""Elements, charges, processes: what was declared and is not so."""

import sys
from dataclasses import replace

from bsct_zoo.errors import UnknownElementError
from bsct_zoo_faulty.faults.registry import fault


@fault("unknown-elements", checks_elements=False)
def answers_for_any_element(model, batch):
    return model.predict(batch)


@fault("unknown-elements", checks_elements=False)
def another_error_for_foreign_elements(model, batch):
    foreign = set(batch.atomic_numbers.tolist()) - model.info.elements
    if foreign:
        raise KeyError(min(foreign))
    return model.predict(batch)


@fault("unknown-elements", checks_elements=False)
def broken_after_a_foreign_element(model, batch):
    if set(batch.atomic_numbers.tolist()) - model.info.elements:
        model.own += 1.0
        raise UnknownElementError("the model does not know it")
    return model.predict(batch)


@fault("charges", supports_charge_spin=True)
def charge_declared_but_ignored(model, batch):
    return model.predict(batch)


@fault("charges")
def charge_used_but_not_declared(model, batch):
    said = model.predict(batch)
    return replace(said, energy=said.energy + batch.charge)


@fault("declaration", elements=[1, 6, 8, 14])
def elements_as_a_list(model, batch):
    return model.predict(batch)


@fault("declaration", cutoff=None)
def edges_without_a_cutoff(model, batch):
    return model.predict(batch)


@fault("worker")
def depends_on_its_process(model, batch):
    said = model.predict(batch)
    return replace(said, energy=said.energy + 1e-6 * ("pytest" in sys.modules))


@fault("closing")
def closed_once(model, batch):
    return model.predict(batch)
