"""Looking at a page: what hinders people at it, and its picture for the documentation."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

ALLOWED = "[data-testid=stSidebarNav], [data-testid=stVegaLiteChart]"
"""Streamlit's navigation list, and Vega's SVG, whose container carries the description."""

SMALLEST_BYTES, LARGEST_BYTES = 20_000, 300_000
THEMES = ("light", "dark")


def serious(page: Any) -> list[str]:
    """What axe finds on a page that is serious or worse."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    return [
        f"{one['id']}: {node['html'][:200]}"
        for one in axe.Axe().run(page).response["violations"]
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
        if not _allowed(page, node["target"][0])
    ]


def _allowed(page: Any, target: str | list[str]) -> bool:
    # A list leads into a shadow root, where nothing is allowed.
    return isinstance(target, str) and bool(
        page.eval_on_selector(target, "(node, allowed) => node.closest(allowed) !== null", ALLOWED)
    )


def photographed(page: Any, name: str, otherwise: Path) -> int:
    """Take a page's picture into the folder that SESSIONWATCH_SCREENS names, as `docs/screens` was; its bytes.

    Args:
        page: as it stands.
        name: of the file.
        otherwise: where it goes without that variable.
    """
    page.mouse.move(5, 5)
    page.evaluate("() => document.fonts.ready")
    page.wait_for_timeout(600)
    picture = Path(os.environ.get("SESSIONWATCH_SCREENS", otherwise)) / f"{name}.png"
    page.screenshot(path=picture)
    assert picture.stat().st_size > SMALLEST_BYTES
    return picture.stat().st_size
