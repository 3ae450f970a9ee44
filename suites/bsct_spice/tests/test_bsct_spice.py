import gzip
import io
import shutil
import tarfile
import zipfile
import zlib

import numpy as np
import pytest
from ase.build import molecule
from ase.data import covalent_radii
from ase.io import read
from bsct_zoo_bsct_spice.importer import content_sha256, formal_charge, import_scans, parse_frame

from bsct_zoo.errors import BadInputError
from bsct_zoo.suites.suite_file import read_suite, write_suite

N_FRAMES = 100
# Bond, number of the scan, molecule of ASE's g2 set, the two atoms, SMILES; in the layout of BSCT-SPICE.
SCANS = [
    ("C-N", 25729, "H3CNH2", (0, 1), "[C:1]([N:2])"),
    ("C-O", 7, "CH3OH", (0, 1), "[C:1][O:2]"),
    ("C-O", 31, "CH3OH", (0, 1), "[C:1][O:2]"),
    ("N-N", 9, "N2H4", (0, 1), "[N:1][N:2]"),
]
MISSING = {"C-N/25729": (5, 6)}  # frames without a reference


def write_scan(folder, number, name, bond, smiles, missing=()):
    """A scan as the repository of BSCT-SPICE has it; energies and forces are drawn at random."""
    random = np.random.default_rng(number)
    atoms = molecule(name)
    atoms.rattle(0.02, rng=random)
    i, j = bond
    labels = np.argmin([atoms.get_distances(k, range(len(atoms))) for k in bond], axis=0)
    length = atoms.get_distance(i, j)
    along = (atoms.positions[j] - atoms.positions[i]) / length
    nominal = covalent_radii[atoms.numbers[[i, j]]].sum()
    first, last = round(0.5 * nominal, 2), round(2 * nominal, 2)
    folder.mkdir(parents=True)
    for k, wanted in enumerate(np.linspace(first, last, N_FRAMES)):
        half = 0.5 * (wanted - length) * along
        positions = atoms.positions + np.where(labels[:, None] == 0, -half, half)
        energy = "nan" if k in missing else f"{-2600 - random.random():.14f}"
        rows = zip(atoms.symbols, positions, random.normal(size=positions.shape), strict=True)
        (folder / f"atoms_{k}.xyz").write_text(
            f"{len(atoms)}\nProperties=species:S:1:pos:R:3:forces:R:3 id={number} "
            f'smiles="{smiles}" dataset=made energy={energy} pbc="F F F"\n'
            + "".join(f"{symbol:2}{''.join(f'{x:17.8f}' for x in (*r, *f))}\n" for symbol, r, f in rows)
        )
    (folder / "unperturbed.xyz").write_text((folder / "atoms_0.xyz").read_text())
    np.savez(
        folder / "partition.npz",
        bond_index=np.array(bond),
        labels=labels.astype(np.int32),
        perturb_range=np.array([first, last, float(N_FRAMES)]),
        unit_vec=along,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A few scans in the layout of the archive."""
    target = tmp_path_factory.mktemp("made") / "bsct-main"
    for bond, number, name, indices, smiles in SCANS:
        missing = MISSING.get(f"{bond}/{number}", ())
        write_scan(target / "bsct_spice" / bond / str(number), number, name, indices, smiles, missing)
    return target


@pytest.fixture(scope="module")
def whole(folder):
    return import_scans(folder, "bsct-spice")


def packed(folder, path, spoil=None):
    with tarfile.open(path, "w:gz") as archive:
        archive.add(folder, "bsct-main")
        if spoil is not None:
            info = tarfile.TarInfo(spoil)
            info.size = 3
            archive.addfile(info, io.BytesIO(b"bad"))
    return path


def test_facts_of_the_data(whole):
    assert [scan.id for scan in whole.scans] == [f"{bond}/{number}" for bond, number, *_ in SCANS]
    assert_rigid(whole)


def test_facts_of_the_real_data(shared_archive):
    real = import_scans(shared_archive, "bsct-spice")
    assert_rigid(real)
    missing = {scan.id: int((~scan.referenced).sum()) for scan in real.scans if not scan.referenced.all()}
    assert missing == {"C-N/25729": 2}


def assert_rigid(whole):
    """Bonds are as long as the coordinate says, and both fragments keep their shape."""
    for scan in whole.scans:
        i, j = scan.indices
        length = np.linalg.norm(scan.positions[:, i] - scan.positions[:, j], axis=1)
        assert np.abs(length - scan.coordinate).max() < 1e-6
        assert scan.n_frames == 100
        assert set(scan.labels.tolist()) == {0, 1}
        for label in (0, 1):  # fragments are rigid
            part = scan.positions[:, scan.labels == label]
            assert np.abs((part - part[:, :1]) - (part - part[:, :1])[0]).max() < 1e-6


def test_frames_without_a_reference_stay_marked(whole):
    missing = {scan.id: int((~scan.referenced).sum()) for scan in whole.scans if not scan.referenced.all()}
    assert missing == {scan: len(frames) for scan, frames in MISSING.items()}


def test_kept_file_is_the_data(whole, tmp_path):
    write_suite(tmp_path / "x.npz", whole)
    assert content_sha256(read_suite(tmp_path / "x.npz")) == content_sha256(whole)


def test_folder_tar_and_zip_are_the_same(folder, tmp_path):
    zipped = tmp_path / "x.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        for file in folder.rglob("*"):
            archive.write(file, f"bsct-main/{file.relative_to(folder)}")
    hashes = {content_sha256(import_scans(s, "x")) for s in (folder, packed(folder, tmp_path / "x.tar.gz"), zipped)}
    assert len(hashes) == 1


def test_reader_agrees_with_ase(folder):
    for file in sorted(folder.rglob("atoms_*.xyz"))[::50]:
        atoms = read(file)
        numbers, positions, forces, energy, charge = parse_frame(file.read_text())
        assert np.array_equal(numbers, atoms.numbers)
        np.testing.assert_allclose(positions, atoms.positions, atol=0)
        np.testing.assert_allclose(forces, atoms.get_forces(), atol=0)
        assert energy == atoms.get_potential_energy()
        assert charge == 0


@pytest.mark.parametrize("name", ["../outside/N-P/1/atoms_0.xyz", "/etc/N-P/1/atoms_0.xyz"])
def test_paths_that_lead_out_are_refused(folder, tmp_path, name):
    with pytest.raises(BadInputError, match="leads out of the archive"):
        import_scans(packed(folder, tmp_path / "x.tar.gz", name), "x")


def test_truncated(folder, tmp_path):
    path = packed(folder, tmp_path / "x.tar.gz")
    path.write_bytes(path.read_bytes()[:-20000])
    with pytest.raises(BadInputError, match=r"truncated|incomplete"):
        import_scans(path, "x")


def test_cut_between_two_scans(folder, tmp_path):
    """What is left is whole scans, so only the archive's own end can tell that others are missing."""
    path = packed(folder, tmp_path / "x.tar.gz")
    plain = gzip.decompress(path.read_bytes())
    with tarfile.open(path) as archive:
        cut = [member.offset for member in archive if member.isdir() and member.name.count("/") == 3][2]
    squeeze = zlib.compressobj(wbits=31)
    path.write_bytes(squeeze.compress(plain[:cut]) + squeeze.flush(zlib.Z_SYNC_FLUSH))
    (tmp_path / "x.tar").write_bytes(plain[:cut])
    for name in ("x.tar.gz", "x.tar"):
        with pytest.raises(BadInputError, match="truncated or damaged"):
            import_scans(tmp_path / name, "x")
    (tmp_path / "x.tar").write_bytes(plain)
    assert import_scans(tmp_path / "x.tar", "x").scans


def test_one_digit_changed_by_damage_is_not_read(folder, tmp_path):
    path = tmp_path / "x.tar.gz"
    with tarfile.open(path, "w:gz", compresslevel=0) as archive:
        archive.add(folder, "bsct-main")
    content = bytearray(path.read_bytes())
    digit = content.index(b"energy=-") + 9
    content[digit] = ord("1") if content[digit] != ord("1") else ord("2")
    path.write_bytes(bytes(content))
    with pytest.raises(BadInputError, match="truncated or damaged"):
        import_scans(path, "x")


def changed(folder, tmp_path, where, change):
    """A copy of the folder in which the first file called ``where`` went through ``change``."""
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    file = sorted(copy.rglob(where))[0]
    file.write_bytes(change(file.read_bytes()))
    return copy


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("bond_index", [0, 99]),
        ("bond_index", [-1, 0]),
        ("bond_index", [0, 1, 2]),
        ("perturb_range", [0.7, 2.8]),
        ("perturb_range", [0.7, 2.8, np.nan]),
        ("perturb_range", [0.7, 2.8, np.inf]),
        ("perturb_range", [0.7, 2.8, 1e13]),
        ("perturb_range", [0.7, 2.8, 0]),
    ],
)
def test_partition_that_makes_no_sense(folder, tmp_path, field, value):
    def change(content):
        with np.load(io.BytesIO(content)) as data:
            arrays = dict(data) | {field: np.array(value)}
        file = io.BytesIO()
        np.savez(file, **arrays)
        return file.getvalue()

    with pytest.raises(BadInputError, match=r"partition\.npz cannot be read"):
        import_scans(changed(folder, tmp_path, "partition.npz", change), "x")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace(b"energy=", b"enthalpy="), "no energy"),
        (lambda text: text + b"H 0 0 0 0 0 0\n", "atoms of 7 columns"),
        (lambda text: b"\xff\xfe", "codec"),
        (lambda text: b"", "index out of range"),
    ],
)
def test_frame_that_is_none(folder, tmp_path, change, message):
    with pytest.raises(BadInputError, match=rf"atoms_7\.xyz is not a frame: .*{message}"):
        import_scans(changed(folder, tmp_path, "atoms_7.xyz", change), "x")


def test_frames_that_changed_places(folder, tmp_path):
    other = sorted(folder.rglob("atoms_60.xyz"))[0].read_bytes()
    with pytest.raises(BadInputError, match=r"the bond in atoms_7\.xyz is off by"):
        import_scans(changed(folder, tmp_path, "atoms_7.xyz", lambda _: other), "x")


def test_the_same_scan_twice(folder, tmp_path):
    copy = tmp_path / "copy"
    for name in ("one", "two"):
        shutil.copytree(folder, copy / name)
    with pytest.raises(BadInputError, match="is there twice"):
        import_scans(copy, "x")


def test_folder_that_is_not_a_number(folder, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    scan = next(copy.rglob("partition.npz")).parent
    scan.rename(scan.with_name("molecule"))
    with pytest.raises(BadInputError, match="a scan's folder is a number"):
        import_scans(copy, "x")


def test_missing_frame(folder, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    next(copy.rglob("atoms_7.xyz")).unlink()
    with pytest.raises(BadInputError, match="incomplete"):
        import_scans(copy, "x")


def test_damaged_frame(folder, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    next(copy.rglob("atoms_7.xyz")).write_text("3\nProperties=species:S:1:pos:R:3:forces:R:3 energy=-1\nC 0 0 0\n")
    with pytest.raises(BadInputError, match=r"atoms_7\.xyz is not a frame: expected 3 atoms"):
        import_scans(copy, "x")


@pytest.mark.parametrize("content", [b"", b"PK broken", b"plain text"])
def test_not_an_archive(tmp_path, content):
    (tmp_path / "x.tar.gz").write_bytes(content)
    with pytest.raises(BadInputError):
        import_scans(tmp_path / "x.tar.gz", "x")


def test_missing_file(tmp_path):
    with pytest.raises(BadInputError, match="no file or folder"):
        import_scans(tmp_path / "nothing", "x")


@pytest.mark.parametrize(
    ("smiles", "charge"),
    [("CCO", 0), ("[NH4+:1]", 1), ("[O-:2][N+:1]=O", 0), ("[Ca+2]", 2), ("[Fe++]", 2), ("[C:1]([H:2])=[O:3]", 0)],
)
def test_formal_charge(smiles, charge):
    assert formal_charge(smiles) == charge


# -- downloading -------------------------------------------------------------------------------------------------


def test_offline_nothing_is_downloaded(monkeypatch):
    monkeypatch.setenv("BSCT_ZOO_OFFLINE", "1")
    with pytest.raises(BadInputError, match=r"offline .* was not downloaded; .* or get it elsewhere and name the file"):
        import_scans(None, "bsct-spice")


def test_a_download_that_is_not_the_data_is_refused(folder, tmp_path, monkeypatch):
    """An archive of the right layout, but not the whole of it, where the real address would be."""
    from dataclasses import replace

    from bsct_zoo_bsct_spice import importer, register_suites

    archive = shutil.make_archive(str(tmp_path / "part"), "gztar", folder.parent, folder.name)
    (source,) = register_suites()
    moved = replace(source, url=f"file://{archive}")
    monkeypatch.setattr(importer, "register_suites", lambda: [moved])
    heard = []
    with pytest.raises(BadInputError, match="not the BSCT-SPICE that this version knows"):
        import_scans(None, "bsct-spice", lambda done, total, what: heard.append(what))
    assert "downloading" in heard and "reading" in heard
