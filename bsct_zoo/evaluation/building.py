"""Make a suite: read structures, relax them, plan the scans, ask the reference, check, write. Resumes where it was."""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from bsct_zoo import __version__
from bsct_zoo.atoms.sources import read_structures
from bsct_zoo.atoms.structure import Structure, bonds_by_distance
from bsct_zoo.errors import BadInputError, ModelError, shortened
from bsct_zoo.evaluation.events import Listener, Message, ignore
from bsct_zoo.evaluation.fallback import FALLBACK
from bsct_zoo.evaluation.label_task import FrameState, LabelTask, RelaxTask
from bsct_zoo.evaluation.reference import Reference, refuse_unknown
from bsct_zoo.files import exclusive_lock
from bsct_zoo.plugins.registry import registry
from bsct_zoo.plugins.tasks import Answer, Failure, Outcome
from bsct_zoo.suites.building.manifest import write_manifest
from bsct_zoo.suites.building.plans import plan
from bsct_zoo.suites.building.relaxing import UNCONVERGED
from bsct_zoo.suites.building.settings import BuildSettings
from bsct_zoo.suites.building.validate import SuiteFault, flags_of, validate
from bsct_zoo.suites.scan import Scan
from bsct_zoo.suites.suite import Suite
from bsct_zoo.suites.suite_file import read_suite, write_suite


@dataclass(frozen=True)
class About:
    """What a user says of a suite.

    Attributes:
        name: that it is called by.
        title: one line for people; made of the settings if empty.
        author: who made it.
        licence: of the data.
        citation: how to cite it.
        command: that makes it again.
    """

    name: str
    title: str = ""
    author: str = ""
    licence: str = "not stated"
    citation: str = ""
    command: str = ""


@dataclass(frozen=True)
class Built:
    """A suite that was made.

    Attributes:
        path: of its file.
        suite: what is in it.
        findings: what its check found.
        left_out: what was not scanned, by reason.
        with_fallback: frames that needed fallback SCF settings.
        known: frames whose answers were known already.
        failures: frames without an answer, by reason.
    """

    path: Path
    suite: Suite
    findings: list[SuiteFault] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    with_fallback: int = 0
    known: int = 0
    failures: Counter[str] = field(default_factory=Counter)


def build(
    source: Path,
    path: Path,
    settings: BuildSettings,
    reference: Reference | None,
    about: About,
    *,
    jobs: int = 1,
    replace_other: bool = False,
    strict: bool = False,
    listen: Listener = ignore,
) -> Built:
    """Make the suite ``about.name`` of the structures in ``source`` and write it to ``path``, its manifest beside it.

    A build that was interrupted resumes; answers in an older suite of the same name and reference are kept. An entry of
    the source that cannot be used is left out and counted, unless ``strict``.

    Raises:
        BadInputError: the source, the settings, the place or the reference do not go together.
        ModelError: the reference cannot be loaded, or has no answer for any frame.
    """
    read = read_structures(source, settings.seed, strict)
    structures, unread = read.structures, Counter(f"{entry}: {reason}" for entry, reason in read.left_out.items())
    made_by = _made_by(source, settings, reference, about)
    old = _old(path, made_by, replace_other)
    hidden = path.with_name(f".{path.stem}.frames")
    if old is not None and _made_alike(old, made_by):  # nothing to do
        shutil.rmtree(hidden, ignore_errors=True)  # there if a kill came between the suite and this line
        known = sum(scan.n_frames for scan in old.scans)
        return Built(path, old, validate(old), known=known)
    left_out = unread
    if reference is None:
        scans, skipped = plan(structures, settings)
        return _finish(path, scans, None, about, settings, made_by, left_out + skipped, 0, 0, Counter())
    plan(structures, settings)  # what cannot be scanned is said before anything is computed
    with exclusive_lock(hidden, "is building in", "another name"):
        info = reference.declared(listen)
        note = other_settings(info.level_of_theory)
        if note:
            listen(Message(model=reference.spec.text, text=note))
        for structure in structures:
            refuse_unknown(info, structure.numbers, structure.name)
        _refuse_crystals(structures, reference, hidden, listen)
        if settings.relax or (settings.relax is None and settings.kind != "strain"):
            loose = [s for s in structures if settings.relax or s.embedded]
            kept, unrelaxed = _relaxed(loose, reference, jobs, hidden, listen)
            left_out = unread + unrelaxed
            structures = [*kept, *(s for s in structures if not (settings.relax or s.embedded))]
            if not structures:
                why = "; ".join(f"{reason} ({count})" for reason, count in left_out.items())
                raise BadInputError(f"no molecule is left to scan: {why}")
        scans, skipped = plan(structures, settings)
        frames = sum(scan.n_frames for scan in scans)
        listen(Message(model=reference.spec.text, text=f"{len(scans)} scans, {frames} frames"))
        fallback = any(option.name == FALLBACK for option in reference.spec.adapter.options)
        task = LabelTask(scans, () if old is None else old.scans, fallback)
        result = reference.answers(task, jobs, hidden, listen)
        scans = [_labelled(scan, result.outcomes[scan.id]) for scan in scans]
        with_fallback = sum(len(scan.notes.get("fallback_frames", ())) for scan in scans)
        level = info.level_of_theory
        known = frames - task.asked
        failures = _failures(result.outcomes, scans)
        if scans and not any(scan.referenced.any() for scan in scans):
            shutil.rmtree(hidden, ignore_errors=True)  # what is asked again is asked anew
            why = shortened(failures.most_common(1)[0][0]) if failures else "no reason given"
            raise ModelError(f"the reference has no answer for any of {frames} frames, so no suite was made: {why}")
        built = _finish(
            path, scans, level, about, settings, made_by, left_out + skipped, with_fallback, known, failures
        )
    shutil.rmtree(hidden, ignore_errors=True)
    return built


def other_settings(level: str) -> str:
    """Which models of this machine were trained on ``level`` with other settings, and the reference that they want.

    Empty where there are none: "GFN2-xTB (Te=3000 K)" is GFN2-xTB with other settings.
    """
    method, adapters = level.partition(" (")[0], registry().adapters
    levels = {
        name: card.level_of_theory
        for name, adapter in adapters.items()
        for card in adapter.cards[:1]
        if card.parameters and card.level_of_theory.partition(" (")[0] == method
    }
    others = [name for name, other in levels.items() if other != level]
    if not others or len(others) < len(levels):
        return ""
    wanted = levels[others[0]]
    return (
        f"{', '.join(others)} were trained on {wanted}, not {level}; to compare them, build with {_settings_of(wanted)}"
    )


def _settings_of(level: str) -> str:
    """How a suite of this machine got its reference at ``level``, as an option of the command."""
    for source in registry().suites.values():
        if source.path is not None and Path(source.path).exists():
            suite = read_suite(Path(source.path))
            if suite.level_of_theory == level and "reference" in suite.made_by:
                return f"--reference {suite.made_by['reference']}"
    return f"a reference of {level}"


def _labelled(scan: Scan, outcome: Outcome) -> Scan:
    """The scan with reference energies and forces, NaN where there is no answer, and which frames were hard."""
    if isinstance(outcome, Failure):
        return replace(scan, energy=np.full(scan.n_frames, np.nan), forces=np.full(scan.positions.shape, np.nan))
    hard = np.flatnonzero(outcome.arrays["state"] == FrameState.FALLBACK).tolist()
    notes = {**scan.notes, **({"fallback_frames": hard} if hard else {})}
    return replace(scan, energy=outcome.arrays["energy"], forces=outcome.arrays["forces"], notes=notes)


def _failures(outcomes: Mapping[str, Outcome], scans: Sequence[Scan]) -> Counter[str]:
    """Frames without an answer, by reason."""
    reasons: Counter[str] = Counter()
    for scan in scans:
        outcome = outcomes[scan.id]
        if isinstance(outcome, Failure):
            reasons[outcome.reason] += scan.n_frames
        else:
            reasons.update(outcome.facts.get("failures", {}).values())
    return reasons


def _relaxed(
    structures: list[Structure], reference: Reference, jobs: int, folder: Path, listen: Listener
) -> tuple[list[Structure], Counter[str]]:
    """The molecules at minima of the reference, and how many were left out, by reason; crystals stay as they are.

    A molecule at which the reference dies twice is left out as well.
    """
    moving = [s for s in structures if not s.periodic and len(s.numbers) > 1]
    left_out: Counter[str] = Counter()
    if not moving:
        return list(structures), left_out
    task = RelaxTask(moving)
    why = ""
    try:
        outcomes = reference.answers(task, jobs, folder, listen).outcomes
    except ModelError as error:  # it failed at every molecule
        outcomes, why = {}, str(error)
    ends = {id(s): outcomes.get(item.id) for s, item in zip(moving, task.items, strict=True)}
    kept = []
    for structure in structures:
        if id(structure) not in ends:
            kept.append(structure)
            continue
        end = ends[id(structure)]
        if not isinstance(end, Answer) or not float(end.arrays["arrived"]):
            problem = why
            if end is not None:
                problem = end.facts.get("problem", "") if isinstance(end, Answer) else end.reason
            left_out[f"molecules that did not relax with the reference: {shortened(problem)}"] += 1
            continue
        relaxed = replace(structure, positions=end.arrays["positions"])
        if set(bonds_by_distance(structure.to_atoms())) - set(bonds_by_distance(relaxed.to_atoms())):
            left_out["molecules that came apart while they relaxed"] += 1
        else:
            kept.append(relaxed)
    return kept, left_out


def _refuse_crystals(structures: list[Structure], reference: Reference, folder: Path, listen: Listener) -> None:
    """Raise if there are crystals and the reference takes none, as it says when it is asked about the first.

    Raises:
        BadInputError: with its words.
    """
    first = next((structure for structure in structures if structure.periodic), None)
    if first is not None:
        try:
            (outcome,) = reference.answers(RelaxTask([first], steps=0), 1, folder, listen).outcomes.values()
            problem = outcome.reason if isinstance(outcome, Failure) else str(outcome.facts["problem"])
        except ModelError as error:
            problem = str(error)
        if problem and not problem.startswith(UNCONVERGED):
            raise BadInputError(f"the reference has no answer for {first.name}: {shortened(problem)}")


def _finish(
    path: Path,
    scans: list[Scan],
    level: str | None,
    about: About,
    settings: BuildSettings,
    made_by: dict[str, Any],
    left_out: Counter[str],
    with_fallback: int,
    known: int,
    failures: Counter[str],
) -> Built:
    """Check the scans, write flags into them, write the manifest and then the suite.

    The suite goes to its place last, so that one that is there has its manifest.
    """
    title = about.title or f"{settings.kind} scans"
    suite = Suite(about.name, title, level, about.licence, about.citation, tuple(scans), made_by=made_by)
    findings = validate(suite)
    suite = replace(suite, scans=tuple(flagged(scan, findings) for scan in scans))
    aside = path.with_name(f".{path.name}.part")
    sha256 = write_suite(aside, suite)
    write_manifest(path, suite, sha256, findings, left_out, with_fallback, failures)
    aside.replace(path)
    return Built(path, replace(suite, sha256=sha256), findings, left_out, with_fallback, known, failures)


def flagged(scan: Scan, findings: list[SuiteFault]) -> Scan:
    """The scan with what is wrong with its reference in its notes, and nothing from before."""
    notes = {key: value for key, value in scan.notes.items() if key != "flags"}
    flags = flags_of(findings, scan.id)
    return replace(scan, notes=notes | ({"flags": flags} if flags else {}))


def _made_by(source: Path, settings: BuildSettings, reference: Reference | None, about: About) -> dict[str, Any]:
    try:
        content = source.read_bytes()
    except OSError as error:
        raise BadInputError(f"cannot read {source}: {error.strerror}") from error
    made: dict[str, Any] = {
        "author": about.author,
        "command": about.command,
        "source": source.name,
        "source_sha256": hashlib.sha256(content).hexdigest(),
        "settings": settings.facts(),
        "reference": "none" if reference is None else reference.spec.text,
        "versions": {"bsct-zoo": __version__, **_versions(), **({} if reference is None else reference.versions)},
    }
    if reference is not None:
        made["reference_key"] = reference.key
    return made


def _versions() -> dict[str, str]:
    found = {}
    for name in ("ase", "numpy", "rdkit"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _old(path: Path, made_by: dict[str, Any], replace_other: bool) -> Suite | None:
    """The suite that is at ``path`` already, if its answers can be taken over.

    Raises:
        BadInputError: it was made otherwise, and may not be replaced.
    """
    if not path.exists():
        return None
    try:
        old = read_suite(path)
    except BadInputError:
        if replace_other:
            return None
        raise
    same = all(old.made_by.get(key) == made_by.get(key) for key in ("source_sha256", "settings", "reference"))
    if not same and not replace_other:
        raise BadInputError(f"there is a suite at {path} already, made otherwise; give --replace or another name")
    return old if old.made_by.get("reference_key") == made_by.get("reference_key") else None


def _made_alike(old: Suite, made_by: dict[str, Any]) -> bool:
    """Whether making it again would make the same; who asks and in which words does not matter."""
    words = ("author", "command")
    return {k: v for k, v in old.made_by.items() if k not in words} == {
        k: v for k, v in made_by.items() if k not in words
    }
