"""Draw report.png and figures.png, the pictures of docs/report.md: ``python docs/draw_report.py``.

Compares the models and runs two molecules with them, unless that is kept; report.png needs Chromium.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

DOCS = Path(__file__).parent
MODELS = ("mace", "nequip", "equiformer", "transformer")
SCAN = "C-N/formamide"
RUNS = ("--molecule", "CH3CH2OH", "--molecule", "H2CO", "--seeds", "2", "--time", "0.4")
WINDOW, GAP = (1240, 1145), 40  # pixels
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


def main() -> None:
    """Measure and draw."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        scans, runs, page = folder / "scans.json", folder / "nve.json", folder / "report.html"
        zoo("compare", *MODELS, "xtb", "--json", scans, "--html", page, "--quiet")
        zoo("md", *MODELS, *RUNS, "--json", runs, "--quiet")
        photograph(page, f"#/scan/core/{SCAN.replace('/', '%2F')}?frame=24", DOCS / "report.png")
        four = [word for model in MODELS for word in ("--model", model)]
        scan, violin = folder / "scan.png", folder / "violin.png"
        pareto, md = folder / "pareto.png", folder / "md.png"
        zoo("plot", scans, "--kind", "scan", "--scan", SCAN, "-o", scan)
        zoo("plot", scans, "--kind", "violin", *four, "-o", violin)
        zoo("plot", scans, "--kind", "pareto", *four, "-o", pareto)
        zoo("plot", runs, "--kind", "md", "-o", md)
        picture = Image.fromarray(joined([joined(column, 0) for column in ([scan], [violin, pareto], [md])], 1))
        picture.thumbnail((2000, 2000))
        picture.save(DOCS / "figures.png")


def zoo(*words: object) -> None:
    """Run a command of bsct-zoo."""
    done = subprocess.run([sys.executable, "-m", "bsct_zoo", *map(str, words)], stdout=subprocess.DEVNULL)
    if done.returncode not in (0, 1):  # 1: a run failed, which the picture shows
        sys.exit(done.returncode)


def photograph(page: Path, view: str, picture: Path) -> None:
    """A view of a report as a browser shows it."""
    browser = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if browser is None:
        sys.exit("no Chromium here; install chromium")
    flags = ("--headless=new", "--no-sandbox", "--enable-unsafe-swiftshader", "--hide-scrollbars")
    size = f"--window-size={WINDOW[0]},{WINDOW[1]}"
    wait = "--virtual-time-budget=15000"  # ms
    subprocess.run(
        [browser, *flags, size, wait, f"--screenshot={picture}", page.as_uri() + view],
        check=True, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def joined(pictures: Sequence[Path | np.ndarray], axis: int) -> np.ndarray:
    """[height, width, 3] pictures below (axis 0) or beside (axis 1) each other, on white."""
    pixels = [np.asarray(Image.open(p).convert("RGB")) if isinstance(p, Path) else p for p in pictures]
    across = max(p.shape[1 - axis] for p in pixels)
    padded = []
    for p in pixels:
        room = [(0, GAP), (0, GAP), (0, 0)]
        room[1 - axis] = (0, across - p.shape[1 - axis])
        padded.append(np.pad(p, room, constant_values=255))
    return np.concatenate(padded, axis=axis)


if __name__ == "__main__":
    main()
