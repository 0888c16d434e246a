"""The console over a real pipeline: an analyst at work, by click and by keyboard, in good and in bad hours."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.browser.conftest import Open
from tests.browser.rig import VIEWER, Stage, console, event, eventually
from tests.browser.story import STOLEN, VICTIM, VICTIM_APP

PROVEN = "confirmed, the session is gone"
REFRESHES = 10
REFRESH_MS = 2_000


def row(page: Any, *texts: str) -> Any:
    """The row of the queue that holds all the texts."""
    found = page.locator(".row")
    for text in texts:
        found = found.filter(has_text=text)
    return found.first


def alert_of(stage: Stage, user: str, rule: str) -> dict[str, Any]:
    """An alert as the API gives it."""
    with stage.api() as api:
        items = api.get("/v1/alerts", params={"user": user, "rule": rule}).json()["items"]
    return dict(items[0])


def panel(page: Any) -> Any:
    return page.locator(".st-key-panel")


def selected(page: Any) -> str:
    return str(page.locator(".row[aria-selected=true]").get_attribute("id")).removeprefix("alert-")


def test_by_click_from_the_alert_to_the_proof(open_page: Open, watched: Stage) -> None:
    page = open_page()
    row(page, VICTIM, "another device").click()
    panel(page).get_by_text("198.51.100.0/24 RO AS64511 hosting").first.wait_for()
    panel(page).get_by_text("Chrome on Windows").first.wait_for()
    panel(page).get_by_role("link", name="Session").click()
    page.get_by_text("What happened").wait_for()
    page.get_by_role("button", name="Revoke…").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_text(f"Ends 1 live session of {VICTIM} on {VICTIM_APP}").wait_for()
    dialog.get_by_label("Reason, kept in the audit log").fill("Two countries at once, and a script")
    dialog.get_by_role("button", name="End the session").click()
    page.get_by_text(PROVEN, exact=True).wait_for()
    assert [told["session_id"] for told in watched.apps.told] == [STOLEN]


def test_by_keyboard_from_the_alert_to_the_proof(open_page: Open, watched: Stage) -> None:
    wanted = alert_of(watched, "h.kaya", "session-multi-network")
    page = open_page()
    page.locator(".row").first.wait_for()
    while selected(page) != wanted["alert_id"]:
        page.keyboard.press("j")
    panel(page).get_by_text("h.kaya · crm").wait_for()
    page.keyboard.press("x")
    page.get_by_role("dialog").get_by_text("Ends").wait_for()
    page.get_by_label("Reason, kept in the audit log").focus()
    page.keyboard.type("Used from a hosting network, the user is at her desk")
    page.keyboard.press("Control+Enter")
    panel(page).get_by_text(PROVEN, exact=True).wait_for()
    page.keyboard.press("Enter")
    page.get_by_text("What happened").wait_for()
    page.get_by_text(PROVEN, exact=True).wait_for()


def test_a_revocation_says_not_proven_until_the_app_shows_it(open_page: Open, watched: Stage) -> None:
    page = open_page()
    row(page, "o.peeters").click()
    panel(page).get_by_text("o.peeters · crm").wait_for()
    watched.apps.obey.clear()
    page.keyboard.press("x")
    page.get_by_label("Reason, kept in the audit log").fill("Looks taken over")
    page.get_by_role("button", name="End the session").click()
    panel(page).get_by_text("delivered, not proven").wait_for()
    watched.apps.obey.set()
    panel(page).get_by_text(PROVEN, exact=True).wait_for()


def test_a_revocation_needs_a_reason(open_page: Open) -> None:
    page = open_page()
    row(page, "j.lind").click()
    panel(page).get_by_text("j.lind · crm").wait_for()
    page.keyboard.press("x")
    page.get_by_role("button", name="End the session").click()
    page.get_by_role("dialog").get_by_text("A reason is needed").wait_for()


def test_keys_are_dead_in_the_dialog_and_in_fields(open_page: Open, watched: Stage) -> None:
    wanted = alert_of(watched, "j.lind", "session-multi-network")
    page = open_page(f"/?alert={wanted['alert_id']}")
    page.locator(".row").first.wait_for()
    panel(page).get_by_text("j.lind · crm").wait_for()
    page.keyboard.press("x")
    page.get_by_role("dialog").get_by_text("Ends").wait_for()
    page.get_by_role("dialog").get_by_text("The app is told").click()
    for key in "bftjk":
        page.keyboard.press(key)
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("dialog").wait_for(state="detached")
    # A dialog that closes gives the focus back to where it was, a moment later.
    eventually(lambda: _searching(page))
    page.keyboard.type("bft")
    assert page.get_by_label("Search", exact=True).input_value() == "bft"
    after = alert_of(watched, "j.lind", "session-multi-network")
    assert (after["status"], after["owner"]) == (wanted["status"], wanted["owner"])


def _searching(page: Any) -> bool:
    inside = "() => document.activeElement.closest('.st-key-q') !== null"
    if not page.evaluate(inside):
        page.keyboard.press("/")
        page.wait_for_timeout(200)
    return bool(page.evaluate(inside))


def test_benign_by_key_moves_on_and_can_be_undone(open_page: Open, watched: Stage) -> None:
    wanted = alert_of(watched, "r.silva", "session-multi-network")
    page = open_page(f"/?alert={wanted['alert_id']}")
    page.locator(".row").first.wait_for()
    panel(page).get_by_text("r.silva · bank").wait_for()
    page.keyboard.press("b")
    panel(page).get_by_text("r.silva: closed as benign").wait_for()
    assert selected(page) != wanted["alert_id"]
    assert alert_of(watched, "r.silva", "session-multi-network")["verdict"] == "benign"
    page.keyboard.press("u")
    panel(page).get_by_text("r.silva · bank").wait_for()
    eventually(lambda: selected(page) == wanted["alert_id"])
    assert alert_of(watched, "r.silva", "session-multi-network")["status"] == "new"


def test_a_decision_in_one_breath_with_a_move_decides_the_highlighted_one(open_page: Open, watched: Stage) -> None:
    page = open_page()
    page.locator(".row").first.wait_for()
    first = selected(page)
    page.keyboard.press("j")
    second = selected(page)
    page.keyboard.press("t")
    with watched.api() as api:
        eventually(lambda: api.get(f"/v1/alerts/{second}").json()["owner"] == "ines")
        assert api.get(f"/v1/alerts/{first}").json()["owner"] is None


def test_a_note_is_kept_with_the_alert(open_page: Open, watched: Stage) -> None:
    page = open_page()
    row(page, "n.ibrahim").click()
    panel(page).get_by_role("button", name="Note…").click()
    page.get_by_label("Note, for whoever comes next").fill("Asked her, she is at a friend's")
    page.get_by_role("button", name="Keep note").click()
    panel(page).get_by_text("Asked her, she is at a friend's", exact=True).wait_for()


def test_a_link_to_a_session_survives_signing_in(open_page: Open) -> None:
    page = open_page(f"/session?app={VICTIM_APP}&id={STOLEN}")
    page.get_by_text("What happened").wait_for()
    page.get_by_text(STOLEN).first.wait_for()


def test_a_link_to_an_alert_outside_the_filter_says_so(open_page: Open, watched: Stage) -> None:
    wanted = alert_of(watched, "t.nguyen", "use-after-destroy")
    page = open_page(f"/?severity=critical&alert={wanted['alert_id']}")
    panel(page).get_by_text("Outside the current filter").wait_for()
    panel(page).get_by_text("t.nguyen · shop").wait_for()


def test_back_leads_to_the_same_alert(open_page: Open, watched: Stage) -> None:
    wanted = alert_of(watched, "d.costa", "use-after-destroy")
    page = open_page(f"/?alert={wanted['alert_id']}")
    page.locator(".row").first.wait_for()
    panel(page).get_by_text("d.costa · shop").wait_for()
    page.locator("body").press("Enter")
    page.get_by_text("What happened").wait_for()
    page.go_back()
    panel(page).get_by_text("d.costa · shop").wait_for()
    assert selected(page) == wanted["alert_id"]


def test_a_click_on_a_mark_shows_its_event_and_the_address_keeps_it(open_page: Open) -> None:
    page = open_page(f"/session?app={VICTIM_APP}&id={STOLEN}")
    page.get_by_text("What happened").wait_for()
    chart = page.locator("[data-testid=stVegaLiteChart] svg")
    chart.wait_for()
    box = chart.bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.35, box["y"] + 90)
    panel(page).get_by_text("validate — request").wait_for()
    link = page.url
    page.keyboard.press("j")
    page.wait_for_url(lambda url: url != link)
    panel(page).get_by_text("AS64500 · home").wait_for()
    page.reload()
    panel(page).get_by_text("validate — request").wait_for()
    page.keyboard.press("Escape")
    page.get_by_text("What happened").wait_for()


def test_the_theme_follows_the_system_without_a_reload(open_page: Open) -> None:
    page = open_page(f"/session?app={VICTIM_APP}&id={STOLEN}", color_scheme="light")
    fill = "() => getComputedStyle(document.querySelector('[data-testid=stVegaLiteChart] svg text')).fill"
    page.locator("[data-testid=stVegaLiteChart] svg text").first.wait_for()
    page.wait_for_function(
        "() => getComputedStyle(document.querySelector('.stApp')).backgroundColor === 'rgb(255, 255, 255)'"
    )
    light = page.evaluate(fill)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(
        "() => getComputedStyle(document.querySelector('.stApp')).backgroundColor === 'rgb(15, 19, 24)'"
    )
    page.wait_for_function(f"light => ({fill})() !== light", arg=light)


def test_selection_and_scroll_stand_still_while_new_alerts_wait(open_page: Open, watched: Stage) -> None:
    page = open_page(viewport={"width": 1280, "height": 720})
    row(page, "s.rossi").click()
    panel(page).get_by_text("s.rossi · shop").wait_for()
    chosen = selected(page)
    before = page.locator(".list").evaluate("list => [list.scrollTop, list.childElementCount]")
    _steal(watched, "w.new")
    page.get_by_role("button", name=re.compile("new")).wait_for()
    for _ in range(REFRESHES):
        page.wait_for_timeout(REFRESH_MS)
        assert selected(page) == chosen
        assert page.locator(".list").evaluate("list => [list.scrollTop, list.childElementCount]") == before
    page.locator("body").press("n")
    row(page, "w.new").wait_for()
    assert selected(page) == chosen


def test_the_api_stops_and_comes_back(open_page: Open, watched: Stage) -> None:
    page = open_page()
    page.locator(".row").first.wait_for()
    shown = page.locator(".row").count()
    watched.stop_pipeline()
    page.get_by_text("API silent since").wait_for()
    assert page.locator(".row").count() == shown
    page.get_by_text("Not live").wait_for()
    watched.start_pipeline()
    page.get_by_text("API silent since").wait_for(state="detached")
    page.get_by_text(re.compile(r"Live · data to")).wait_for()


def test_an_agent_with_html_markdown_and_bidi_marks_does_nothing(open_page: Open, watched: Stage) -> None:
    wanted = alert_of(watched, "k.bauer", "session-hijack")
    page = open_page(f"/?alert={wanted['alert_id']}")
    page.locator(".row").first.wait_for()
    panel(page).get_by_text("k.bauer · crm").wait_for()
    panel(page).get_by_text("<img src=x").first.wait_for()
    page.locator("body").press("Enter")
    page.get_by_text("What happened").wait_for()
    page.locator("[data-testid=stVegaLiteChart] svg").wait_for()
    last = watched_mark(page, watched, wanted)
    page.goto(f"{page.url}&event={last}")
    panel(page).get_by_text("User agent, as it was sent").wait_for()
    text = panel(page).locator("[data-testid=stText]").inner_text()
    assert "<script>alert(1)</script>" in text
    assert "![](" in text
    assert "\u202e" not in page.locator("body").inner_text()
    assert page.locator("img[src='x'], img[src*='192.0.2.1'], script:text('alert(1)')").count() == 0


def watched_mark(page: Any, stage: Stage, alert: dict[str, Any]) -> str:
    """The id of the session's last event."""
    with stage.api() as api:
        shown = api.get(f"/v1/sessions/{alert['app']}/{alert['session_id']}/picture").json()
    return str(shown["marks"][-1]["event_id"])


def test_an_unknown_session_is_explained(open_page: Open) -> None:
    page = open_page("/session?app=bank&id=s_k1_never")
    page.get_by_text("No events of this session are kept").wait_for()


def test_a_viewer_may_look_and_not_decide(open_page: Open) -> None:
    page = open_page(token=VIEWER)
    panel(page).get_by_text("Your role may look").wait_for()
    assert panel(page).get_by_role("button", name="Revoke…").is_disabled()
    page.keyboard.press("x")
    page.wait_for_timeout(REFRESH_MS)
    assert page.get_by_role("dialog").count() == 0


@pytest.mark.parametrize(("zone", "name"), [("Europe/Berlin", r"\bCES?T\b"), ("Asia/Tokyo", r"\bJST\b")])
def test_local_time_is_the_browsers(open_page: Open, watched: Stage, zone: str, name: str) -> None:
    wanted = alert_of(watched, VICTIM, "session-hijack")
    happened = datetime.fromisoformat(wanted["event_time"])
    page = open_page(f"/?alert={wanted['alert_id']}", timezone_id=zone)
    panel(page).get_by_text(f"{happened:%d %b %H:%M:%S} UTC").wait_for()
    page.get_by_role("radio", name="Local").click()
    local = happened.astimezone(ZoneInfo(zone))
    panel(page).get_by_text(re.compile(f"{local:%d %b %H:%M:%S} {name}")).wait_for()


@pytest.mark.parametrize("leave", ["reload", "second tab"])
def test_the_sign_in_lasts_for_the_browser_session(open_page: Open, leave: str) -> None:
    page = open_page()
    page.locator(".row").first.wait_for()
    if leave == "reload":
        page.reload()
        page.locator(".row").first.wait_for()
    else:
        again = open_page(token=None, within=page.context)
        again.locator(".row").first.wait_for()


def test_signing_out_forgets_the_token_in_every_tab(open_page: Open) -> None:
    page = open_page()
    page.locator(".row").first.wait_for()
    other = open_page(token=None, within=page.context)
    other.locator(".row").first.wait_for()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Token", exact=True).wait_for()
    other.get_by_text("Signed out in another tab").wait_for()
    page.reload()
    page.get_by_label("Token", exact=True).wait_for()
    assert page.evaluate(
        "() => sessionStorage.length + localStorage.length && JSON.stringify({...sessionStorage})"
    ) in (0, "{}")


def test_the_first_link_to_a_new_console_asks_for_a_token(chromium: Any, watched: Stage, tmp_path: Path) -> None:
    with console(watched.api_url, tmp_path) as address:
        page = chromium.new_page()
        page.goto(f"{address}/session?app={VICTIM_APP}&id={STOLEN}")
        page.get_by_label("Token", exact=True).wait_for()
        page.close()


def test_a_wrong_token_is_refused_in_one_line(open_page: Open) -> None:
    page = open_page(token=None)
    page.get_by_label("Token", exact=True).fill("not-the-token-of-anybody")
    page.keyboard.press("Enter")
    page.get_by_text("This token is not taken").wait_for()


def test_a_link_with_a_code_signs_in_once(open_page: Open, watched: Stage) -> None:
    assert watched.running is not None
    code = watched.running.sign_in_code("ines", "analyst")
    page = open_page(f"/?code={code}", token=None)
    page.locator(".row").first.wait_for()
    assert "code=" not in page.url
    again = open_page(f"/?code={code}", token=None)
    again.get_by_text("The link's code was not taken").wait_for()


def _steal(stage: Stage, user: str, say: Callable[..., dict[str, object]] = event) -> None:
    session = f"s_k1_{user.replace('.', '')}Tz5KxWq"
    home = {"ip": "203.0.113.5", "agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
    stage.say(
        say("create", "crm", session, user, reason="login", **home),  # type: ignore[arg-type]
        say("validate", "crm", session, user, reason="request", **home),  # type: ignore[arg-type]
        say("validate", "crm", session, user, reason="request"),
    )
