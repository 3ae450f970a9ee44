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
        picture = side_by_side([stacked([scan]), stacked([violin, pareto]), stacked([md])])
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


def stacked(files: Sequence[Path]) -> Image.Image:
    """Pictures below each other, on white."""
    pictures = [Image.open(file).convert("RGB") for file in files]
    whole = Image.new("RGB", (max(p.width for p in pictures), sum(p.height for p in pictures)), "white")
    for k, picture in enumerate(pictures):
        whole.paste(picture, (0, sum(p.height for p in pictures[:k])))
    return whole


def side_by_side(pictures: Sequence[Image.Image]) -> Image.Image:
    """Pictures beside each other, on white."""
    width = sum(p.width + GAP for p in pictures) - GAP
    whole = Image.new("RGB", (width, max(p.height for p in pictures)), "white")
    for k, picture in enumerate(pictures):
        whole.paste(picture, (sum(p.width + GAP for p in pictures[:k]), 0))
    return whole


if __name__ == "__main__":
    main()
