"""How the pages look: accessible in both themes, and photographed for the documentation."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import Open
from tests.browser.rig import Stage
from tests.browser.story import STOLEN, VICTIM, VICTIM_APP

ALLOWED = "[data-testid=stSidebarNav], [data-testid=stVegaLiteChart]"
"""Streamlit's navigation list, and Vega's SVG, whose container carries the description."""

LARGEST_BYTES = 300_000
THEMES = ("light", "dark")


def alerts(open_page: Open, theme: str) -> Any:
    page = open_page(color_scheme=theme)
    page.locator(".row").filter(has_text=VICTIM).filter(has_text="another device").click()
    page.locator(".st-key-panel").get_by_text(f"{VICTIM} · {VICTIM_APP}").wait_for()
    return page


def session(open_page: Open, theme: str) -> Any:
    page = open_page(f"/session?app={VICTIM_APP}&id={STOLEN}", color_scheme=theme)
    page.get_by_text("What happened").wait_for()
    page.locator("[data-testid=stVegaLiteChart] svg").wait_for()
    return page


def dialog(open_page: Open, theme: str) -> Any:
    page = alerts(open_page, theme)
    page.keyboard.press("x")
    page.get_by_role("dialog").get_by_text("Ends").wait_for()
    return page


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("show", [alerts, session, dialog])
def test_axe_finds_nothing_serious(open_page: Open, show: Any, theme: str) -> None:
    page = show(open_page, theme)
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    found = axe.Axe().run(page).response["violations"]
    serious = [
        f"{one['id']}: {node['html'][:200]}"
        for one in found
        if one["impact"] in ("serious", "critical")
        for node in one["nodes"]
        if not _allowed(page, node["target"][0])
    ]
    assert serious == []


def _allowed(page: Any, target: str | list[str]) -> bool:
    # A list leads into a shadow root, where nothing is allowed.
    return isinstance(target, str) and bool(
        page.eval_on_selector(target, "(node, allowed) => node.closest(allowed) !== null", ALLOWED)
    )


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("show", [alerts, session])
def test_a_picture_for_the_documentation(
    open_page: Open, watched: Stage, show: Any, theme: str, tmp_path: Path
) -> None:
    """Written to the folder that SESSIONWATCH_SCREENS names, as `docs/screens` was."""
    page = show(open_page, theme)
    page.mouse.move(5, 5)
    page.evaluate("() => document.fonts.ready")
    page.wait_for_timeout(600)
    folder = Path(os.environ.get("SESSIONWATCH_SCREENS", tmp_path))
    picture = folder / f"{show.__name__}-{theme}.png"
    page.screenshot(path=picture)
    assert 20_000 < picture.stat().st_size < LARGEST_BYTES
