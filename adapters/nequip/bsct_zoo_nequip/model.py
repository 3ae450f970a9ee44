"""A model of nequip, however it was stored, with what must be known to feed it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from ase.data import atomic_numbers
from torch import nn

from bsct_zoo.errors import BadInputError
from bsct_zoo_nequip.accelerated import accelerated
from bsct_zoo_nequip.files import COMPILED
from bsct_zoo_nequip.packages import AtomicDataDict, ready

Frames = Literal["any", "one", "several"]
_FIELDS = {"pos", "atom_types", "edge_index", "edge_cell_shift", "cell", "batch", "num_atoms"}  # that we can give


@dataclass(frozen=True)
class NequipModel:
    """A network and its facts.

    Attributes:
        network: from an ``AtomicDataDict`` to one with energies, forces and stress.
        elements: atomic number of each of its atom types.
        cutoff: the largest, in Å.
        edge_type_cutoffs: cut-offs in Å by pairs of type names, as nequip writes them; None if there is but one.
        dtype: what it computes in.
        frames: how many it takes at a time: "any", "one" (compiled for ASE), "several" (two or more: compiled for
            batches, since a compiler takes a size of one for a constant).
    """

    network: nn.Module
    elements: tuple[int, ...]
    cutoff: float
    edge_type_cutoffs: Mapping[str, Any] | None
    dtype: Literal["float32", "float64"]
    frames: Frames = "any"


def from_graph_model(model: nn.Module) -> NequipModel:
    """A ``GraphModel``, as nequip's builders make it and its packages hold it.

    Raises:
        BadInputError: its types are not elements, or it wants to be told more than positions and elements.
    """
    from nequip.nn.embedding.utils import cutoff_str_to_fulldict

    # A packaged model brings classes of its own, so its fields are told by name.
    asked: set[str] = set()
    for module in model.modules():
        asked |= set(getattr(module, "categorical_graph_field_embed_shifts", {}))
    if asked - _FIELDS:
        raise BadInputError(
            f"the model wants to be told {', '.join(sorted(asked))} of every system; only models of positions and "
            "elements alone are read here"
        )
    facts = dict(model.metadata)
    names = facts["type_names"].split()
    cutoffs = facts.get("per_edge_type_cutoff")
    return NequipModel(
        network=model.eval(),
        elements=_elements(names),
        cutoff=float(facts["r_max"]),
        edge_type_cutoffs=None if cutoffs is None else cutoff_str_to_fulldict(cutoffs, names),
        dtype=_dtype(facts["model_dtype"]),
    )


def from_file(path: Path, device: str, accelerate: str = "") -> NequipModel:
    """A user's file, through nequip's own loaders. It can execute code; the caller has seen to it that it may.

    Raises:
        BadInputError: it is damaged, not a model of nequip, or compiled for another device or program, or it is to
            be accelerated and cannot.
    """
    ready()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if path.name.endswith(COMPILED):
                if accelerate:
                    raise BadInputError("it is compiled already; leave accelerate away")
                return _compiled(path, device)
            from nequip.model.saved_models import load_saved_model

            mode = "compile" if accelerate == "compile" else "eager"
            load = partial(load_saved_model, str(path), compile_mode=mode)
            return from_graph_model(accelerated(load, accelerate, device))
    except BadInputError as error:
        raise BadInputError(f"{path.name}: {error}") from error
    except Exception as error:  # what a damaged pickle, archive or library raises has no end
        text = " ".join(str(error).replace(f"{path.parent}/", "").split())[:200] or type(error).__name__
        raise BadInputError(f"{path.name} is not a model of nequip that runs here, or a damaged one: {text}") from error


def _compiled(path: Path, device: str) -> NequipModel:
    from nequip.model.inference_models import load_compiled_model

    network, facts = load_compiled_model(str(path), device)
    frames: Frames = "any"
    if path.name.endswith(".nequip.pt2"):
        dtype = facts["model_dtype"]
        inputs, outputs = (set(facts[f"nequip_aoti_{side}"].split()) for side in ("inputs", "outputs"))
        if inputs - _FIELDS or not {"total_energy", "forces", "stress"} <= outputs:
            raise BadInputError("it was compiled for another program; compile it with --target batch (or ase)")
        frames = "several" if AtomicDataDict.BATCH_KEY in inputs else "one"
    else:
        extra = {"model_dtype": ""}
        torch.jit.load(str(path), _extra_files=extra, map_location=device)
        dtype = extra["model_dtype"]
        dtype = dtype.decode() if isinstance(dtype, bytes) else dtype
    return NequipModel(
        network=network,
        elements=_elements(facts["type_names"]),
        cutoff=float(facts["r_max"]),
        edge_type_cutoffs=facts["per_edge_type_cutoff"],
        dtype=_dtype(dtype),
        frames=frames,
    )


def _elements(names: list[str]) -> tuple[int, ...]:
    foreign = [name for name in names if atomic_numbers.get(name, 0) < 1]
    if foreign:
        raise BadInputError(f"its atom types ({', '.join(names)}) are not all chemical symbols")
    return tuple(int(atomic_numbers[name]) for name in names)


def _dtype(name: str) -> Literal["float32", "float64"]:
    if name == "float64":
        return "float64"
    if name == "float32":
        return "float32"
    raise BadInputError(f"it computes in '{name}'; float32 or float64 is read here")
