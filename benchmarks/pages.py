"""Measured text in pages of docs: it stands between ``<!-- NAME -->`` and ``<!-- end -->``."""

import re
from pathlib import Path


def fill(page: Path, name: str, text: str) -> None:
    """Put ``text`` in place of what stands there."""
    block = re.compile(rf"(<!-- {re.escape(name)} -->\n).*?(<!-- end -->)", re.DOTALL)
    page.write_text(block.sub(lambda found: f"{found[1]}\n{text}\n{found[2]}", page.read_text()))
