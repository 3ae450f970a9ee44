"""Load the calculator of a card, and measure what it does not say of itself."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Literal

from bsct_zoo.atoms.elements import SYMBOLS
from bsct_zoo.errors import BadInputError
from bsct_zoo.models.calculators.charges import ChargeSetter
from bsct_zoo.models.calculators.fetch import verified
from bsct_zoo.models.calculators.make import PRECISIONS, Maker, downloads_in
from bsct_zoo.models.calculators.torchsim import batched
from bsct_zoo.models.calculators.trial import tried
from bsct_zoo.models.identity import numeric_versions
from bsct_zoo.plugins.cards import ModelCard, OptionValue
from bsct_zoo.potentials.bridges import CalculatorPotential
from bsct_zoo.potentials.potential import Potential, PotentialInfo


def load(
    card: ModelCard,
    device: str,
    dtype: Literal["float32", "float64"],
    /,
    level_of_theory: str = "",
    licence: str = "",
    **arguments: OptionValue,
) -> Potential:
    """The calculator of ``card``, made with ``arguments`` beside those of the card.

    ``device`` and ``dtype`` are passed on where it takes them and nothing else is said. Its precision, and whether
    charge and multiplicity enter its energy, are measured on two small frames.

    Raises:
        BadInputError: the import path or an argument is wrong, or it is no calculator.
    """
    if card.calculator is None:
        raise BadInputError(f"the card '{card.name}' names no calculator")
    weights = None if card.checkpoint is None else verified(Path(card.checkpoint))
    with downloads_in(weights, online=False) if weights else contextlib.nullcontext():
        maker = Maker(card.calculator, device, dtype, weights, arguments)
        calculator = maker.calculator()
    info = PotentialInfo(
        elements=frozenset(SYMBOLS.index(symbol) for symbol in card.elements) or None,
        cutoff=card.calculator.cutoff,
        dtype=dtype,
        device=str(maker.given.get("device", "cpu")),
        conservative=card.calculator.conservative,
        level_of_theory=level_of_theory or card.level_of_theory,
        licence=licence or card.licence,
        has_stress="stress" in getattr(calculator, "implemented_properties", []),
        versions=tuple(numeric_versions([card.calculator.path.partition(".")[0]]).items()),
        periodic_only=card.calculator.periodic_only,
    )
    setter = ChargeSetter(maker)
    told = dtype if maker.given.keys() & set(PRECISIONS) else None
    one_by_one = tried(CalculatorPotential(calculator, info, prepare=setter), told)
    if not card.calculator.torchsim or arguments:
        return one_by_one
    return batched(card.calculator, device, dtype, weights, one_by_one) or one_by_one
