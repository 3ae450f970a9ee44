import pytest

pytest.importorskip("rdkit")
pytest.importorskip("tblite")

from bsct_zoo.evaluation.reference import open_reference
from bsct_zoo.training.making.make import make
from bsct_zoo.training.making.recipe import Recipe

LABELS = "xtb@electronic_temperature=3000,accuracy=0.1"
FEW = Recipe(
    md=2,
    rattle=2,
    mode=2,
    bond=2,
    heavy_bond=2,
    dimer=2,
    diatomic=3,
    near=2,
    temperatures=(600.0,),
    md_first=4,
    md_every=4,
)
KINDS_OF_TWO = ("md", "rattle", "mode", "bond", "heavy-bond", "dimer", "near")
FEW_OPTIONS = [
    *(word for name in KINDS_OF_TWO for word in ("--frames", f"{name}=2")),
    *("--frames", "diatomic=3", "--temperatures", "600"),
]
MOLECULES = "O train\nCN train\nCF train\nN valid\nC test\n"


@pytest.fixture(scope="session")
def reference():
    return open_reference(LABELS)


@pytest.fixture(scope="session")
def smiles_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("molecules") / "few.smi"
    path.write_text(MOLECULES)
    return path


@pytest.fixture(scope="session")
def folder(tmp_path_factory, smiles_file, reference):
    """A few frames of each kind, made by one worker."""
    out = tmp_path_factory.mktemp("frames")
    make(out, [smiles_file], reference, FEW)
    return out
