"""Tests for an adapter: every promise of the interface as a test of its own.

    from bsct_zoo.testing import conformance

    test_conformance = conformance("my-model")

Importing this module imports neither pytest nor torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from bsct_zoo.errors import BadInputError
from bsct_zoo.plugins.cards import Adapter, Dtype, OptionValue

if TYPE_CHECKING:
    from bsct_zoo.conformance.finding import Finding
    from bsct_zoo.models.naming import ModelSpec
    from bsct_zoo.potentials.potential import Potential

Trial = Callable[[str], "Finding"]

__all__ = ["assert_conforms", "check_adapter", "check_potential", "conformance"]


def conformance(
    model: str | Adapter | Potential,
    *,
    only: Iterable[str] | None = None,
    known_faults: Mapping[str, str] | None = None,
    device: str = "cpu",
    dtype: Dtype = "float64",
    elements: Iterable[int] | None = None,
    trust: bool = False,
) -> Callable[..., None]:
    """A test function with one case for each property; assign it to a name that starts with ``test``.

    ``model`` is what a user types after ``bsct-zoo check``, an adapter (its first card is taken) or a potential. It is
    loaded when the first case runs: in this interpreter if it has what the adapter needs, else in the adapter's own
    environment. ``known_faults`` maps properties that are known not to hold to the reason; they are expected failures,
    and a failure if they hold after all. For the others see ``check_adapter``.

    Raises:
        UnknownNameError: there is no such property.
    """
    import pytest

    from bsct_zoo.conformance.finding import line
    from bsct_zoo.conformance.properties import chosen

    faults = dict(known_faults or {})
    names = chosen(only)
    chosen(faults)  # a name that is misspelt would excuse nothing
    trial = cache(lambda: _trial(model, device, dtype, elements, trust))

    @pytest.mark.parametrize("promise", names)
    def test(promise: str) -> None:
        finding = trial()(promise)
        if promise in faults:
            if finding.status == "failed":
                pytest.xfail(f"{faults[promise]} ({line(finding)})")
            pytest.fail(f"{promise} is a known fault, but it holds: take it off the list", pytrace=False)
        if finding.status == "failed":
            pytest.fail(line(finding), pytrace=False)
        if finding.status == "skipped":
            pytest.skip(finding.message)

    return test


def check_adapter(
    model: str | Adapter,
    *,
    only: Iterable[str] | None = None,
    device: str = "cpu",
    dtype: Dtype = "float64",
    elements: Iterable[int] | None = None,
    trust: bool = False,
) -> list[Finding]:
    """What is found of a model, in the order of ``bsct_zoo.conformance.properties``.

    ``only`` names properties, ``elements`` atomic numbers to try the model on, if others than it declares; ``trust``
    loads files that could execute code.

    Raises:
        BadInputError: there is no such model or property, or its file or an option is unusable.
        ModelError: it cannot be loaded.
    """
    from bsct_zoo.conformance.properties import chosen

    names = chosen(only)
    trial = _trial(model, device, dtype, elements, trust)
    return [trial(name) for name in names]


def check_potential(
    potential: Potential,
    *,
    load: Callable[[Dtype], Potential] | None = None,
    only: Iterable[str] | None = None,
    elements: Iterable[int] | None = None,
) -> list[Finding]:
    """What is found of a potential that is there already; ``load`` makes it anew in the precision named.

    Raises:
        UnknownNameError: there is no such property.
    """
    from bsct_zoo.conformance.properties import chosen, try_property
    from bsct_zoo.conformance.subject import Subject

    subject = Subject(potential, load, elements=_numbers(elements))
    return [try_property(name, subject) for name in chosen(only)]


def assert_conforms(model: str | Adapter | Potential, **settings: Any) -> None:
    """Raise if any property fails; ``settings`` are those of ``check_adapter`` or ``check_potential``.

    Raises:
        AssertionError: with a line for each property that failed.
    """
    from bsct_zoo.conformance.finding import line

    check: Callable[..., list[Finding]] = check_adapter if isinstance(model, str | Adapter) else check_potential
    failures = [line(finding) for finding in check(model, **settings) if finding.status == "failed"]
    if failures:
        raise AssertionError("the model breaks its promises:\n" + "\n".join(failures))


def _trial(
    model: str | Adapter | Potential, device: str, dtype: Dtype, elements: Iterable[int] | None, trust: bool
) -> Trial:
    """What tries one property of ``model``, which is loaded now."""
    from bsct_zoo.conformance.process import CheckProcess
    from bsct_zoo.conformance.properties import try_property
    from bsct_zoo.conformance.subject import Subject, loaded
    from bsct_zoo.runtime.load import resolve_device
    from bsct_zoo.runtime.place import place_of

    numbers = _numbers(elements)
    if isinstance(model, str | Adapter):
        spec = _spec(model, trust)
        options = dict(spec.options)
        if place_of(spec.adapter).kind != "here":
            process = CheckProcess(
                spec.adapter, spec.card, device=device, dtype=dtype, options=options, elements=numbers
            )
            return process.try_property
        subject = loaded(spec.adapter.loader, spec.card, resolve_device(device), dtype, options, numbers)
    else:
        subject = Subject(model, elements=numbers)
    return lambda name: try_property(name, subject)


def _spec(model: str | Adapter, trust: bool) -> ModelSpec:
    from bsct_zoo.models.naming import ModelSpec, parse_model

    if isinstance(model, str):
        return parse_model(model, trust=trust)
    if not model.cards:
        raise BadInputError(f"'{model.name}' has no card; name a model of it, as in '{model.name}:...'")
    options: dict[str, OptionValue] = {option.name: option.default for option in model.options}
    return ModelSpec(model.name, model, model.cards[0], options)


def _numbers(elements: Iterable[int] | None) -> frozenset[int] | None:
    return None if elements is None else frozenset(elements)
