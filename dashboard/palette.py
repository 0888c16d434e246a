"""Colours, glyphs and the style sheet. Severity is a glyph and a word; colour comes third."""

from __future__ import annotations

from pathlib import Path

from schemas.alert import Severity

_RULES = Path(__file__).with_name("console.css").read_text()

LIGHT = {
    "critical": "#7A0B2E", "high": "#AF380A", "medium": "#A98706", "low": "#3569C4", "info": "#76818C",
    "ink": "#1D2430", "sub": "#5B6572", "line": "#DDE1E7", "page": "#FFFFFF", "panel": "#F6F7F9",
    "accent": "#4453C4", "selected": "#EEF0F8", "primary": "#4453C4",
}  # fmt: skip
DARK = {
    "critical": "#FF4277", "high": "#F49B45", "medium": "#FBE9A6", "low": "#3D93E6", "info": "#959DA6",
    "ink": "#E4E8ED", "sub": "#A2ABB7", "line": "#2B323C", "page": "#0F1318", "panel": "#171C23",
    "accent": "#98A4FF", "selected": "#1A2030", "primary": "#5B68E0",
}  # fmt: skip
"""Worst pair over simulated colour blindness: dE2000 11.9 in light, 14.6 in dark; 3:1 or more on the page."""

GLYPHS = {
    Severity.CRITICAL: "◆",
    Severity.HIGH: "▲",
    Severity.MEDIUM: "●",
    Severity.LOW: "■",
    Severity.INFO: "○",
}
"""From the worst down."""

MARKDOWN_COLOURS = {
    Severity.CRITICAL: "red",
    Severity.HIGH: "orange",
    Severity.MEDIUM: "yellow",
    Severity.LOW: "blue",
    Severity.INFO: "gray",
}
"""Streamlit's names for the same colours, as the theme sets them."""


def colour(name: str) -> str:
    """Return a colour as the browser resolves it: it follows a change of theme without a rerun.

    Args:
        name: a severity, or a name of `LIGHT`.
    """
    return f"var(--sw-{name})"


def glyph(severity: Severity) -> str:
    """Return a severity's glyph as HTML, in its colour; the word stands beside it."""
    return f'<span class="sw-glyph" style="color:{colour(severity)}" aria-hidden="true">{GLYPHS[severity]}</span>'


def style_sheet() -> str:
    """Return the console's style sheet, as an element."""
    # Streamlit puts color-scheme on .stApp: light-dark() follows it there.
    variables = "".join(f"--sw-{name}:light-dark({LIGHT[name]},{DARK[name]});" for name in LIGHT)
    return f"<style>.stApp{{{variables}}}{_RULES}</style>"
