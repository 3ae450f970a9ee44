"""Every planted fault is found by the property that is meant for it; the sound potential keeps every promise."""

import math

import pytest
from bsct_zoo_faulty import CARD, adapter
from bsct_zoo_faulty.faults import FAULTS

from bsct_zoo.conformance.properties import PROPERTIES, try_property
from bsct_zoo.conformance.subject import loaded
from bsct_zoo.testing import conformance


def found(name, fault="none", dtype="float64"):
    subject = loaded("bsct_zoo_faulty:load", CARD, "cpu", dtype, {"fault": fault})
    return try_property(name, subject)


# A potential without a fault, as an author would test it.
test_sound_in_float32 = conformance(adapter(), dtype="float32", only=[name for name in PROPERTIES if name != "worker"])


@pytest.mark.parametrize("name", PROPERTIES)
def test_sound(name):
    finding = found(name)
    assert finding.status == "passed", finding  # and not skipped
    assert finding.name == name
    assert finding.figure is None or math.isfinite(finding.figure)


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_is_found(fault):
    finding = found(FAULTS[fault].found_by, fault)
    assert finding.status == "failed"
    assert finding.message and "\n" not in finding.message
    if finding.figure is not None and finding.limit is not None:
        assert finding.figure > finding.limit


def test_every_property_finds_some_fault():
    assert {fault.found_by for fault in FAULTS.values()} == set(PROPERTIES)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("hartree", "Hartree"),
        ("kcal_per_mol", "kcal/mol"),
        ("bohr_taken_for_angstrom", "Bohr"),
        ("not_detached", "energy still with a graph"),
        ("float64_by_default", "default dtype"),
        ("centres_its_input", "positions"),
        ("another_error_for_foreign_elements", "KeyError"),
        ("fails_on_an_empty_batch", "RuntimeError"),
        ("nan_for_oxygen", "H2O"),
        ("ignores_one_lattice_vector", "cell vector 3"),
        ("stress_with_voigt_mixed_up", "H2O (periodic)"),
    ],
)
def test_message_says_what_is_wrong(fault, words):
    assert words in found(FAULTS[fault].found_by, fault).message


@pytest.mark.parametrize("fault", ["direct_forces_declared_a_gradient", "x_is_not_y"])
def test_what_is_not_promised_is_reported(fault, monkeypatch):
    spec = FAULTS[fault]
    modest = {"forces": {"conservative": False}, "rotation": {"equivariant": False}}[spec.found_by]
    monkeypatch.setitem(FAULTS, fault, type(spec)(spec.name, spec.found_by, spec.compute, modest))
    finding = found(spec.found_by, fault)
    assert finding.status == "reported"
    assert finding.figure > finding.limit


def test_units_of_a_model_that_holds_no_bond_cannot_be_told(monkeypatch):
    monkeypatch.setattr("bsct_zoo_faulty.model.DEPTH", -1.0)  # everything flies apart
    finding = found("energy-unit")
    assert finding.status == "reported" and "cannot be told" in finding.message
