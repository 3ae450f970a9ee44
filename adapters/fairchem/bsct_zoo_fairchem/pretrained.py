"""Cards of the models that fairchem-core names and its hub keeps. Imports nothing heavy, fetches nothing."""

from __future__ import annotations

from dataclasses import dataclass

from bsct_zoo.plugins.cards import ModelCard

HUB = "https://huggingface.co"
UMA = "B. M. Wood et al., UMA, arXiv:2506.23971"
OMOL = "D. S. Levine et al., OMol25, arXiv:2505.08762"
ALLSCAIP = "AllScAIP of fairchem-core; trained on OMol25 (D. S. Levine et al., arXiv:2505.08762)"
OC25 = "OC25, arXiv:2509.17862"
ODAC = "ODAC25 of FAIR Chemistry and Georgia Tech (2025)"

BY_TASK = "by task"  # level of theory of a model with several tasks, until one is chosen
LEVELS = {
    "omol": "ωB97M-V/def2-TZVPD",
    "omat": "PBE/PBE+U",
    "omc": "PBE+D3",
    "odac": "PBE+D3",
    "oc20": "RPBE",
    "oc25": "DFT of OC25",
}


@dataclass(frozen=True)
class Hosted:
    """Where the hub keeps a model.

    Attributes:
        repository: "owner/name" at the hub.
        path: of the checkpoint in it.
        references: path of the table of isolated atoms' energies in it; empty if the model has none.
    """

    repository: str
    path: str
    references: str = ""

    @property
    def page(self) -> str:
        """Where its licence is accepted."""
        return f"{HUB}/{self.repository}"

    @property
    def url(self) -> str:
        """Of the checkpoint."""
        return f"{self.page}/resolve/main/{self.path}"


_ATOMS = "references/iso_atom_elem_refs.yaml"
_UMA = "facebook/UMA", BY_TASK, UMA
_OMOL = "facebook/OMol25", LEVELS["omol"], OMOL
_ALLSCAIP = "facebook/OMol25", LEVELS["omol"], ALLSCAIP
_OC25 = "facebook/OC25", LEVELS["oc25"], OC25
_ODAC = "facebook/ODAC25", LEVELS["odac"], ODAC

# name: title, (repository, level of theory, citation), path, references
_MODELS = {
    "uma-s-1p2p1": ("UMA small 1.2.1", _UMA, "checkpoints/uma-s-1p2p1.pt", _ATOMS),
    "uma-s-1p2": ("UMA small 1.2", _UMA, "checkpoints/uma-s-1p2.pt", _ATOMS),
    "uma-s-1p1": ("UMA small 1.1", _UMA, "checkpoints/uma-s-1p1.pt", _ATOMS),
    "uma-m-1p1": ("UMA medium 1.1", _UMA, "checkpoints/uma-m-1p1.pt", _ATOMS),
    "uma-s-1p2p1-ft-d4rev": (
        "UMA small 1.2.1, tuned to ωB97M-D4rev",
        ("facebook/UMA", "ωB97M-D4rev", UMA),
        "checkpoints/uma-s-1p2p1-ft-d4rev.pt",
        "",
    ),
    "uma-s-1p2p1-ft-r2scan": (
        "UMA small 1.2.1, tuned to r²SCAN",
        ("facebook/UMA", "r²SCAN", UMA),
        "checkpoints/uma-s-1p2p1-ft-r2scan.pt",
        "",
    ),
    "esen-md-direct-all-omol": ("eSEN medium, direct, OMol25", _OMOL, "checkpoints/esen_md_direct_all.pt", _ATOMS),
    "esen-sm-conserving-all-omol": (
        "eSEN small, conserving, OMol25",
        _OMOL,
        "checkpoints/esen_sm_conserving_all.pt",
        _ATOMS,
    ),
    "esen-sm-direct-all-omol": ("eSEN small, direct, OMol25", _OMOL, "checkpoints/esen_sm_direct_all.pt", _ATOMS),
    "allscaip-md-conserving-all-omol": (
        "AllScAIP medium, conserving, OMol25",
        _ALLSCAIP,
        "checkpoints/AllScAIP/AllScAIP-OMol102M-md-cons.pt",
        _ATOMS,
    ),
    "allscaip-md-direct-all-omol": (
        "AllScAIP medium, direct, OMol25",
        _ALLSCAIP,
        "checkpoints/AllScAIP/AllScAIP-OMol102M-md-d.pt",
        _ATOMS,
    ),
    "esen-sm-conserving-all-oc25": ("eSEN small, conserving, OC25", _OC25, "checkpoints/esen_sm_conserve.pt", _ATOMS),
    "esen-md-direct-all-oc25": ("eSEN medium, direct, OC25", _OC25, "checkpoints/esen_md_direct.pt", _ATOMS),
    "esen-sm-filtered-odac25": (
        "eSEN small, ODAC25 filtered",
        _ODAC,
        "checkpoints/esen_sm_odac25_filtered.pt",
        "references/odac_elem_refs.yaml",
    ),
    "esen-sm-full-odac25": (
        "eSEN small, ODAC25 full",
        _ODAC,
        "checkpoints/esen_sm_odac25_full.pt",
        "references/odac_elem_refs.yaml",
    ),
}


def hosted(name: str) -> Hosted:
    """Where the hub keeps the model called ``name``."""
    _, (repository, _, _), path, references = _MODELS[name]
    return Hosted(repository, path, references)


def pretrained() -> tuple[ModelCard, ...]:
    """Cards of the hub's models; their files are pickles, whose sha256 only the hub knows."""
    return tuple(
        ModelCard(
            name=name,
            title=title,
            level_of_theory=level,
            licence=f"FAIR Chemistry License or as {HUB}/{repository} says",
            source=f"{HUB}/{repository} (accept its licence there, then set HF_TOKEN)",
            executes_code=True,
            url=hosted(name).url,
            citation=citation,
        )
        for name, (title, (repository, level, citation), _, _) in _MODELS.items()
    )
