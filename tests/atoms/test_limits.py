"""Files that claim more than they hold: refused in time and in little memory."""

import bz2
import gzip
import io
import time
import zipfile

import numpy as np
import pytest

from bsct_zoo.atoms.limits import limited
from bsct_zoo.atoms.reading import read_frames
from bsct_zoo.errors import BadInputError
from bsct_zoo.files import opened_zip


def test_a_file_that_takes_too_long(tmp_path):
    path = tmp_path / "x"
    path.touch()
    with pytest.raises(BadInputError, match="could not be read in 1 s"), limited(path, longest_s=1):
        while True:
            time.sleep(0.01)


def test_a_file_that_takes_too_much_memory(tmp_path):
    path = tmp_path / "x"
    path.touch()
    with pytest.raises(BadInputError, match="claims more than fits into memory"), limited(path):
        np.ones(3 << 28)  # 6 GB
    np.ones(3 << 20)  # the limit is gone


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("x.extxyz", "999999999\nProperties=species:S:1:pos:R:3\nH 0 0 0\n"),
        ("x.xyz", "999999999\n\nH 0 0 0\n"),
        ("POSCAR", "H\n1.0\n4 0 0\n0 4 0\n0 0 4\nH\n999999999\nDirect\n0 0 0\n"),
        ("x.cube", "a\nb\n999999999 0 0 0\n9999 1 0 0\n9999 0 1 0\n9999 0 0 1\n1 0 0 0 0\n"),
    ],
)
def test_a_structure_of_very_many_atoms_that_are_not_there(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    start = time.monotonic()
    with pytest.raises(BadInputError) as caught:
        read_frames(tmp_path / name)
    assert "\n" not in str(caught.value) and time.monotonic() - start < 20


def test_an_archive_that_unpacks_to_gigabytes(tmp_path):
    with gzip.open(tmp_path / "x.xyz.gz", "wb") as file:
        for _ in range(80):
            file.write(bytes(1 << 20))
    with pytest.raises(BadInputError, match=r"unpacks to \d+ or more; it is not to be trusted"):
        read_frames(tmp_path / "x.xyz.gz")


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2])
def test_a_zip_that_unpacks_to_gigabytes(tmp_path, method):
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w", method) as archive, archive.open("positions.npy", "w") as file:
        for _ in range(80):
            file.write(bytes(1 << 20))
    with pytest.raises(BadInputError, match="not to be trusted"), opened_zip(path, path):
        pass


def test_a_method_of_packing_that_cannot_be_stopped(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("positions.npy", bytes(1000))
    with pytest.raises(BadInputError, match="not packed as"), opened_zip(tmp_path / "x.npz", buffer):
        pass


def test_a_tar_of_two_kilobytes(tmp_path):
    import tarfile

    from bsct_zoo_bsct_spice.importer import import_scans

    path = tmp_path / "a.tar.bz2"
    with bz2.open(path, "wb") as packed, tarfile.open(fileobj=packed, mode="w|") as archive:
        info = tarfile.TarInfo("bsct/H-H/1/unperturbed.xyz")
        info.size = 80 << 20
        archive.addfile(info, io.BytesIO(bytes(info.size)))
    assert path.stat().st_size < 4096
    with pytest.raises(BadInputError, match="not to be trusted"):
        import_scans(path, "x")
