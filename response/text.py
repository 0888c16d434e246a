"""Hostile text: whatever a client chose passes through `safe` before a person or a chat service sees it."""

from __future__ import annotations

import re
import unicodedata

MAX_SHOWN = 200
"""Characters of one hostile text that anybody is shown (decision 33 of the design)."""

_MAX_LOOKED_AT = 4_096
"""Characters: above every field of an event, so that invisible ones in front cannot hide the rest."""

# Markup of Markdown, Slack and HTML, each as a sign that looks alike and means nothing. An underscore stays:
# it can neither link nor mention, and names and session ids are full of it.
_INERT = str.maketrans(
    {"<": "‹", ">": "›", "[": "(", "]": ")", "`": "'", "*": "∗", "|": "¦", "\\": "⧵", "~": "∼", "&": "＆",
     "#": "＃", "@": "(at)", "＠": "(at)", "﹫": "(at)"}
)  # fmt: skip
_BREAKS = frozenset({"Zl", "Zp", "Zs"})
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_NOT_PLAIN = _UNSEEN | {"Zl", "Zp"}
_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):(?=/)", re.IGNORECASE)
_POINTED = re.compile(r"(?<=\w)[.。．｡](?=[^\W\d_])")
# Schemes that chat programs turn into links without any slash.
_SLASHLESS = re.compile(r"\b(mailto|tel|sms|javascript|data|file|xmpp|sip|magnet):", re.IGNORECASE)


def safe(text: str, limit: int = MAX_SHOWN) -> str:
    """Return text that can be shown in chat, mail, logs and pages.

    Control, bidirectional and other invisible characters are taken out, line breaks become blanks, mentions
    and markup are replaced by inert signs, links are defanged (``http(:)//evil(.)example``), and the rest is cut.

    Args:
        text: whatever a client sent.
        limit: the greatest length of what is returned, in characters.
    """
    seen = "".join(map(_visible, text[:_MAX_LOOKED_AT]))
    inert = " ".join(seen.split()).translate(_INERT)
    defanged = _POINTED.sub("(.)", _SLASHLESS.sub(r"\1(:)", _SCHEME.sub(r"\1(:)", inert)))
    return defanged if len(defanged) <= limit else defanged[: limit - 1] + "…"


def identifier(text: str, limit: int = MAX_SHOWN) -> str:
    """Return an identifier for machines that compare it: nothing is defanged or escaped, for it must stay the same.

    Every control, bidirectional or other invisible character becomes U+FFFD, so that a name with one in it neither
    acts on a terminal nor passes for the name without it.

    Args:
        text: whatever a client sent.
        limit: the greatest length of what is returned, in characters.
    """
    seen = "".join(
        "\N{REPLACEMENT CHARACTER}" if unicodedata.category(char) in _NOT_PLAIN else char for char in text[: limit + 1]
    )
    return seen if len(seen) <= limit else seen[: limit - 1] + "…"


def _visible(char: str) -> str:
    category = unicodedata.category(char)
    if category in _BREAKS or char in "\n\r\t\v\f":
        return " "
    return "" if category in _UNSEEN else char
