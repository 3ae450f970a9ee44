"""An HTML file that needs nothing else: our scripts and style, and data that travels compressed."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files


def document(
    title: str, scripts: Sequence[tuple[str, str]], data: Mapping[str, str], body: str, others: Sequence[str] = ()
) -> str:
    """Scripts run by their hashes alone, and nothing is fetched: a page holds names that strangers chose.

    Args:
        title: of the page.
        scripts: package and name of each asset, in an order in which each may use what stands before it.
        data: compressed texts, by the id of their element.
        body: HTML.
        others: scripts that may run beside.
    """
    script = "(() => {\n'use strict';\n" + "\n".join(asset(package, f"{name}.js") for package, name in scripts)
    script += "\n})();"
    policy = (
        f"default-src 'none'; script-src {' '.join(map(_hash, (script, *others)))}; style-src 'unsafe-inline'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
    blocks = "\n".join(f'<script type="text/plain" id="{name}">{text}</script>' for name, text in data.items())
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n<meta name="referrer" content="no-referrer">\n'
        f"<title>{escape(title)}</title>\n<style>\n{asset('page', 'page.css')}</style>\n</head>\n<body>\n"
        f"{body}{blocks}\n<script>{script}</script>\n</body>\n</html>\n"
    )


def asset(package: str, name: str) -> str:
    """The text of a file in ``assets`` of a package of ``report``."""
    return (files(f"bsct_zoo.report.{package}") / "assets" / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
