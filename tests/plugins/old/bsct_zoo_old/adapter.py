from bsct_zoo.cards import Adapter, ModelCard
from bsct_zoo.checkpoints import read_vouched

from bsct_zoo import hookimpl
from bsct_zoo.errors import BadInputError
from bsct_zoo.files import write_whole

assert callable(read_vouched) and callable(write_whole) and issubclass(BadInputError, Exception)


@hookimpl
def register_adapters() -> list[Adapter]:
    card = ModelCard("soft", "soft trap", "none", "MIT", "a test", notes={"k": 1.0})
    return [Adapter("old-trap", "every atom in a harmonic trap", "bsct_zoo_old.loader:load", (card,))]
