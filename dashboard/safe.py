"""The only ways by which text of an event reaches a page.

An event's text is hostile: Streamlit renders Markdown in labels, captions and tables, and HTML in `st.html`. What
comes from an event goes through `visible` into `st.text`, `st.code`, `st.dataframe` and `textContent`, and through
`html_text` into `st.html`; into nothing else.
"""

from __future__ import annotations

import html
import re

LONGEST = 300
"""Characters shown of one text; the store holds the whole."""

# Controls, line and paragraph separators, lone surrogates; and what turns the reading direction or has no width,
# with which a thief writes one thing and shows another (CVE-2021-42574).
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)


def visible(text: object, longest: int = LONGEST) -> str:
    """Return a text in which every character is seen, on one line.

    Args:
        text: from an event, or from a person.
        longest: characters that are kept.
    """
    seen = _UNSEEN.sub("\ufffd", str(text))
    return seen if len(seen) <= longest else seen[: longest - 1] + "…"


def html_text(text: object, longest: int = LONGEST) -> str:
    """Return a text for the inside of an HTML element or a quoted attribute."""
    return html.escape(visible(text, longest), quote=True)
