"""Total charge and multiplicity of a system, by the names that people and programs give them.

``total_spin`` means 2S+1 to MACE and in OMol25, and 2S or S elsewhere. The number of electrons decides between 2S+1
and 2S, of which only one can be; a half-integer is S.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from bsct_zoo.errors import BadInputError

CHARGE = ("charge", "total_charge", "net_charge")
MULTIPLICITY = ("spin", "multiplicity", "spin_multiplicity", "mult")
UNPAIRED = ("unpaired_electrons", "num_unpaired_electrons", "nunpaired", "uhf")
TOTAL_SPIN = "total_spin"
NAMES = frozenset({*CHARGE, *MULTIPLICITY, *UNPAIRED, TOTAL_SPIN})
_WHOLE = 0.05  # a sum of charges or magnetic moments of atoms so near to a whole number is that number


@dataclass(frozen=True)
class ChargeSpin:
    """What a system says of itself.

    Attributes:
        charge: total, in e; 0 where nothing is said.
        spin: multiplicity 2S+1; where nothing is said the lowest possible one of a molecule, and 1 of what is periodic,
            whose electrons are smeared.
        said: whether a multiplicity is given.
    """

    charge: int
    spin: int
    said: bool


def lowest_spin(numbers: NDArray[np.int64], charge: int) -> int:
    """The lowest multiplicity 2S+1 that the number of electrons allows: 1 or 2."""
    return int(numbers.sum() - charge) % 2 + 1


def charge_spin(atoms: Atoms, possible: bool = True) -> ChargeSpin:
    """Charge and multiplicity from ``info``, key-value pairs, the input of a calculator, and values of atoms.

    Args:
        atoms: a system.
        possible: whether what no number of electrons can have is refused.

    Raises:
        BadInputError: a value is no whole number or out of range, two disagree, or charge and multiplicity do.
    """
    numbers = atoms.numbers
    given = _given(atoms)
    charges = {name: _whole(name, given[name]) for name in CHARGE if name in given}
    if (moments := atoms.arrays.get("initial_charges")) is not None and np.any(moments):
        charges["sum of initial charges"] = _sum("initial charges", moments)
    charge = _agreed("charges", charges, 0)
    electrons = int(numbers.sum()) - charge
    if possible and electrons < 0:
        raise BadInputError(f"charge {charge} is more than the {int(numbers.sum())} electrons of its atoms")
    spins = {name: _whole(name, given[name]) for name in MULTIPLICITY if name in given}
    spins |= {name: _whole(name, given[name]) + 1 for name in UNPAIRED if name in given}
    if TOTAL_SPIN in given:
        spins[TOTAL_SPIN] = _total_spin(given[TOTAL_SPIN], electrons)
    moments = atoms.arrays.get("initial_magmoms")
    if moments is not None and np.any(moments) and moments.ndim == 1 and not atoms.pbc.any():
        spins["magnetic moments"] = abs(_sum("initial magnetic moments", moments)) + 1
    for name, spin in spins.items():
        if possible and not 1 <= spin <= electrons + 1:
            raise BadInputError(
                f"{name} gives the multiplicity {spin} for {electrons} electrons; "
                "'spin' and 'multiplicity' are 2S+1: 1 for a singlet, 2 for a doublet"
            )
    lowest = 1 if atoms.pbc.any() else lowest_spin(numbers, charge)
    spin = _agreed("multiplicities", spins, lowest)
    if spins and possible and not atoms.pbc.any():
        check_parity(numbers, charge, spin)
    return ChargeSpin(charge, spin, bool(spins))


def check_parity(numbers: NDArray[np.int64], charge: int, spin: int) -> None:
    """Raise where no number of unpaired electrons makes the multiplicity.

    Raises:
        BadInputError: it does not go with the charge.
    """
    if (spin - lowest_spin(numbers, charge)) % 2 or spin < 1:
        raise BadInputError(f"multiplicity {spin} does not go with charge {charge}")


def _given(atoms: Atoms) -> dict[str, Any]:
    """Values under known names, in lower case; where one name is there twice, both must agree."""
    sources: list[Mapping[str, Any]] = [atoms.info]
    sources += [atoms.info[key] for key in ("key_value_pairs", "data") if isinstance(atoms.info.get(key), Mapping)]
    parameters = getattr(atoms.calc, "parameters", None)
    if isinstance(parameters, Mapping):
        sources.append(parameters)
    found: dict[str, Any] = {}
    for source in sources:
        for key, value in source.items():
            name = str(key).lower()
            if name not in NAMES or value is None:
                continue
            if name in found and _number(name, found[name]) != _number(name, value):
                raise BadInputError(f"{name} is {found[name]} in one place and {value} in another; give one value")
            found[name] = value
    return found


def refuse_bare_words(info: MutableMapping[str, Any]) -> None:
    """Take words of prose out of what ASE read from a comment of an xyz file, where every bare word is true.

    "no net charge" says nothing that could be used. "charge -1" does, and would be a charge of one.

    Raises:
        BadInputError: a number follows the name of a charge or multiplicity.
    """
    words = list(info)
    for place, word in enumerate(words):
        follows = words[place + 1] if place + 1 < len(words) else ""
        name = word.lower().rstrip(":,;")
        if name not in NAMES or info[word] is not True:
            continue
        value = re.fullmatch(r"([+-]?\d+(?:\.\d+)?)e?([+-]?)[,;.]?", follows)
        if value is not None and info[follows] is True:
            number, sign = value.groups()  # of "2-" too
            raise BadInputError(f"its comment says '{word} {follows}'; write {name}={sign}{number}")
        del info[word]


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool | np.bool_):
        raise BadInputError(f"{name} is {value}, not a number")
    try:
        number = float(np.asarray(value, dtype=np.float64).reshape(()))
    except (TypeError, ValueError) as error:
        raise BadInputError(f"{name} is '{value}', not a number") from error
    if not np.isfinite(number):
        raise BadInputError(f"{name} is {number}, not a number")
    return number


def _whole(name: str, value: Any) -> int:
    number = _number(name, value)
    if number != round(number) or abs(number) > 1e6:
        raise BadInputError(f"{name} is {number:g}; it must be a whole number")
    return round(number)


def _sum(name: str, values: NDArray[Any]) -> int:
    total = float(np.asarray(values, dtype=np.float64).sum())
    if not abs(total - round(total)) < _WHOLE:
        raise BadInputError(f"the {name} sum to {total:.3g}, not to a whole number; give the total by name")
    return round(total)


def _total_spin(value: Any, electrons: int) -> int:
    """Multiplicity; see the head of this file."""
    number = _number(TOTAL_SPIN, value)
    if number < 0 or 2 * number != round(2 * number):
        raise BadInputError(f"{TOTAL_SPIN} is {number:g}; it must be 2S+1, or 2S, or S")
    if number != round(number):
        return round(2 * number) + 1
    return round(number) if (round(number) + electrons) % 2 else round(number) + 1


def _agreed(what: str, values: Mapping[str, int], default: int) -> int:
    """The value that all of ``values`` have."""
    if len(set(values.values())) > 1:
        text = ", ".join(f"{name} gives {value}" for name, value in values.items())
        raise BadInputError(f"its {what} disagree: {text}; leave one")
    return next(iter(values.values()), default)
