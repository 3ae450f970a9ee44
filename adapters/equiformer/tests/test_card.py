"""What the light plugin says before anything is loaded; runs in any environment."""

import subprocess
import sys

import pytest
from bsct_zoo_equiformer import register_adapters
from bsct_zoo_equiformer.files import file_card

from bsct_zoo.errors import BadInputError
from bsct_zoo.runtime.requirements import python_fits


def test_registering_imports_nothing_heavy():
    code = (
        "import sys, bsct_zoo_equiformer as plugin; plugin.register_adapters();"
        "print([name for name in ('torch', 'fairchem', 'e3nn', 'torch_geometric') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_environment_is_for_pythons_that_fairchem_takes():
    (adapter,) = register_adapters()
    assert python_fits(adapter.environment, "3.12.1") and not python_fits(adapter.environment, "3.13.0")


def test_file_names(tmp_path):
    (tmp_path / "their.pt").write_bytes(b"")
    card = file_card(str(tmp_path / "their.pt"))
    assert card.executes_code and card.sha256 is None
    with pytest.raises(BadInputError, match="there is no file"):
        file_card(str(tmp_path / "absent.pt"))
    with pytest.raises(BadInputError, match=r"neither a \.pt checkpoint"):
        file_card(str(tmp_path / "some.txt"))
