"""Which molecules are taken, what makes two the same, and how they are split."""

from pathlib import Path

import numpy as np
import pytest
from ase.build import molecule
from ase.io import write

from bsct_zoo.errors import BadInputError
from bsct_zoo.training.making.graphs import graph_of, graphs_of_smiles
from bsct_zoo.training.making.sources import partners_of, read_molecules, split_of, suite_graphs

TRAINING = Path(__file__).parents[3] / "training"
LIST, LARGER = TRAINING / "molecules.smi", TRAINING / "larger.smi"


def test_a_geometry_and_a_smiles_of_the_same_molecule_are_the_same(tmp_path):
    file = tmp_path / "some.xyz"
    write(file, [molecule("CH3CONH2"), molecule("C6H6"), molecule("H2CO"), molecule("H2")])
    named = {"CH3CONH2": "CC(N)=O", "C6H6": "c1ccccc1", "H2CO": "C=O", "H2": "[H][H]"}
    from bsct_zoo.atoms.sources import read_structures

    found = [graph_of(structure) for structure in read_structures(file, 0).structures]
    assert found == [next(iter(graphs_of_smiles(smiles))) for smiles in named.values()]
    assert len(set(found)) == 4


def test_isomers_are_told_apart_and_stereo_is_not():
    assert graphs_of_smiles("CCO") != graphs_of_smiles("COC")
    assert graphs_of_smiles("CC=C=C") != graphs_of_smiles("C=CC=C")  # by their hydrogens
    assert graphs_of_smiles("C/C=C/C") == graphs_of_smiles(r"C/C=C\C")
    assert graphs_of_smiles("O.CO") == graphs_of_smiles("CO") | graphs_of_smiles("O")
    assert graphs_of_smiles("no smiles") == set()


def test_every_suite_that_is_shipped_is_known():
    found = suite_graphs()
    assert set(found.values()) >= {"core", "angles", "torsions", "dimers", "crystals"}
    for smiles, suite in [("NC=O", "core"), ("CC(C)=O", "dimers")]:
        assert suite in {found[graph] for graph in graphs_of_smiles(smiles)} or graphs_of_smiles(smiles) <= found.keys()


def test_the_committed_list():
    """More than 300 molecules over ten elements, none twice, none in a suite, every one with its split."""
    lines = [line.split() for line in LIST.read_text().splitlines() if line and not line.startswith("#")]
    graphs = [graph for smiles, _ in lines for graph in graphs_of_smiles(smiles)]
    assert len(lines) == len(graphs) == len(set(graphs)) >= 300
    assert not set(graphs) & suite_graphs().keys()
    assert {split for _, split in lines} == {"train", "valid", "test"}
    molecules, left_out = read_molecules([LIST], 0, suite_graphs())
    assert len(molecules) == len(lines) and not left_out
    numbers = {int(z) for m in molecules for z in m.structure.numbers}
    assert numbers == {1, 6, 7, 8, 9, 15, 16, 17, 35, 53}
    train = {int(z) for m in molecules if m.split == "train" for z in m.structure.numbers}
    assert train == numbers


def test_the_committed_list_of_larger_molecules():
    """Of 15 to 50 atoms and the same elements, ions among them: none twice, in a suite, or in the other list."""
    chem = pytest.importorskip("rdkit.Chem")
    lines = [line.split() for line in LARGER.read_text().splitlines() if not line.startswith("#")]
    graphs = [graph for smiles, _ in lines for graph in graphs_of_smiles(smiles)]
    assert len(lines) == len(graphs) == len(set(graphs)) >= 200
    small = [line.split()[0] for line in LIST.read_text().splitlines() if line and not line.startswith("#")]
    assert not set(graphs) & (suite_graphs().keys() | {graph for smiles in small for graph in graphs_of_smiles(smiles)})
    molecules = {smiles: chem.AddHs(chem.MolFromSmiles(smiles)) for smiles, _ in lines}
    assert all(15 <= molecule.GetNumAtoms() <= 50 for molecule in molecules.values())
    for split, least in [("train", 180), ("valid", 10), ("test", 20)]:
        of_split = [molecules[smiles] for smiles, said in lines if said == split]
        assert len(of_split) >= least and any(chem.GetFormalCharge(molecule) for molecule in of_split)
    elements = {atom.GetAtomicNum() for molecule in molecules.values() for atom in molecule.GetAtoms()}
    assert elements == {1, 6, 7, 8, 9, 15, 16, 17, 35, 53}


def test_geometries_of_one_molecule_are_in_one_split(tmp_path):
    rng = np.random.default_rng(0)
    frames = []
    for _ in range(5):
        for name in ("CH3OH", "CH3CHO", "HCOOH", "CH3CH2OH"):
            atoms = molecule(name)
            atoms.positions += rng.normal(0, 0.02, atoms.positions.shape)
            frames.append(atoms)
    file = tmp_path / "some.extxyz"
    write(file, frames)
    found, left_out = read_molecules([file], 0, {})
    assert len(found) == 20 and not left_out and len({m.name for m in found}) == 20
    splits = {graph: {m.split for m in found if m.graph == graph} for graph in {m.graph for m in found}}
    assert len(splits) == 4 and all(len(of_one) == 1 for of_one in splits.values())
    assert {"train", "valid"} <= set().union(*splits.values())


def test_a_split_depends_on_the_molecule_and_the_seed_alone():
    graphs = [graph for n in range(1, 400) for graph in graphs_of_smiles("C" * (1 + n % 20) + "O" * (1 + n // 20))]
    counts = {split: sum(split_of(graph, 0) == split for graph in graphs) for split in ("train", "valid", "test")}
    assert 0.02 < counts["valid"] / len(graphs) < 0.1 and 0.05 < counts["test"] / len(graphs) < 0.16
    assert any(split_of(graph, 0) != split_of(graph, 1) for graph in graphs)


def test_a_molecule_whose_element_no_other_has_is_trained_on(tmp_path):
    """Else the model would be asked about an element that it never saw; ten seeds draw every split."""
    file = tmp_path / "some.smi"
    file.write_text("O\nCO\nCCO\nCC\nOCCO\nCS\n")
    for seed in range(10):
        molecules, _ = read_molecules([file], seed, {})
        assert next(m.split for m in molecules if m.name == "CS") == "train"
        assert {"train", "valid"} <= {m.split for m in molecules}


def test_a_valid_molecule_that_is_in_a_suite_is_named_where_one_lacks(tmp_path):
    """Of two lines the one marked 'valid' is left out: to ask for one marked 'valid' again would be no help."""
    (tmp_path / "two.smi").write_text("CC(C)CCO train\nCC(C)=O valid\n")
    with pytest.raises(BadInputError) as caught:
        read_molecules([tmp_path / "two.smi"], 0, suite_graphs())
    assert str(caught.value).endswith("; left out: CC(C)=O (marked 'valid', it is in the suite dimers)")
    (tmp_path / "one.smi").write_text("CC(C)=O valid\n")
    with pytest.raises(BadInputError, match=r"no molecule is left to make frames of; left out: CC\(C\)=O \(marked"):
        read_molecules([tmp_path / "one.smi"], 0, suite_graphs())
    (tmp_path / "lone.smi").write_text("CC(C)CCO train\n")
    with pytest.raises(BadInputError, match=r"in a SMILES file$"):
        read_molecules([tmp_path / "lone.smi"], 0, suite_graphs())


def test_partners_are_small_and_of_the_same_split(tmp_path):
    file = tmp_path / "some.smi"
    file.write_text("O train\nCCCCCCCC train\nOO valid\nC valid\n")
    molecules, _ = read_molecules([file], 0, {})
    by_split = {split: [m for m in molecules if m.split == split] for split in ("train", "valid", "test")}
    assert set(partners_of("CCCCCCCC", by_split, "train", 5, 0)) == {"O"}
    assert set(partners_of("OO", by_split, "valid", 20, 0)) == {"OO", "C"}
    assert partners_of("OO", by_split, "test", 5, 0) == []
    assert partners_of("OO", by_split, "valid", 9, 0) == partners_of("OO", by_split, "valid", 9, 0)
