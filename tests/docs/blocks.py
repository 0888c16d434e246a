"""Code blocks of the documents that a test runs: those after a comment `<!-- run: name -->`."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"<!-- run: (?P<name>[^>]+) -->\n```(?P<language>\w+)\n(?P<code>.*?)```", re.DOTALL)


def block(document: str, name: str) -> str:
    """Return the code of a named block.

    Raises:
        KeyError: the document has none of that name.
    """
    found = {match["name"]: match["code"] for match in _BLOCK.finditer((ROOT / document).read_text())}
    return found[name]
