"""Make a suite: read structures, relax them, plan the scans, ask the reference, check, write. Resumes where it was."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from bsct_zoo import __version__
from bsct_zoo.atoms.sources import read_structures
from bsct_zoo.errors import BadInputError
from bsct_zoo.suites.building.findings import Finding
from bsct_zoo.suites.building.journal import Answer, Journal, State
from bsct_zoo.suites.building.labelling import OnProgress, keys_of, label
from bsct_zoo.suites.building.manifest import write_manifest
from bsct_zoo.suites.building.plans import plan
from bsct_zoo.suites.building.reference import Reference, Workers, refuse_crystals, refuse_unknown
from bsct_zoo.suites.building.relaxing import relaxed
from bsct_zoo.suites.building.settings import BuildSettings
from bsct_zoo.suites.building.validate import flags_of, validate
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
        steadied: frames that needed steadier settings.
        known: frames whose answers were there already.
    """

    path: Path
    suite: Suite
    findings: list[Finding] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    steadied: int = 0
    known: int = 0


def build(
    source: Path,
    path: Path,
    settings: BuildSettings,
    reference: Reference | None,
    about: About,
    *,
    jobs: int = 1,
    replace_other: bool = False,
    on_progress: OnProgress = lambda done, total, what: None,
    say: Callable[[str], None] = lambda text: None,
) -> Built:
    """Make the suite ``about.name`` of the structures in ``source`` and write it to ``path``, its manifest beside it.

    A build that was cut off goes on where it was; answers in an older suite of the same name and reference are kept.

    Raises:
        BadInputError: the source, the settings, the place or the reference do not go together.
        ModelError: the reference cannot be loaded.
    """
    structures = read_structures(source, settings.seed)
    made_by = _made_by(source, settings, reference, about)
    old = _old(path, made_by, replace_other)
    hidden = path.with_name(f".{path.stem}.frames")
    if old is not None and _made_alike(old, made_by):  # nothing to do
        hidden.unlink(missing_ok=True)  # there if a kill came between the suite and this line
        known = sum(scan.n_frames for scan in old.scans)
        return Built(path, old, validate(old), known=known)
    left_out: Counter[str] = Counter()
    if reference is None:
        scans, skipped = plan(structures, settings)
        return _finish(path, scans, None, about, settings, made_by, left_out + skipped, 0, 0)
    plan(structures, settings)  # what cannot be scanned is said before anything is computed
    journal = Journal(hidden, reference.key)
    workers = Workers(reference)
    try:
        for scan in old.scans if old is not None else ():
            _recall(journal, scan)
        with workers.one() as potential:
            info = potential.info
        for structure in structures:
            refuse_unknown(info, structure.numbers, structure.name)
        refuse_crystals(structures, workers)
        if settings.relax or (settings.relax is None and settings.kind != "strain"):
            loose = [s for s in structures if settings.relax or s.embedded]
            kept, left_out = relaxed(loose, workers, journal, jobs, on_progress)
            structures = [*kept, *(s for s in structures if not (settings.relax or s.embedded))]
            if not structures:
                why = "; ".join(f"{reason} ({count})" for reason, count in left_out.items())
                raise BadInputError(f"no molecule is left to scan: {why}")
        scans, skipped = plan(structures, settings)
        known = sum(key in journal.answers for scan in scans for key in keys_of(scan))
        say(f"{len(scans)} scans, {sum(s.n_frames for s in scans)} frames, {known} of them known")
        scans, steadied = label(scans, workers, journal, jobs, on_progress)
    finally:
        workers.close()
        journal.close()
    level = info.level_of_theory
    built = _finish(path, scans, level, about, settings, made_by, left_out + skipped, steadied, known)
    hidden.unlink(missing_ok=True)
    return built


def _finish(
    path: Path,
    scans: list[Scan],
    level: str | None,
    about: About,
    settings: BuildSettings,
    made_by: dict[str, Any],
    left_out: Counter[str],
    steadied: int,
    known: int,
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
    write_manifest(path, suite, sha256, findings, left_out, steadied)
    aside.replace(path)
    return Built(path, replace(suite, sha256=sha256), findings, left_out, steadied, known)


def flagged(scan: Scan, findings: list[Finding]) -> Scan:
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


def _recall(journal: Journal, scan: Scan) -> None:
    """Take over the answers of a finished suite; where it had none, it is asked again."""
    if scan.energy is None or scan.forces is None:
        return
    for key, energy, forces, there in zip(keys_of(scan), scan.energy, scan.forces, scan.referenced, strict=True):
        if there and key not in journal.answers:
            journal.add(key, Answer(State.CONVERGED, float(energy), forces))
