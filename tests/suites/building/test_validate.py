"""The check finds what is planted into a suite, and nothing in one that is sound."""

import re
from dataclasses import replace

import numpy as np
import pytest
from ase.units import Bohr, Hartree, kcal, mol

from bsct_zoo.suites.building.validate import validate
from bsct_zoo.suites.library import open_suite
from bsct_zoo.suites.scan import Scan
from bsct_zoo.suites.suite import Suite


@pytest.fixture(scope="module")
def core():
    return open_suite("core")


def kinds(suite):
    return {finding.kind for finding in validate(suite)}


def changed(core, change, which=slice(None)):
    """The suite with ``change`` made to its scans, or to some of them."""
    chosen = {scan.id for scan in core.scans[which]}
    return replace(core, scans=tuple(change(scan) if scan.id in chosen else scan for scan in core.scans))


def test_core_is_sound(core):
    assert validate(core) == []


def coarse(scan, every):
    """The same scan with fewer frames."""
    kept = {name: getattr(scan, name)[::every] for name in ("coordinate", "positions", "energy", "forces")}
    return replace(scan, **kept)


@pytest.mark.parametrize("name", ["core", "dimers"])
@pytest.mark.parametrize("every", [3, 5])
def test_few_frames_are_no_fault_of_the_reference(name, every):
    suite = open_suite(name)
    found = validate(changed(suite, lambda scan: coarse(scan, every)))
    assert [f for f in found if f.kind in ("units", "broken", "jump")] == []


def test_a_switch_of_the_state_is_found_among_few_frames(core):
    def change(scan):
        few = coarse(scan, 5)
        return replace(few, energy=few.energy + 0.5 * (np.arange(few.n_frames) >= 14))

    found = {f.scan for f in validate(changed(core, change)) if f.kind == "jump"}
    assert len(found) == len(core.scans)


@pytest.mark.parametrize(
    ("energy", "force", "length", "message"),
    [
        (1 / Hartree, 1, 1, "energies in Hartree"),
        (mol / kcal, 1, 1, "energies in kcal/mol"),
        (1, Bohr / Hartree, 1, "forces in Hartree/Bohr"),
        (1, Bohr, 1, "forces per Bohr"),
        (1, mol / kcal, 1, "forces in kcal/mol/Å"),
        (1, -1, 1, "gradients"),
        (1 / Hartree, 1 / Hartree, 1, "stiffness of .* look like Hartree"),
        (mol / kcal, mol / kcal, 1, "stiffness of .* look like kcal/mol"),
        (1, 1, 1 / Bohr, "positions look like Bohr"),
        (1, 1, 0.1, "positions look like nm"),
    ],
)
def test_wrong_units_are_named(core, energy, force, length, message):
    def change(scan):
        return replace(
            scan,
            energy=scan.energy * energy,
            forces=scan.forces * force,
            positions=scan.positions * length,
            coordinate=scan.coordinate * length,
        )

    found = [f for f in validate(changed(core, change)) if f.kind == "units"]
    assert any(re.search(message, finding.text) for finding in found), found


@pytest.mark.parametrize("size", [0.005, 0.05, -0.5])
@pytest.mark.parametrize("place", [0.3, 0.5, 0.9])
def test_a_switch_of_the_state_is_found_where_it_is(core, size, place):
    def change(scan):
        switched = np.arange(scan.n_frames) >= place * scan.n_frames
        return replace(scan, energy=scan.energy + size * switched)

    found = validate(changed(core, change, slice(0, None, 6)))
    assert {f.scan for f in found} == {scan.id for scan in core.scans[::6]}
    assert {f.kind for f in found} == {"jump"}
    alpha = np.mean(core.scans[0].coordinate[int(place * 100) - 1 : int(place * 100) + 1])
    assert f"{alpha:.3g} Å" in found[0].text
    assert float(found[0].text.split()[4]) == pytest.approx(1000 * size, abs=1)


def test_a_rough_reference_is_flagged(core):
    def change(scan):
        ripple = 2 * np.pi / 0.15
        pull = scan.positions[:, scan.indices[1]] - scan.positions[:, scan.indices[0]]
        pull /= np.linalg.norm(pull, axis=1, keepdims=True)
        slope = 0.02 * ripple * np.cos(ripple * scan.coordinate)
        forces = scan.forces.copy()
        forces[:, scan.indices[1]] -= slope[:, None] * pull
        forces[:, scan.indices[0]] += slope[:, None] * pull
        return replace(scan, energy=scan.energy + 0.02 * np.sin(ripple * scan.coordinate), forces=forces)

    assert "rough" in kinds(changed(core, change, slice(1)))


def test_what_is_missing_is_counted(core):
    def change(scan):
        energy, forces = scan.energy.copy(), scan.forces.copy()
        energy[[20, 40]], forces[[20, 40]] = np.nan, np.nan
        return replace(scan, energy=energy, forces=forces)

    (finding,) = validate(changed(core, change, slice(1)))
    assert finding.kind == "missing" and finding.text.startswith("2 of 100 frames")


@pytest.mark.parametrize("swap", ["atoms", "frames", "drift", "stuck", "coordinate"])
def test_broken_references(core, swap):
    def change(scan):
        energy, forces, coordinate = scan.energy.copy(), scan.forces.copy(), scan.coordinate.copy()
        if swap == "atoms":
            forces = np.roll(forces, 1, axis=1)
        elif swap == "frames":
            forces = forces[::-1]
        elif swap == "drift":
            forces = forces + 0.3
        elif swap == "stuck":
            energy[61] = energy[60]
        else:
            coordinate = coordinate + 0.1
        return replace(scan, energy=energy, forces=forces, coordinate=coordinate)

    assert "broken" in kinds(changed(core, change, slice(1)))


def test_a_scan_that_is_there_twice_is_found_though_turned_and_listed_otherwise(core):
    scan = core.scans[0]
    turn, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))
    order = np.random.default_rng(1).permutation(scan.n_atoms)
    copy = replace(
        scan,
        id="C-C/copy",
        atomic_numbers=scan.atomic_numbers[order],
        positions=scan.positions[:, order] @ turn + 1.0,
        forces=scan.forces[:, order] @ turn,
        indices=tuple(int(np.flatnonzero(order == i)[0]) for i in scan.indices),
    )
    (finding,) = validate(replace(core, scans=(*core.scans, copy)))
    assert (finding.kind, finding.scan) == ("duplicate", "C-C/copy") and scan.id in finding.text


def test_scans_that_are_turned_on_purpose_are_not_duplicates(core):
    scan = replace(core.scans[0], notes={"turn": 0})
    other = replace(scan, id="C-C/turned", notes={"turn": 1})
    assert validate(replace(core, scans=(scan, other))) == []


def test_a_jump_under_strain_is_found_by_the_energy_alone():
    cells = np.linspace(0.8, 1.3, 60)[:, None, None] * 4.0 * np.eye(3)
    coordinate = np.linspace(2.0, 3.0, 60)
    smooth = Scan(
        id="isotropic/a",
        kind="strain",
        group="isotropic",
        atomic_numbers=np.array([29, 29]),
        coordinate=coordinate,
        positions=np.array([[0, 0, 0], [0.5, 0.5, 0.5]]) @ cells,
        energy=4 * (1 - np.exp(-2 * (coordinate - 2.5))) ** 2,
        forces=np.zeros((60, 2, 3)),
        cell=cells,
        pbc=(True, True, True),
    )
    assert validate(Suite("s", "", None, "", "", (smooth,))) == []
    jumped = replace(smooth, energy=smooth.energy + 0.05 * (np.arange(60) > 30))
    (finding,) = validate(Suite("s", "", None, "", "", (jumped,)))
    assert finding.kind == "jump"
