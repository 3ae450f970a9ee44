import numpy as np
import pytest
from ase.calculators.lj import LennardJones
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from bsct_zoo.evaluation.results import Record
from bsct_zoo.evaluation.scoring import BadPredictionError, score_scan
from bsct_zoo.metrics.catalogue import METRICS
from bsct_zoo.metrics.columns import Column, aggregate
from bsct_zoo.metrics.conservation import nonconservativity, path_energy
from bsct_zoo.metrics.fsd import fsd, log_ratio
from bsct_zoo.metrics.reference_free import energy_jump, force_flips, tortuosity
from bsct_zoo.suites.scan import Scan

ALPHA = np.linspace(0.7, 2.8, 60)


def morse(x, depth=4.0, a=1.8, r=1.2):
    """Energy and -dE/dx of a Morse curve."""
    u = np.exp(-a * (x - r))
    return depth * (1 - u) ** 2, -2 * depth * a * u * (1 - u)


def dimer(x, force):
    """Positions and forces [n_frames, 2, 3] of two atoms moved by half each."""
    positions, forces = np.zeros((len(x), 2, 3)), np.zeros((len(x), 2, 3))
    positions[:, 0, 2], positions[:, 1, 2] = -x / 2, x / 2
    forces[:, 0, 2], forces[:, 1, 2] = -force, force
    return positions, forces


def morse_scan(x=ALPHA):
    energy, force = morse(x)
    positions, forces = dimer(x, force)
    return Scan("X-X/1", "bond", "X-X", np.array([1, 1]), x, positions, energy, forces, indices=(0, 1))


NOWHERE = ("fsd_full_at", "fsd_full_frames", "fsd_full_from_zero")  # of an FSD of zero


def test_the_reference_itself_scores_zero():
    scan = morse_scan()
    scores = score_scan(scan, scan.energy, scan.forces)
    for name, value in scores.items():
        if METRICS[name].needs_reference:
            assert value == (None if name in NOWHERE else 0.0), name
    assert scores["tortuosity"] == pytest.approx(1)
    assert scores["force_flips"] == 1


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_fsd_does_not_care_how_the_molecule_is_turned(seed):
    scan, random = morse_scan(), np.random.default_rng(seed)
    model = scan.forces + random.normal(0, 1, scan.forces.shape)
    turn = Rotation.random(random_state=seed % 2**31).as_matrix()
    straight = fsd(scan.coordinate, model, scan.forces, scan.energy)
    turned = fsd(scan.coordinate, model @ turn.T, scan.forces @ turn.T, scan.energy)
    assert turned == pytest.approx(straight, rel=1e-9)


@settings(max_examples=30)
@given(st.floats(0.1, 10))
def test_fsd_is_inverse_to_the_unit_of_length(factor):
    scan, model = morse_scan(), morse_scan().forces * 1.3
    once = fsd(scan.coordinate, model, scan.forces, scan.energy)
    scaled = fsd(scan.coordinate * factor, model, scan.forces, scan.energy)
    assert {k: v * factor for k, v in scaled.items()} == pytest.approx(once)


def test_fsd_of_a_planted_step_is_the_step():
    """Forces far above ε, doubled from one frame on: D jumps by log 4, over one spacing."""
    x = np.linspace(0, 1, 11)
    reference = np.zeros((11, 1, 3))
    reference[:, 0, 0] = 100.0
    reference[0] = 0.0
    model = reference.copy()
    model[6:] *= 2
    energy = np.arange(11.0)
    assert fsd(x, model, reference, energy)["stretch"] == pytest.approx(np.log(4) / 0.1)
    assert fsd(x, model, reference, energy)["compress"] is None  # e is the first frame: one frame has no slope


def test_small_forces_stay_under_the_floor():
    scan = morse_scan()
    quiet = scan.forces * 0 + scan.forces[np.argmin(scan.energy)] + 0.1
    assert np.all(log_ratio(quiet, quiet * 0 + quiet[0], scan.energy) == 0)


def test_frames_without_a_reference_are_dropped_not_filled():
    scan = morse_scan()
    energy, forces = scan.energy.copy(), scan.forces.copy()
    energy[[5, 30]], forces[[5, 30]] = np.nan, np.nan
    holed = Scan("X-X/1", "bond", "X-X", scan.atomic_numbers, scan.coordinate, scan.positions, energy, forces)
    keep = np.delete(np.arange(scan.n_frames), [5, 30])
    model = scan.forces * 1.2 + np.sin(7 * ALPHA)[:, None, None]
    assert score_scan(holed, scan.energy + 1, model)["fsd_full"] == pytest.approx(
        fsd(ALPHA[keep], model[keep], scan.forces[keep], scan.energy[keep])["full"]
    )


def test_without_a_reference_what_needs_one_is_none():
    scan = morse_scan()
    bare = Scan("X-X/1", "bond", "X-X", scan.atomic_numbers, scan.coordinate, scan.positions)
    scores = score_scan(bare, scan.energy, scan.forces)
    assert all((scores[name] is None) == metric.needs_reference for name, metric in METRICS.items())


@pytest.mark.parametrize("what", ["energy", "forces"])
def test_a_prediction_that_is_not_a_number_is_refused(what):
    scan = morse_scan()
    energy, forces = scan.energy.copy(), scan.forces.copy()
    (energy if what == "energy" else forces)[17] = np.nan
    with pytest.raises(BadPredictionError, match=r"1 of 60 frames, first at 1\.31 Å \(frame 17\)"):
        score_scan(scan, energy, forces)


@pytest.mark.parametrize(("energy", "forces"), [((60, 1), (60, 2, 3)), ((1,), (60, 2, 3)), ((60,), (60, 1, 3))])
def test_a_prediction_of_another_shape_is_refused(energy, forces):
    with pytest.raises(BadPredictionError, match="has shape"):
        score_scan(morse_scan(), np.ones(energy), np.ones(forces))


@pytest.mark.parametrize("size", [1e155, 1e200, 1e308])
def test_a_prediction_too_large_to_score_is_refused_and_never_nan(size):
    scan = morse_scan()
    with pytest.raises(BadPredictionError, match="overflow fsd_full"):
        score_scan(scan, scan.energy, np.full(scan.forces.shape, size))


def test_a_prediction_in_single_precision_is_scored_in_double():
    scan = morse_scan()
    large = np.full(scan.forces.shape, 1e20, dtype=np.float32)  # its square is beyond float32
    scores = score_scan(scan, scan.energy, large)
    assert all(value is None or np.isfinite(value) for value in scores.values())
    assert scores == score_scan(scan, scan.energy, large.astype(np.float64))


def test_single_frame_has_no_slope():
    scan = morse_scan()
    one = Scan("X-X/1", "bond", "X-X", scan.atomic_numbers, ALPHA[:1], scan.positions[:1], np.ones(1), scan.forces[:1])
    scores = score_scan(one, np.ones(1), scan.forces[:1])
    assert scores["fsd_full"] is None and scores["nonconservativity"] is None and scores["tortuosity"] is None


def test_path_integral_of_a_gradient_is_second_order():
    gaps = []
    for n in (50, 100, 200):
        x = np.linspace(0.8, 2.5, n)
        energy, force = morse(x)
        positions, forces = dimer(x, force)
        gaps.append(nonconservativity(positions, energy, forces)[1])
    assert gaps[0] / gaps[1] == pytest.approx(4, rel=0.15)
    assert gaps[1] / gaps[2] == pytest.approx(4, rel=0.15)


def test_path_integral_sees_forces_that_are_no_gradient():
    scan = morse_scan()
    honest = nonconservativity(scan.positions, scan.energy, scan.forces)[0]
    assert nonconservativity(scan.positions, scan.energy, scan.forces * 1.1)[0] > 10 * honest


def test_path_integral_of_ases_lennard_jones():
    from ase import Atoms

    x = np.linspace(0.95, 2.5, 400)
    energy, forces, positions = [], [], []
    for r in x:
        atoms = Atoms("H2", [[0, 0, -r / 2], [0, 0, r / 2]])
        atoms.calc = LennardJones(rc=10, smooth=False)
        energy.append(atoms.get_potential_energy())
        forces.append(atoms.get_forces())
        positions.append(atoms.positions.copy())
    rebuilt = path_energy(np.array(positions), np.array(forces))
    assert np.abs(rebuilt - (np.array(energy) - energy[0])).max() < 2e-3


def test_curves_without_a_reference():
    down = np.linspace(3, 0, 20)
    well = np.concatenate([down, np.linspace(0, 1, 11)[1:]])
    assert tortuosity(well) == pytest.approx(1)
    assert energy_jump(down) == 0
    rough = well + 0.3 * (np.arange(len(well)) % 2)
    assert tortuosity(rough) > 1.5
    assert energy_jump(rough) > 5
    assert tortuosity(np.ones(5)) is None
    assert force_flips(ALPHA[:2], np.zeros((2, 1, 3)), np.zeros((2, 1, 3))) is None


@given(st.floats(-50, 50), st.floats(0.1, 10))
def test_tortuosity_does_not_care_for_zero_and_unit(shift, scale):
    energy = morse(ALPHA)[0] + 0.2 * np.sin(9 * ALPHA)
    assert tortuosity(scale * energy + shift) == pytest.approx(tortuosity(energy))


def test_means_say_over_how_many():
    records = [Record(id=str(n), status="ok", metrics={"fsd_full": value}) for n, value in enumerate((1.0, 3.0, None))]
    assert aggregate(METRICS["fsd_full"], records) == (2.0, 2)
    assert aggregate(METRICS["tortuosity"], records) == (None, 0)


@pytest.mark.parametrize(
    ("over", "value"),
    [
        ("mean", 0.0),
        ("median", -1.0),
        ("median_abs", 2.0),
        ("max_abs", 3.0),
        ("max", 2.0),
        ("min", -3.0),
        ("sum", -2.0),
        ("count", 3.0),
        ("failures", 1.0),
        ("ns_per_day", -2.0e-3 * 86400 / 4),
    ],
)
def test_columns_say_how_metrics_of_records_become_one(over, value):
    column = Column(name="x", title="x", over=over)
    records = [Record(id=str(n), status="ok", metrics={"x": one}) for n, one in enumerate((2.0, -1.0, -3.0))]
    records.append(Record(id="4", status="failed", metrics={"x": None}))
    expected = -2.0 / 3 if over == "mean" else value
    assert aggregate(column, records, seconds=4.0)[0] == pytest.approx(expected)
