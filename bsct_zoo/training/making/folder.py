"""The folder that trainers read, from what was made of each molecule."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ase.data import chemical_symbols

from bsct_zoo.errors import BadInputError
from bsct_zoo.files import atomic_write, npz_bytes, sha256
from bsct_zoo.kept import sealed_json
from bsct_zoo.training.data import SPLITS, checked_frames
from bsct_zoo.training.foreign import reference_energies
from bsct_zoo.training.making.frames import Frame, Made
from bsct_zoo.training.making.recipe import KINDS
from bsct_zoo.training.making.tasks import flat


def write_folder(
    out: Path, parts: Sequence[tuple[str, str, Made]], facts: Mapping[str, Any], stated: bool
) -> dict[str, Any]:
    """Write the splits and, last, their manifest; returns what that holds.

    Args:
        out: the folder.
        parts: name, split and frames of each molecule, in order.
        facts: of the manifest, before what is counted here.
        stated: charge and multiplicity say more than what elements do, and are written.

    Raises:
        BadInputError: there is nothing to train on or to validate with.
    """
    frames: dict[str, list[Frame]] = {split: [] for split in SPLITS}
    index: dict[str, list[int]] = {split: [] for split in SPLITS}
    dropped: Counter[str] = Counter()
    for number, (_, split, made) in enumerate(parts):
        frames[split] += made.frames
        index[split] += [number] * len(made.frames)
        dropped += made.dropped
    for split in ("train", "valid"):
        if not frames[split]:
            raise BadInputError(f"there are no frames for '{split}'; give more molecules, or other numbers of frames")
    known = _elements(frames["train"])
    for split, found in frames.items():
        if foreign := sorted(_elements(found) - known):
            symbols = ", ".join(chemical_symbols[z] for z in foreign)
            raise BadInputError(f"{symbols}: only in frames of '{split}', with none to train on; give more molecules")
    files = {}
    for split, found in frames.items():
        if found:
            files[split] = npz_bytes(dict(sorted(flat_split(found, index[split], stated).items())))
            atomic_write(out / f"{split}.npz", files[split])
        else:
            (out / f"{split}.npz").unlink(missing_ok=True)
    manifest = {
        **facts,
        "kinds": list(KINDS),
        "molecules": [{"index": k, "name": name, "split": split} for k, (name, split, _) in enumerate(parts)],
        "dropped": dict(dropped),
        "reference_energies": _references(frames["train"]),
        "counts": {split: _counts(found) for split, found in frames.items() if found},
        "sha256": {f"{split}.npz": sha256(content) for split, content in files.items()},
    }
    atomic_write(out / "manifest.json", sealed_json(manifest))
    return manifest


def flat_split(frames: Sequence[Frame], molecule: Sequence[int], stated: bool) -> dict[str, Any]:
    """The arrays of one split; what every frame has by default is not written."""
    arrays = flat(frames) | {"molecule": np.array(molecule, dtype=np.int64)}
    if not arrays["pbc"].any():
        del arrays["pbc"], arrays["cell"]
    if not stated:
        del arrays["charge"], arrays["spin"]
    return arrays


def _references(frames: Sequence[Frame]) -> dict[str, float]:
    """Energy of each element by least squares over the frames of dynamics; over all if those lack an element."""
    elements = _elements(frames)
    moving = [frame for frame in frames if KINDS[frame.kind] == "md"]
    if _elements(moving) != elements:
        moving = list(frames)
    found = reference_energies(checked_frames(flat(moving), "train", len(KINDS)))
    return {symbol: found[symbol] for symbol in (chemical_symbols[z] for z in sorted(elements))}


def _counts(frames: Sequence[Frame]) -> dict[str, float]:
    kinds = Counter(KINDS[frame.kind] for frame in frames)
    atoms = float(np.mean([len(frame.atoms) for frame in frames]))
    return {"frames": len(frames), "mean_atoms": round(atoms, 3), **{kind: kinds[kind] for kind in KINDS}}


def _elements(frames: Sequence[Frame]) -> set[int]:
    return {int(z) for frame in frames for z in frame.atoms.numbers}
