"""``planted:KIND@strength=...``: our Transformer with one known fault of chosen strength."""

from dataclasses import replace

from bsct_zoo import hookimpl
from bsct_zoo.plugins.cards import Adapter, EnvironmentSpec, Option

# What a strength is, and what is wrong; potential.py has the formulas.
KINDS = {
    "step": "eV: the energy of a pair jumps at 3 Å, its force does not show it",
    "kink": "eV/Å: the force of a pair jumps at 2.9, 3.0 and 3.1 Å; conservative",
    "ripple": "eV: the energy of a pair oscillates with a wavelength of 0.15 Å; conservative",
    "spurious": "eV/Å: a force between neighbours without a counterforce, which no energy explains",
    "noise": "eV/Å: a force on every atom that changes its sign every 0.01 Å, which no energy explains",
    "bias": "eV: a smooth wrong pair potential, 0.3 Å wide at 1.5 Å; conservative, nothing is rough",
    "hole": "eV: the wall is lower at distances below 0.5 Å; conservative",
}


@hookimpl
def register_adapters() -> list[Adapter]:
    """The one adapter of this plugin."""
    from bsct_zoo_transformer.files import shipped

    base = next(card for card in shipped() if card.name == "small")
    cards = [replace(base, name=kind, title=f"{base.title}, planted: {what}") for kind, what in KINDS.items()]
    return [
        Adapter(
            name="planted",
            summary="our Transformer with a known fault",
            loader="bsct_zoo_planted.potential:load",
            cards=tuple(cards),
            environment=EnvironmentSpec(requirements=("vesin>=0.3",)),
            options=(Option("strength", float, 0.0, "of the fault, in the unit of its kind"),),
        )
    ]
