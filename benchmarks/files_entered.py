"""How many files of bsct-zoo a command enters, and how often a call crosses from one to another.

    python benchmarks/files_entered.py compare transformer --limit 1

Only calls between functions of this project count, on any thread of this process; imports do not.
"""

from __future__ import annotations

import collections
import os
import sys
import tempfile
import threading
from types import FrameType
from typing import Any


def main(words: list[str]) -> None:
    """Run ``bsct-zoo`` with ``words`` on an empty cache and print the counts."""
    os.environ["BSCT_ZOO_CACHE"] = tempfile.mkdtemp()
    from bsct_zoo.cli.main import main as command

    crossings: collections.Counter[tuple[str, str]] = collections.Counter()

    def ours(frame: FrameType | None) -> str:
        if frame is None or frame.f_code.co_name == "<module>" or frame.f_code.co_filename.startswith("<"):
            return ""
        return frame.f_code.co_filename if "bsct_zoo" in frame.f_globals.get("__name__", "") else ""

    def profile(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and (here := ours(frame)) and (there := ours(frame.f_back)) and here != there:
            crossings[there, here] += 1

    sys.argv = ["bsct-zoo", *words]
    threading.setprofile(profile)
    sys.setprofile(profile)
    try:
        command()
    except SystemExit as ended:
        code = ended.code
    finally:
        sys.setprofile(None)
    files = {file for pair in crossings for file in pair}
    print(f"bsct-zoo {' '.join(words)} (exit code {code})")
    print(
        f"{len(files)} files entered, {sum(crossings.values())} calls from one file to another, "
        f"{len(crossings)} pairs of files"
    )


if __name__ == "__main__":
    main(sys.argv[1:])
