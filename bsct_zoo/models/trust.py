"""When a file that can run code may be loaded.

Trust is a hash: a card that may be loaded carries the sha256 of its file, and the reader verifies the bytes
that it reads against it (``checkpoints.read_trusted``). A file that is exchanged after the check is refused as well.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bsct_zoo.errors import BadInputError, UntrustedFileError
from bsct_zoo.files import sha256
from bsct_zoo.plugins.cards import ModelCard
from bsct_zoo.plugins.registry import registry


def trusted(name: str, card: ModelCard, *, trust: bool = False) -> ModelCard:
    """``card`` with the sha256 of its file, if the file may be loaded; ``name`` is the user's name for it.

    A format that cannot run code needs no trust. One that can needs its sha256 on a card of an installed plugin, or
    ``trust``.

    Raises:
        UntrustedFileError: the file is unverified.
        BadInputError: it is missing, or not the one that its card names.
    """
    if not card.executes_code or card.checkpoint is None:
        return card
    try:
        digest = sha256(Path(card.checkpoint))
    except OSError as error:
        raise BadInputError(f"cannot read {card.checkpoint}: {error.strerror}") from error
    if card.sha256 not in (None, digest):
        raise BadInputError(f"{card.checkpoint} is not the file that its card names (sha256 differs); get it again")
    known = {known.sha256 for adapter in registry().adapters.values() for known in adapter.cards}
    if trust or digest in known:
        return replace(card, sha256=digest)
    reason = f"no card of an installed plugin knows its sha256 ({digest[:12]}…)"
    raise UntrustedFileError(
        f"'{name}' can run code when it is loaded, and {reason}; add --trust if you trust its author"
    )
