"""Ask before weights are downloaded, and show the progress."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bsct_zoo.models.naming import ModelSpec
    from bsct_zoo.models.weights import Fetched
    from bsct_zoo.plugins.cards import Adapter, ModelCard


def resolve_models(texts: Sequence[str], *, trust: bool, yes: bool, quiet: bool = False) -> list[ModelSpec]:
    """The models that ``texts`` name, ready to load; missing weights are downloaded after confirmation.

    Every name is checked before anything is downloaded; ``quiet`` hides how that goes, not its warnings.

    Raises:
        MissingWeightsError: weights are missing, and neither ``yes`` nor a user at a terminal agreed to a download.
        BadInputError: see ``parse_model``.
    """
    from bsct_zoo.errors import MissingWeightsError
    from bsct_zoo.models.naming import named_model, parse_model, refuse_ambiguous

    ready: dict[str, ModelSpec] = {}
    missing: dict[str, ModelSpec] = {}
    for text in texts:
        try:
            ready[text] = parse_model(text, trust=trust)
        except MissingWeightsError:
            spec = named_model(text)
            if not (yes or confirmed(spec.adapter, spec.card)):
                raise
            missing[f"{spec.adapter.name}:{spec.card.name}"] = spec
    for spec in missing.values():
        fetch_shown(spec.adapter, spec.card, quiet)
    specs = [ready.get(text) or parse_model(text, trust=trust) for text in texts]
    refuse_ambiguous(specs)
    return specs


def confirmed(adapter: Adapter, card: ModelCard) -> bool:
    """Whether a user at a terminal agrees to a download; False where nobody can be asked."""
    import typer

    from bsct_zoo.models.weights import size_text

    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    print(f"{adapter.name}:{card.name} needs weights: {size_text(card.size)}, licence {card.licence}", file=sys.stderr)
    print(f"  from {card.url}", file=sys.stderr)
    return typer.confirm("download them?", err=True)


def fetch_shown(adapter: Adapter, card: ModelCard, quiet: bool = False) -> Fetched:
    """Download the weights of ``card``; how that goes is said on standard error, or if ``quiet`` its warnings alone.

    Raises:
        DownloadError: see ``weights.fetch``; also its other errors.
    """
    from bsct_zoo.models.weights import fetch, size_text
    from bsct_zoo.report.bars import download_bar

    name = f"{adapter.name}:{card.name}"
    with download_bar(name, card.size, quiet) as (tell, say, warn):
        say(f"fetching {name} from {card.url}")
        say(f"  {size_text(card.size)}, licence {card.licence}; by downloading you accept its terms")
        if card.sha256 is None:
            warn(f"  warning: its sha256 is not known in advance; only {card.url} vouches for the file")
        fetched = fetch(adapter, card, tell=tell, on_event=lambda text: say(f"  {text}"))
        checked = "sha256 verified" if card.sha256 else f"sha256 {fetched.sha256}, recorded"
        say(f"  {size_text(fetched.size)}, {checked}: {fetched.path}")
        if card.sha256 is None and card.executes_code:
            warn(f"  the file can run code when it is loaded: '{name}' loads only with --trust")
    return fetched
