from ase.data import chemical_symbols

from bsct_zoo.atoms.elements import SYMBOLS


def test_symbols_are_those_of_ase():
    assert list(SYMBOLS) == chemical_symbols
