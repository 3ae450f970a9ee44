"""Checkpoints without pickles: weights as safetensors, and a JSON of the same name with everything else.

The JSON holds ``format`` and ``version`` (whose it is), ``config`` (what to build), ``sha256`` (of the weights) and
``card`` (facts for users); one that we write ends with ``seal``, a hash of it all (``bsct_zoo.kept``). Reading it
imports nothing heavy.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bsct_zoo.atoms.elements import SYMBOLS
from bsct_zoo.errors import BadInputError, UntrustedFileError
from bsct_zoo.files import atomic_write
from bsct_zoo.files import sha256 as hashed
from bsct_zoo.kept import opened_json, sealed_json
from bsct_zoo.plugins.cards import ModelCard

if TYPE_CHECKING:
    from torch import Tensor

_LARGEST_FACTS = 16 << 20  # bytes; ours have a few thousand
_TEXTS = ("name", "title", "level_of_theory", "licence", "source", "citation", "url")


def save_checkpoint(
    path: Path,
    format: str,
    version: int,
    config: Mapping[str, Any],
    weights: Mapping[str, Tensor],
    card: Mapping[str, Any],
) -> None:
    """Write ``path`` (.safetensors) and the JSON beside it."""
    from safetensors.torch import save

    atomic_write(path, save({name: value.detach().cpu().contiguous().clone() for name, value in weights.items()}))
    facts = {"format": format, "version": version, "config": dict(config), "sha256": hashed(path), "card": dict(card)}
    atomic_write(path.with_suffix(".json"), sealed_json(facts))


def read_facts(path: Path, format: str, version: int) -> dict[str, Any]:
    """The JSON beside the checkpoint at ``path``.

    Raises:
        BadInputError: it is missing, not JSON, or not of this format, or of another version.
    """
    beside = path.with_suffix(".json")
    try:
        with beside.open("rb") as file:
            content = file.read(_LARGEST_FACTS + 1)
    except OSError as error:
        raise BadInputError(
            f"{beside} is missing; a checkpoint is a .safetensors and a .json of the same name"
        ) from error
    if len(content) > _LARGEST_FACTS:
        raise BadInputError(f"{beside} is larger than {_LARGEST_FACTS >> 20} MiB; it is not the card of a checkpoint")
    facts = opened_json(content, beside, unsealed=True)
    if facts.get("format") != format:
        raise BadInputError(f"{beside} does not describe a {format} checkpoint")
    if facts.get("version") != version:
        raise BadInputError(
            f"{beside} has version {facts.get('version')}; this bsct-zoo reads version {version}: "
            "train the model again, or use the bsct-zoo that wrote it"
        )
    if not {"config", "sha256", "card"} <= facts.keys():
        raise BadInputError(f"{beside} is incomplete: it needs config, sha256 and card")
    return facts


def read_weights(path: Path, sha256: str | None = None) -> dict[str, Tensor]:
    """The weights at ``path``, on the CPU.

    Raises:
        BadInputError: the file is missing or damaged, or not the one that ``sha256`` names.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        content = path.read_bytes()
        if sha256 is not None and hashed(content) != sha256:
            raise BadInputError(f"{path} is not the file that its card names (sha256 differs); get it again")
        weights: dict[str, Tensor] = load(content)
    except OSError as error:
        raise BadInputError(f"cannot read {path}: {error.strerror}") from error
    except SafetensorError as error:
        raise BadInputError(f"{path} is not a safetensors file, or a damaged one; get it again") from error
    return weights


def checkpoint_card(path: Path, format: str, version: int) -> ModelCard:
    """The card of a checkpoint.

    Raises:
        BadInputError: the checkpoint or its JSON is missing or invalid.
    """
    if not path.exists():
        raise BadInputError(f"there is no file {path}")
    facts = read_facts(path, format, version)
    try:
        import msgspec  # not in the environments of models, which get the card

        card: ModelCard = msgspec.convert(facts["card"], ModelCard)
        for key, value in {**{key: getattr(card, key) for key in _TEXTS}, "sha256": facts["sha256"]}.items():
            # A foreign card is printed, and must not control the terminal.
            if not isinstance(value, str) or not all(c.isprintable() or c == "\n" for c in value):
                raise ValueError(f"its {key} is not printable text")
        unknown = [str(key) for key in facts["card"] if key not in {field.name for field in fields(ModelCard)}]
        if unknown:
            raise ValueError(f"it holds '{unknown[0]}', which no card has")
        foreign = [symbol for symbol in card.elements if symbol not in SYMBOLS[1:]]
        if foreign:
            raise ValueError(f"its elements hold {foreign[0]!r}, which is none")
        return replace(card, checkpoint=str(path.resolve()), sha256=facts["sha256"])
    except (TypeError, ValueError) as error:
        raise BadInputError(f"{path.with_suffix('.json')} has an invalid card: {error}") from error


def shipped_cards(folder: Path, format: str, version: int) -> tuple[ModelCard, ...]:
    """Cards of the checkpoints in ``folder``; the one called small comes first, so that it is the default."""
    paths = sorted(folder.glob("*.safetensors"), key=lambda path: (path.stem != "small", path.stem))
    return tuple(checkpoint_card(path, format, version) for path in paths)


# -- files that can run code -------------------------------------------------------------------------------------


def file_in_package(card: ModelCard, module: str) -> Path:
    """The file ``notes["file"]`` of ``card`` inside an installed package, which is not imported.

    Raises:
        BadInputError: the package is missing, or the file is not the one of ``notes["sha256"]``.
    """
    package = find_spec(module)
    if package is None or not package.submodule_search_locations:
        raise BadInputError(f"the {card.source} is missing")
    path = Path(package.submodule_search_locations[0]) / str(card.notes["file"])
    if not path.is_file() or hashed(path) != card.notes["sha256"]:
        raise BadInputError(f"{path} is not the file that its card names (sha256 differs)")
    return path


def require_trusted(card: ModelCard) -> None:
    """Raise unless the file of ``card`` may be read: the last check before any loader, here and in a worker.

    Raises:
        UntrustedFileError: it can run code and is not trusted, see ``bsct_zoo.models.trust``.
        BadInputError: it is missing, or not the trusted file.
    """
    if not card.executes_code or card.checkpoint is None:
        return
    if Path(card.checkpoint).is_dir():
        _require_same(Path(card.checkpoint), card)
    else:
        read_trusted(card)


def read_trusted(card: ModelCard) -> bytes:
    """The bytes of the file of ``card``, whose format may run code; load them from memory, do not read the file again.

    Raises:
        UntrustedFileError: it is not trusted: ``card.sha256`` is None.
        BadInputError: it is missing, or its bytes do not match ``card.sha256``.
    """
    assert card.checkpoint is not None
    try:
        content = Path(card.checkpoint).read_bytes()
    except OSError as error:
        raise BadInputError(f"cannot read {card.checkpoint}: {error.strerror}") from error
    _require_same(content, card)
    return content


def _require_same(content: bytes | Path, card: ModelCard) -> None:
    """Raise unless ``content``, or the folder there, is what was trusted.

    Raises:
        UntrustedFileError: nothing was trusted.
        BadInputError: it is another.
    """
    if card.sha256 is None:
        raise UntrustedFileError(
            f"{card.checkpoint} can run code when it is loaded, and it is not trusted; "
            "add --trust if you know who made it"
        )
    if hashed(content) != card.sha256:
        raise BadInputError(f"{card.checkpoint} is not the file that was trusted (sha256 differs); get it again")


@contextmanager
def trusted_copy(card: ModelCard) -> Iterator[Path]:
    """A private copy of the file or folder of ``card``, for packages that load from a path only; removed afterwards.

    Raises:
        UntrustedFileError: see ``read_trusted``.
        BadInputError: likewise.
    """
    source = Path(os.fspath(card.checkpoint or ""))
    with tempfile.TemporaryDirectory(prefix="bsct-zoo-") as folder:  # nobody else may write into it
        path = Path(folder) / source.name
        if source.is_dir():
            try:
                shutil.copytree(source, path)
            except (OSError, shutil.Error) as error:
                raise BadInputError(f"cannot read {source}: {error}") from error
            _require_same(path, card)
        else:
            path.write_bytes(read_trusted(card))
        yield path
