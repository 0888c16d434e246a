"""The console where answers are long on their way: no click and no page is lost between two runs."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.conftest import Open
from tests.browser.rig import Stage, eventually
from tests.browser.story import STOLEN, VICTIM, VICTIM_APP

BEATS_MS = 4_500
"""Two beats of the page's timers and a little."""


class Way:
    """The way from the console to one browser: open, or everything waits on it, in its order."""

    def __init__(self, context: Any) -> None:
        self.context = context
        self._shut = False
        self._waiting: deque[tuple[Any, Any]] = deque()
        context.route_web_socket(re.compile("_stcore/stream"), self._connect)

    def shut(self) -> None:
        self._shut = True

    def open(self) -> None:
        # What arrives meanwhile queues up behind. Each is let through by itself: of many at once Playwright makes as
        # many calls into the page, and nothing says that these keep the order that a connection would keep.
        while self._waiting:
            socket, message = self._waiting.popleft()
            socket.send(message)
            self.context.pages[-1].evaluate("0")
        self._shut = False

    def _connect(self, socket: Any) -> None:
        server = socket.connect_to_server()
        socket.on_message(server.send)
        server.on_message(lambda message: self._bring(socket, message))

    def _bring(self, socket: Any, message: Any) -> None:
        if self._shut:
            self._waiting.append((socket, message))
        else:
            socket.send(message)


@pytest.fixture
def way(chromium: Any) -> Iterator[Way]:
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    yield Way(context)
    context.close()


def test_a_beat_of_the_page_that_was_left_does_not_empty_the_next(open_page: Open, way: Way) -> None:
    page = open_page(within=way.context)
    page.locator(".row").filter(has_text=VICTIM).first.click()
    page.locator(".st-key-panel").get_by_text(f"{VICTIM} · {VICTIM_APP}").wait_for()
    way.shut()
    page.locator("body").press("Enter")
    page.wait_for_timeout(BEATS_MS)
    way.open()
    page.get_by_text("What happened").wait_for()
    page.wait_for_timeout(BEATS_MS)
    assert page.get_by_text("What happened").is_visible()
    assert page.get_by_role("button", name="Sign out").is_visible()


def test_a_click_whose_answer_is_late_opens_its_dialog(open_page: Open, way: Way) -> None:
    page = open_page(f"/session?app={VICTIM_APP}&id={STOLEN}", within=way.context)
    page.get_by_text("What happened").wait_for()
    way.shut()
    page.get_by_role("button", name="Revoke…").click()
    page.wait_for_timeout(BEATS_MS)
    way.open()
    page.get_by_role("dialog").get_by_text("Ends").wait_for()
    page.wait_for_timeout(BEATS_MS)
    assert page.get_by_role("dialog").is_visible()


def test_keys_in_one_breath_are_all_done(open_page: Open, watched: Stage) -> None:
    page = open_page()
    page.locator(".row").nth(3).wait_for()
    wanted = [str(row.get_attribute("id")).removeprefix("alert-") for row in page.locator(".row").all()[1:4]]
    page.locator(".row").first.click()
    page.keyboard.type("jtjtjt")
    with watched.api() as api:
        for alert_id in wanted:
            eventually(lambda alert_id=alert_id: api.get(f"/v1/alerts/{alert_id}").json()["owner"] == "ines")


def test_what_is_typed_before_the_dialog_shows_decides_nothing_behind_it(
    open_page: Open, watched: Stage, way: Way
) -> None:
    page = open_page(within=way.context)
    page.locator(".row").first.click()
    chosen = str(page.locator(".row").first.get_attribute("id")).removeprefix("alert-")
    way.shut()
    page.keyboard.type("xfb")
    page.wait_for_timeout(BEATS_MS)
    way.open()
    page.get_by_role("dialog").get_by_text("Ends").wait_for()
    with watched.api() as api:
        assert api.get(f"/v1/alerts/{chosen}").json()["verdict"] is None


def test_a_dialog_that_was_dismissed_opens_again(open_page: Open) -> None:
    page = open_page(f"/session?app={VICTIM_APP}&id={STOLEN}")
    page.get_by_text("What happened").wait_for()
    for _ in range(2):
        page.get_by_role("button", name="Revoke…").click()
        page.get_by_role("dialog").get_by_text("Ends").wait_for()
        page.keyboard.press("Escape")
        page.get_by_role("dialog").wait_for(state="detached")


def test_a_revocation_is_released_by_hand(open_page: Open, watched: Stage) -> None:
    session = "s_k1_commute2Kt5RbQxZ8nMvLw"
    with watched.api() as api:
        body = {"app": "shop", "subject": session, "reason": "taken for a theft"}
        assert api.post("/v1/revocations", json=body).status_code == 201
    page = open_page(f"/session?app=shop&id={session}")
    page.get_by_role("button", name="Release…").click()
    page.get_by_label("Reason, kept in the audit log").fill("She called, it is her train")
    page.get_by_role("button", name="Release it").click()
    page.get_by_text("Revocation of the session: released").wait_for()
    with watched.api() as api:
        kept = api.get("/v1/revocations", params={"session": session}).json()["items"][0]
    assert (kept["state"], kept["note"]) == ("released", "She called, it is her train")
