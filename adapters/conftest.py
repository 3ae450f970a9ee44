"""Tests of adapters share the systems of ``tests/made_systems.py``."""

import sys
from pathlib import Path

# Not this folder: its own folders would stand for the packages of that name.
sys.path.append(str(Path(__file__).parents[1] / "tests"))
