"""A third-party package with one plugin that works, and four that do not."""

from bsct_zoo import hookimpl
from bsct_zoo.plugins.cards import Adapter, ModelCard


def trap() -> Adapter:
    return Adapter(
        name="trap",
        summary="every atom in a harmonic trap",
        loader="bsct_zoo_good.loader:load",
        cards=(ModelCard("soft", "soft trap", "none", "MIT", "a test", notes={"k": 1.0}),),
    )


@hookimpl
def register_adapters() -> list[Adapter]:
    return [trap()]


@hookimpl
def register_commands(app) -> None:
    @app.command("hello")
    def hello() -> None:
        """Say hello."""
        print("hello from a plugin")
