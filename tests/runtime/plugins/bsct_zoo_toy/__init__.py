"""A third-party plugin as its author would write it: Lennard-Jones, and every way for a model to misbehave."""

from bsct_zoo import hookimpl
from bsct_zoo.plugins.cards import Adapter, EnvironmentSpec, ModelCard, Option


def adapter(*requirements: str, name: str = "toy", overrides: tuple[str, ...] = ()) -> Adapter:
    return Adapter(
        name=name,
        summary="Lennard-Jones for tests",
        loader="bsct_zoo_toy.loader:load",
        cards=(
            ModelCard(
                name="argon",
                title="Lennard-Jones",
                level_of_theory="Lennard-Jones",
                licence="CC0-1.0",
                source="a textbook",
                notes={"epsilon": 0.0104, "sigma": 3.4},
            ),
        ),
        environment=EnvironmentSpec(requirements, overrides),
        options=(Option("mode", str, "good", "how to behave"),),
    )


@hookimpl
def register_adapters() -> list[Adapter]:
    return [adapter("six==1.16.0")]
