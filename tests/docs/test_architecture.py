"""The picture of the architecture is drawn from the code that stands here."""

import subprocess
import sys
from pathlib import Path

DRAW = Path(__file__).parents[2] / "docs" / "draw_architecture.py"


def test_the_picture_is_that_of_the_code():
    """python docs/draw_architecture.py --check"""
    done = subprocess.run([sys.executable, DRAW, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
