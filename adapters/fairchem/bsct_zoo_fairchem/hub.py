"""Fetch a model from the hub with the hub's own client: gated repositories want a token."""

from __future__ import annotations

from pathlib import Path

from bsct_zoo.errors import DownloadError
from bsct_zoo.plugins.cards import ModelCard
from bsct_zoo_fairchem.pretrained import Hosted, hosted

REFERENCES = "atom_references.yaml"  # beside a checkpoint


def fetch(card: ModelCard, folder: Path) -> Path:
    """Get the checkpoint of ``card`` into ``folder``, and the energies of isolated atoms beside it.

    Raises:
        DownloadError: no licence accepted, no token, no network, or no such file any more.
    """
    place = hosted(card.name)
    checkpoint = _file(place, place.path, Path(folder))
    if place.references:
        _file(place, place.references, Path(folder)).replace(checkpoint.with_name(REFERENCES))
    return checkpoint


def _file(place: Hosted, path: str, folder: Path) -> Path:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError

    try:
        return Path(hf_hub_download(place.repository, path, local_dir=folder))
    except (GatedRepoError, RepositoryNotFoundError) as error:
        raise DownloadError(
            f"the hub does not hand out {place.url}: accept the licence at {place.page} "
            "and set HF_TOKEN to a token of that account"
        ) from error
    except LocalEntryNotFoundError as error:
        raise DownloadError(
            f"{place.url} cannot be reached; connect, or get the file elsewhere and use fairchem:PATH --trust"
        ) from error
    except (HfHubHTTPError, OSError) as error:
        raise DownloadError(f"{place.url} cannot be had: {' '.join(str(error).split())[:200]}") from error
