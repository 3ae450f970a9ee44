"""Frames of molecules held by springs: labels that a model can learn in seconds."""

import hashlib
import json

import numpy as np

REST = {
    "H2O": ([8, 1, 1], [[0, 0, 0.12], [0, 0.76, -0.48], [0, -0.76, -0.48]]),
    "CO": ([6, 8], [[0, 0, 0], [0, 0, 1.13]]),
}
REFERENCE = {"H": -10.0, "C": -50.0, "O": -100.0}
NUMBERS = {1: "H", 6: "C", 8: "O"}


def springs(numbers, rest, positions):
    """Energy [n] in eV and forces [n, atoms, 3] in eV/Å of frames [n, atoms, 3], every pair at its rest length."""
    energy = np.full(len(positions), sum(REFERENCE[NUMBERS[z]] for z in numbers) - 2.0 * len(numbers))
    forces = np.zeros_like(positions)
    for i in range(len(numbers)):
        for j in range(i):
            length = np.linalg.norm(np.subtract(rest[i], rest[j]))
            vector = positions[:, j] - positions[:, i]
            distance = np.linalg.norm(vector, axis=1)
            energy += 10 * (distance - length) ** 2
            pull = 20 * ((distance - length) / distance)[:, None] * vector
            forces[:, i] += pull
            forces[:, j] -= pull
    return energy, forces


def frames(names, n, seed):
    """Arrays of ``n`` frames of each molecule, as files of frames hold them."""
    random = np.random.default_rng(seed)
    parts = []
    for k, name in enumerate(names):
        numbers, rest = REST[name]
        positions = np.array(rest) + random.normal(0, 0.05, (n, len(numbers), 3))
        energy, forces = springs(numbers, rest, positions)
        parts.append(
            {
                "atomic_numbers": np.tile(numbers, n),
                "positions": positions.reshape(-1, 3),
                "forces": forces.reshape(-1, 3),
                "energy": energy,
                "n_atoms": np.full(n, len(numbers)),
                "kind": np.full(n, k, np.int8),
            }
        )
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}


def write(folder, n_train=200, n_valid=20, n_test=10):
    """A folder of frames that a trainer reads."""
    folder.mkdir(parents=True, exist_ok=True)
    digests = {}
    for seed, (split, n) in enumerate([("train", n_train), ("valid", n_valid), ("test", n_test)]):
        path = folder / f"{split}.npz"
        np.savez(path, **frames(["H2O", "CO"], n, seed))
        digests[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    facts = {
        "level_of_theory": "springs",
        "kinds": ["water", "monoxide"],
        "reference_energies": REFERENCE,
        "sha256": digests,
    }
    (folder / "manifest.json").write_text(json.dumps(facts))
    return folder
