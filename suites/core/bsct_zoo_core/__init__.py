"""The core suite: 36 GFN2-xTB bond scans of small molecules, shipped with bsct-zoo under the MIT licence."""

from __future__ import annotations

from pathlib import Path

NAME = "core"
TITLE = "Bond scans of small molecules, four for each of nine bond types"
LICENCE = "MIT"
PATH = Path(__file__).with_name("core.npz")
