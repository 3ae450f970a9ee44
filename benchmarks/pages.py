"""Measured text in pages of docs: it stands between ``<!-- NAME -->`` and ``<!-- end -->``.

python benchmarks/pages.py docs/transformer.md ladder FOLDER/ablation.md    # what a command wrote, into a page
"""

import re
import sys
from pathlib import Path


def fill(page: Path, name: str, text: str) -> None:
    """Put ``text`` in place of what stands there."""
    block = re.compile(rf"(<!-- {re.escape(name)} -->\n).*?(<!-- end -->)", re.DOTALL)
    page.write_text(block.sub(lambda found: f"{found[1]}\n{text}\n{found[2]}", page.read_text()))


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    fill(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]).read_text())
