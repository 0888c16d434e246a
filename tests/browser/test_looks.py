"""How the pages look: accessible in both themes, and photographed for the documentation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import Open
from tests.browser.looks import LARGEST_BYTES, THEMES, photographed, serious
from tests.browser.rig import Stage
from tests.browser.story import STOLEN, VICTIM, VICTIM_APP


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
    assert serious(page) == []


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("show", [alerts, session])
def test_a_picture_for_the_documentation(
    open_page: Open, watched: Stage, show: Any, theme: str, tmp_path: Path
) -> None:
    """Written to the folder that SESSIONWATCH_SCREENS names, as `docs/screens` was."""
    page = show(open_page, theme)
    assert photographed(page, f"{show.__name__}-{theme}", tmp_path) < LARGEST_BYTES
