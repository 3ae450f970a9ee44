"""The kit as authors of adapters use it: in their tests, and in a process of the model's own."""

import subprocess
import sys
from dataclasses import replace

import pytest
from bsct_zoo_faulty import CARD, adapter, load

from bsct_zoo import testing
from bsct_zoo.conformance.process import CheckProcess
from bsct_zoo.errors import BadInputError, UnknownNameError

SOUND = adapter()


def faulty(fault, *requirements):
    [option] = SOUND.options
    return replace(adapter(*requirements), options=(replace(option, default=fault),))


def case(test, name):
    """Run one case of a parametrised test and say how it ended."""
    [mark] = test.pytestmark
    assert name in mark.args[1]
    try:
        test(name)
    except BaseException as outcome:
        return type(outcome).__name__, str(outcome)
    return "passed", ""


def test_importing_is_light():
    program = "import sys, bsct_zoo.testing; print([m for m in ('pytest', 'torch', 'ase') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "[]\n"


def test_one_case_for_each_property():
    test = testing.conformance(faulty("forces_of_the_wrong_sign"), only=["forces", "shapes"])
    assert test.pytestmark[0].args == ("promise", ["shapes", "forces"])
    assert case(test, "shapes") == ("passed", "")
    kind, message = case(test, "forces")
    assert kind == "Failed" and message.startswith("forces: ") and "limit" in message


def test_known_faults_are_expected():
    test = testing.conformance(
        faulty("forces_of_the_wrong_sign"), known_faults={"forces": "see issue 1", "stress": "?"}
    )
    assert case(test, "forces")[0] == "XFailed"
    kind, message = case(test, "stress")
    assert kind == "Failed" and "take it off the list" in message
    with pytest.raises(UnknownNameError, match="did you mean forces"):
        testing.conformance(SOUND, known_faults={"force": "misspelt"})


def test_what_does_not_apply_is_skipped():
    test = testing.conformance(load(CARD, "cpu", "float64"), only=["worker", "precision"])
    assert case(test, "worker")[0] == "Skipped"
    assert case(test, "precision")[0] == "Skipped"


def test_assert_conforms():
    quick = ["shapes", "forces", "stress", "periodic-images"]
    testing.assert_conforms(SOUND, only=quick)
    testing.assert_conforms(load(CARD, "cpu", "float64"), only=quick)
    with pytest.raises(AssertionError, match=r"breaks its promises:\nstress: .* eV/Å³ .*not the derivative by strain"):
        testing.assert_conforms(faulty("stress_of_the_wrong_sign"), only=quick)


def test_a_potential_that_can_be_loaded_again():
    findings = testing.check_potential(
        load(CARD, "cpu", "float32"), load=lambda dtype: load(CARD, "cpu", dtype), only=["precision", "forces"]
    )
    assert [finding.name for finding in findings] == ["forces", "precision"]
    assert all(finding.status == "passed" for finding in findings)
    assert findings[0].limit < 1e-2  # of float64, in which derivatives are taken where that is possible


def test_elements_to_try_it_on():
    [finding] = testing.check_adapter(faulty("nan_for_oxygen"), only=["finite"], elements=[1, 6])
    assert finding.status == "passed"
    [finding] = testing.check_adapter(faulty("nan_for_oxygen"), only=["finite"])
    assert finding.status == "failed"


def test_an_adapter_without_cards():
    with pytest.raises(BadInputError, match="'faulty' has no card"):
        testing.check_adapter(replace(SOUND, cards=()))


def test_unknown_property():
    with pytest.raises(UnknownNameError, match="unknown property 'shape'; did you mean shapes"):
        testing.check_adapter(SOUND, only=["shape"])


@pytest.mark.parametrize(
    ("fault", "timeout", "words"),
    [
        ("dies_on_an_empty_batch", 300.0, "killed by signal SIGKILL"),
        ("hangs_on_an_empty_batch", 20.0, "no answer in 20 s"),
    ],
)
def test_a_process_that_ends_costs_one_property(fault, timeout, words):
    with CheckProcess(SOUND, CARD, options={"fault": fault}, timeout=timeout) as process:
        assert process.loaded.dtype == "float64" and "torch" in process.loaded.versions
        assert process.try_property("shapes").status == "passed"
        finding = process.try_property("empty-batch")
        assert finding.status == "failed" and words in finding.message and finding.name == "empty-batch"
        assert process.try_property("forces").status == "passed"


def test_bad_options_are_bad_input():
    with pytest.raises(BadInputError, match="device 'cuda:99' is not here"):
        CheckProcess(SOUND, CARD, device="cuda:99")
