"""Numbers in other units than eV and Å."""

from dataclasses import replace

from bsct_zoo_faulty.faults.registry import fault, scaled

BOHR, HARTREE, KCAL = 0.529177, 27.2114, 23.0605


@fault("energy-unit")
def hartree(model, batch):
    return scaled(model.predict(batch), 1 / HARTREE, 1 / HARTREE, 1 / HARTREE)


@fault("energy-unit")
def rydberg(model, batch):
    return scaled(model.predict(batch), 2 / HARTREE, 2 / HARTREE, 2 / HARTREE)


@fault("energy-unit")
def kcal_per_mol(model, batch):
    return scaled(model.predict(batch), KCAL, KCAL, KCAL)


@fault("energy-unit")
def bohr_taken_for_angstrom(model, batch):
    inside = replace(batch, positions=batch.positions / BOHR, cell=batch.cell / BOHR)
    return scaled(model.predict(inside), 1, 1 / BOHR, 1 / BOHR**3)


@fault("forces")
def forces_per_bohr(model, batch):
    return scaled(model.predict(batch), forces=BOHR)


@fault("force-unit", conservative=False)
def direct_forces_in_kcal(model, batch):
    return scaled(model.predict(batch), forces=KCAL)


@fault("force-unit", conservative=False)
def direct_forces_are_the_gradient(model, batch):
    return scaled(model.predict(batch), forces=-1)
