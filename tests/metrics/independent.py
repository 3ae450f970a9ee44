"""The published metrics once more, frame by frame in plain Python, to compare with."""

import itertools
import math


def kept_frames(scan):
    return [
        k
        for k in range(len(scan.coordinate))
        if math.isfinite(scan.energy[k]) and all(math.isfinite(x) for row in scan.forces[k] for x in row)
    ]


def square(a, b):
    return sum((x - y) ** 2 for row, other in zip(a, b, strict=True) for x, y in zip(row, other, strict=True))


def published(scan, energy, forces):
    frames = kept_frames(scan)
    e = min(frames, key=lambda k: scan.energy[k])
    reference = scan.forces.tolist()
    model = forces.tolist()
    d = {
        k: math.log(max(square(model[k], reference[e]), 1.0)) - math.log(max(square(reference[k], reference[e]), 1.0))
        for k in frames
    }
    parts = {"full": frames, "compress": [k for k in frames if k <= e], "stretch": [k for k in frames if k >= e]}
    found = {}
    for name, part in parts.items():
        slopes = [abs(d[b] - d[a]) / abs(scan.coordinate[b] - scan.coordinate[a]) for a, b in itertools.pairwise(part)]
        found[f"fsd_{name}"] = max(slopes) if slopes else None
        gaps = [abs(energy[k] - scan.energy[k]) for k in part]
        found[f"energy_mae_{name}"] = sum(gaps) / len(gaps)
        zero = energy[e] - scan.energy[e]
        gaps = [abs(energy[k] - scan.energy[k] - zero) for k in part]
        found[f"energy_mae_aligned_{name}"] = sum(gaps) / len(gaps)
        gaps = [
            abs(x - y)
            for k in part
            for row, other in zip(model[k], reference[k], strict=True)
            for x, y in zip(row, other, strict=True)
        ]
        found[f"forces_mae_{name}"] = sum(gaps) / len(gaps)
    return found
