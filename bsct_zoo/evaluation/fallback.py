"""Frames whose self-consistency does not converge, asked again with fallback SCF settings: references and models alike.

Whoever is held against a reference must have what the reference had, or its row fails where the reference did not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

FALLBACK = "fallback_scf"  # the option of an adapter that has fallback settings for frames that do not converge


def ask_outwards(
    usual: Sequence[int], known: Sequence[int], failed: Sequence[int], ask: Callable[[list[int]], bool]
) -> None:
    """Ask about ``failed`` frames of a scan, from those that converged outwards, each after its neighbour.

    Which neighbour that is does not depend on where an earlier run was cut off.

    Args:
        usual: frames that converged with the usual settings.
        known: frames that converged with fallback settings before.
        failed: frames that are to be asked.
        ask: gets a frame, behind the neighbour whose density it may start from; says whether it has an answer now.
    """
    good = [*usual, *known]
    for f in sorted(failed, key=lambda f: min((abs(f - g) for g in usual), default=0)):
        near = min(good, key=lambda g: (abs(f - g), g), default=None)
        if ask([f] if near is None else [near, f]):
            good.append(f)
