"""Load the calculator of a card, and measure what it does not say of itself."""

from __future__ import annotations

import contextlib
import weakref
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
from bsct_zoo.plugins.cards import CalculatorSpec, ModelCard, OptionValue
from bsct_zoo.potentials.bridges import CalculatorPotential
from bsct_zoo.potentials.potential import Potential, PotentialInfo
from bsct_zoo.runtime.checkpoints import trusted_copy


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
    held = contextlib.ExitStack()  # a user's own file stays as long as the potential: a calculator may be made again
    weights, file = _weights(card, card.calculator, held)
    with downloads_in(weights, online=False) if weights else contextlib.nullcontext():
        maker = Maker(card.calculator, device, dtype, weights, arguments, file)
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
    potential: Potential | None = None
    if card.calculator.torchsim and not arguments:
        potential = batched(card.calculator, device, dtype, weights, file, one_by_one)
    potential = potential or one_by_one
    weakref.finalize(potential, held.close)
    return potential


def _weights(card: ModelCard, spec: CalculatorSpec, held: contextlib.ExitStack) -> tuple[Path | None, Path | None]:
    """The folder of downloads that its package finds, and a private copy of a user's own file, kept by ``held``."""
    if card.checkpoint is None:
        return None, None
    if card.url:
        return verified(Path(card.checkpoint)), None
    file = held.enter_context(trusted_copy(card))
    if not spec.place:
        return None, file
    placed = file.parent / spec.place
    placed.parent.mkdir(parents=True, exist_ok=True)
    return file.parent, file.rename(placed)
