"""Promises are tried on light, organic and heavy elements: a fault that shows for one of them alone is found."""

import re

import numpy as np
import pytest
import torch

from bsct_zoo.atoms.neighbours import pairs_within
from bsct_zoo.conformance import probes
from bsct_zoo.conformance.properties import try_property
from bsct_zoo.conformance.subject import Subject
from bsct_zoo.potentials.gradients import predict_by_gradient
from bsct_zoo.potentials.potential import Potential, PotentialInfo, Prediction

RADIUS = 6.0  # Å
EVERYTHING = frozenset({1, 6, 7, 8, 9, 17, 29, 35, 53, 55, 79})


class Pairs(Potential):
    """A well for every pair, which fades smoothly at 6 Å, and not at all (``* (d < 6.0)``) where ``bare`` says so."""

    def __init__(self, bare=lambda first, second, crowded: False, elements=EVERYTHING):
        self.bare = bare
        facts = ("float64", "cpu", True, "pairs", "MIT")
        self.info = PotentialInfo(elements, RADIUS, *facts, has_stress=True)

    def compute(self, batch):
        return predict_by_gradient(self.energy, batch)

    def energy(self, batch):
        pairs = pairs_within(batch, RADIUS)
        distance = pairs.vectors.norm(dim=1)
        z = batch.atomic_numbers
        crowded = torch.bincount(pairs.source, minlength=batch.n_atoms)[pairs.target] > 1
        bare = self.bare(z[pairs.source], z[pairs.target], crowded) | torch.zeros_like(distance, dtype=torch.bool)
        fade = torch.where(bare, torch.ones_like(distance), (1 - (distance / RADIUS) ** 2).clamp(min=0) ** 3)
        well = -0.5 * torch.exp(-0.5 * distance) * fade * (distance < RADIUS)
        return torch.zeros(batch.n_systems, dtype=torch.float64).index_add(0, batch.system_idx[pairs.source], well)


def found(name, potential):
    return try_property(name, Subject(potential))


def among(*numbers):
    return lambda first, second, crowded: (
        torch.isin(first, torch.tensor(numbers)) & torch.isin(second, torch.tensor(numbers))
    )


def test_a_smooth_one_passes():
    finding = found("cutoff", Pairs())
    assert finding.status == "passed" and finding.figure < 1e-6


@pytest.mark.parametrize(
    ("where", "who"),
    [
        ((1,), "H-H|H that leaves H"),
        ((7, 8), "O"),
        ((6, 8), "C"),
        ((29, 79), "Cu"),
        ((55,), "Cs-Cs"),
        ((35,), "Br-Br|Br that leaves Br"),
    ],
)
def test_a_bare_cutoff_is_found_whatever_it_is_of(where, who):
    finding = found("cutoff", Pairs(among(*where)))
    assert finding.status == "failed" and re.search(who, finding.message)
    # Both directions of a pair count: exp(-3) eV.
    assert finding.figure == pytest.approx(np.exp(-0.5 * RADIUS), rel=1e-3) or finding.unit == "eV/Å"


def test_a_bare_cutoff_between_unlike_elements_is_found():
    unlike = lambda first, second, crowded: (first == 29) & (second == 79) | (first == 79) & (second == 29)  # noqa: E731
    assert "Cu-Au" in found("cutoff", Pairs(unlike)).message


def test_a_step_that_needs_a_third_atom_is_found():
    """No pair shows it: an atom that leaves a cluster does."""
    finding = found("cutoff", Pairs(lambda first, second, crowded: crowded))
    assert finding.status == "failed" and "that leaves" in finding.message


def test_shipped_names_of_pairs():
    from bsct_zoo.conformance.crossings import pairs

    names = {crossing.name for crossing in pairs(frozenset(range(1, 95)), 5.0)}
    assert {"H-H", "C-N", "C-O", "N-O", "Cu-Au", "Cs-Cs", "H-Cs", "U-U", "H-Pu"} <= names


def test_molecules_hold_halogens_and_a_heavy_metal():
    systems = probes.molecules(EVERYTHING, metals=True)
    held = {int(z) for atoms in systems for z in atoms.numbers}
    assert {1, 6, 8, 17, 35, 53, 29} <= held
    assert len(systems) <= 8
    assert {int(z) for atoms in probes.molecules(frozenset({1, 6, 8})) for z in atoms.numbers} == {1, 6, 8}
    for atoms in systems:
        apart = atoms.get_all_distances()[np.triu_indices(len(atoms), 1)]
        assert apart.min() > 0.8


def test_a_lone_heavy_atom_has_no_force():
    class Pushes(Pairs):
        def compute(self, batch):
            said = super().compute(batch)
            return Prediction(said.energy, said.forces + 1e-3 * (batch.atomic_numbers == 79)[:, None], said.stress)

    finding = found("one-atom", Pushes())
    assert finding.status == "failed" and "Au" in finding.message


def test_a_charge_that_counts_for_some_elements_only_is_half_a_promise():
    class Charged(Pairs):
        def __init__(self):
            super().__init__()
            facts = {**vars(self.info), "supports_charge_spin": True}
            self.info = PotentialInfo(**facts)

        def compute(self, batch):
            said = super().compute(batch)
            oxygen = torch.zeros(batch.n_systems).index_add(0, batch.system_idx, (batch.atomic_numbers == 8).float())
            return Prediction(said.energy + (oxygen > 0) * batch.charge, said.forces, said.stress)

    finding = found("charges", Charged())
    assert finding.status == "failed" and "CH3Br" in finding.message and "H2O" not in finding.message


def test_forces_of_heavy_elements_in_another_unit_are_found():
    class Mixed(Pairs):
        def compute(self, batch):
            said = super().compute(batch)
            return Prediction(said.energy, said.forces * (1 + 26 * (batch.atomic_numbers == 29))[:, None], said.stress)

    finding = found("force-unit", Mixed())
    assert finding.status == "failed" and "Cu4" in finding.message
