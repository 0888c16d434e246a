"""The pages of the response over a pipeline that acts by itself: what waits is decided, and who is in is ended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.browser.conftest import Open
from tests.browser.looks import LARGEST_BYTES, THEMES, photographed, serious
from tests.browser.rig import Stage, event, eventually, stage
from tests.browser.story import STOLEN, VICTIM, story
from tests.response.receivers import Receiver, answers

SECOND_ANALYST, ENGINEER = "second-analyst-of-the-browser-tests", "engineer-token-of-the-browser-tests"
BOSS = "c.e.o"
"""Privileged: two people end their sessions."""

GUARDED = f"""max_share_per_hour = 1.0
max_per_hour = 12
protected_users = ["{VICTIM}"]
privileged_users = ["{BOSS}"]
"""
MORE = """
[[response.policy]]
match = {{ severity = ["high"] }}
do = ["notify", "step_up"]
[[response.targets]]
name = "shop-old"
kind = "webhook"
app = "shop"
url = "{url}"
secret_file = "webhook.secret"
allow_private = true
[rules.session-hijack]
mode = "enforce"
[rules.session-multi-network]
mode = "enforce"
[[chat]]
name = "night"
url = "json://127.0.0.1:{port}/"
min_severity = "high"
[[on_call]]
after = "15m"
chats = ["night"]
[[api.tokens]]
name = "omar"
role = "analyst"
token_file = "second.token"
[[api.tokens]]
name = "eve"
role = "engineer"
token_file = "engineer.token"
"""
REASON = "Reason, kept in the audit log"


@pytest.fixture(scope="module")
def old_receiver() -> Iterator[Receiver]:
    """The shop's second receiver; it takes what a test does not have it refuse."""
    with Receiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def night() -> Iterator[Receiver]:
    """The chat of those who are on call."""
    with Receiver() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def watched(
    tmp_path_factory: pytest.TempPathFactory, broker: str, old_receiver: Receiver, night: Receiver
) -> Iterator[Stage]:
    """The four hours with thefts, on a pipeline whose rules act; in place of the one that the other tests share."""
    folder = tmp_path_factory.mktemp("response")
    for name, token in (("second", SECOND_ANALYST), ("engineer", ENGINEER)):
        file = folder / f"{name}.token"
        file.touch(mode=0o600)
        file.write_text(token)

    def configure(text: str) -> str:
        text = text.replace("max_share_per_hour = 1.0\n", GUARDED).replace('"15m"', '"2h"')
        return text + MORE.format(url=old_receiver.url, port=httpx.URL(night.url).port)

    with stage(folder, broker, story().events, configure) as opened, opened.api() as api:
        eventually(lambda: held(api))
        eventually(lambda: api.get("/v1/step-ups").json()["items"])
        yield opened


def held(api: httpx.Client) -> list[dict[str, Any]]:
    """What waits for a person, as the API tells it."""
    return list(api.get("/v1/revocations", params={"state": "held"}).json()["items"])


def held_row(page: Any, text: str) -> Any:
    """The row of a held revocation."""
    return page.locator("[class*=st-key-held_]").filter(has_text=text)


def panel(page: Any) -> Any:
    return page.locator(".st-key-panel")


def live(stage: Stage, user: str, app: str, *sessions: str, ip: str = "203.0.113.77") -> None:
    """Have a user sign in, once for each session, and wait until the API shows them in."""
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    stage.say(*(event("create", app, one, user, reason="login", ip=ip, agent=agent) for one in sessions))
    with stage.api() as api:
        asked = {"user": user, "app": app, "live": "true"}
        eventually(lambda: len(api.get("/v1/sessions", params=asked).json()["items"]) >= len(sessions))


def pick(page: Any, row: int = 0) -> None:
    """Click a row of the list of live sessions."""
    grid = page.locator("[data-testid=stDataFrame]")
    grid.wait_for()
    box = grid.bounding_box()
    page.mouse.click(box["x"] + 17, box["y"] + 35 + 35 * row + 17)


def answer_dialog(page: Any, reason: str, button: str) -> None:
    """Give the reason and confirm."""
    page.get_by_label(REASON).fill(reason)
    page.get_by_role("dialog").get_by_role("button", name=button).click()


def response(open_page: Open, theme: str) -> Any:
    page = open_page("/response", color_scheme=theme)
    held_row(page, VICTIM).wait_for()
    page.get_by_text("What rules may still end this hour").wait_for()
    return page


def live_sessions(open_page: Open, theme: str) -> Any:
    page = open_page("/live", color_scheme=theme)
    pick(page)
    panel(page).get_by_role("button", name="End all of this user…").wait_for()
    return page


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("show", [response, live_sessions])
def test_axe_finds_nothing_serious_and_a_picture_is_taken(
    open_page: Open, watched: Stage, show: Any, theme: str, tmp_path: Path
) -> None:
    live(watched, "m.rossi", "shop", *(f"s_k1_rossi{number}Tz5KxWq" for number in range(3)))
    page = show(open_page, theme)
    page.wait_for_timeout(600)
    assert serious(page) == []
    assert photographed(page, f"{show.__name__}-{theme}", tmp_path) < LARGEST_BYTES
    button, heading = {response: ("Pause…", "Nothing will happen")}.get(show, ("End all of this user…", "Ends"))
    page.get_by_role("button", name=button).click()
    page.get_by_role("dialog").get_by_text(heading).first.wait_for()
    assert serious(page) == []


def test_it_says_first_how_many_wait(open_page: Open) -> None:
    page = open_page("/response")
    page.get_by_text("1 revocation waits for you").wait_for()
    held_row(page, VICTIM).get_by_text("Held because the user is protected").wait_for()
    page.get_by_text("Users who are asked to prove who they are").wait_for()
    page.get_by_text("h.kaya · crm").wait_for()
    panel(page).get_by_text("night in").first.wait_for()


def test_the_response_is_paused_and_goes_on(open_page: Open, watched: Stage) -> None:
    page = open_page("/response")
    page.get_by_role("button", name="Pause…").click()
    page.get_by_role("dialog").get_by_text("In all 3 apps").wait_for()
    page.get_by_role("button", name="Pause the response").click()
    page.get_by_role("dialog").get_by_text("A reason is needed").wait_for()
    answer_dialog(page, "A rule has gone <b>wrong</b>", "Pause the response")
    page.get_by_text("Paused by ines at").wait_for()
    page.get_by_text("A rule has gone <b>wrong</b>. Nothing ends by itself").wait_for()
    with watched.api() as api:
        assert api.get("/v1/response").json()["paused"]["by"] == "ines"
        page.get_by_role("button", name="Resume…").click()
        answer_dialog(page, "The rule was mended", "Resume")
        page.get_by_text("Acts by itself").wait_for()
        assert api.get("/v1/response").json()["paused"] is None


def test_what_a_receiver_refused_is_tried_again_by_an_engineer(
    open_page: Open, watched: Stage, old_receiver: Receiver
) -> None:
    session = "s_k1_parkedKq7VbXz"
    live(watched, "p.moreau", "shop", session)
    old_receiver.behaviours = [answers(422), answers(204)]
    with watched.api() as api:
        body = {"app": "shop", "subject": session, "reason": "taken over"}
        assert api.post("/v1/revocations", json=body).status_code == 201
    looking = open_page("/response")
    panel(looking).get_by_text("ask for the role engineer").wait_for()
    assert panel(looking).get_by_role("button", name="Try again…").is_disabled()
    page = open_page("/response", ENGINEER)
    page.get_by_text("1 parked message waits for a mended receiver").wait_for()
    panel(page).get_by_text("webhook:shop-old").wait_for()
    panel(page).get_by_role("button", name="Try again…").click()
    page.get_by_role("dialog").get_by_text("Tries 1 message of webhook:shop-old anew").wait_for()
    answer_dialog(page, "The receiver was mended", "Try again")
    page.get_by_text("1 parked message waits").wait_for(state="detached")
    panel(page).get_by_text("webhook:shop-old").wait_for(state="detached")


def test_all_sessions_of_a_user_end_from_the_list(open_page: Open, watched: Stage) -> None:
    live(watched, "t.many", "crm", *(f"s_k1_many{number}Gh7CxQm" for number in range(4)))
    page = open_page("/live?who=t.many")
    pick(page)
    panel(page).get_by_role("button", name="End all of this user…").click()
    page.get_by_role("dialog").get_by_text("Ends 4 live sessions of t.many on crm").wait_for()
    answer_dialog(page, "The user called: it was not her", "End 4 sessions")
    panel(page).get_by_text("Revocation of all sessions of the user").wait_for()
    with watched.api() as api:
        asked = {"user": "t.many", "live": "true"}
        eventually(lambda: api.get("/v1/sessions", params=asked).json()["items"] == [] or _told(watched, "t.many"))


def _told(stage: Stage, user: str) -> bool:
    return any(told["user_id"] == user and told["scope"] == "user" for told in stage.apps.told)


def test_all_sessions_from_a_network_end_from_the_list(open_page: Open, watched: Stage) -> None:
    for number in range(3):
        live(watched, f"guest{number}", "crm", f"s_k1_guest{number}Ld2NfGy", ip="198.18.200.7")
    page = open_page("/live?who=198.18.200.0%2F24")
    page.get_by_text("3 of 198.18.200.0/24").wait_for()
    pick(page)
    panel(page).get_by_role("button", name="End all from its network…").click()
    page.get_by_role("dialog").get_by_text("Ends 3 live sessions from 198.18.200.0/24 on crm").wait_for()
    answer_dialog(page, "A stolen laptop's hotspot", "End 3 sessions")
    panel(page).get_by_text("Revocation of the sessions from the network").wait_for()
    page.get_by_role("button", name="Read again").click()
    page.get_by_text("No live session of 198.18.200.0/24").wait_for()


def test_ending_a_privileged_user_takes_two_people(open_page: Open, watched: Stage) -> None:
    live(watched, BOSS, "bank", *(f"s_k1_boss{number}Wm3ZcYt" for number in range(2)))
    page = open_page(f"/live?who={BOSS}")
    pick(page)
    panel(page).get_by_role("button", name="End all of this user…").click()
    page.get_by_role("dialog").get_by_text("A privileged user: it would wait for a second person").wait_for()
    answer_dialog(page, "Her phone was stolen", "End 2 sessions")
    panel(page).get_by_text("approved by ines, a second person has to").wait_for()
    panel(page).get_by_role("link", name="Held ones are decided under Response").click()
    held_row(page, BOSS).get_by_role("button", name="Approve…").click()
    answer_dialog(page, "It is urgent", "Let it go")
    page.get_by_role("dialog").get_by_text("you have approved it already: somebody else has to").wait_for()
    other = open_page("/response", SECOND_ANALYST)
    held_row(other, BOSS).get_by_role("button", name="Approve…").click()
    other.get_by_role("dialog").get_by_text(f"Ends 2 live sessions of {BOSS} on bank").wait_for()
    answer_dialog(other, "I have talked to her", "Let it go")
    held_row(other, BOSS).wait_for(state="detached")
    eventually(lambda: _told(watched, BOSS))


def test_a_held_revocation_that_somebody_else_decides_is_said_to_be_decided(open_page: Open, watched: Stage) -> None:
    page = open_page("/response")
    held_row(page, VICTIM).wait_for()
    with watched.api(SECOND_ANALYST) as api:
        [waiting] = [one for one in held(api) if one["session_id"] == STOLEN]
        answer = api.post(f"/v1/revocations/{waiting['revocation_id']}/approve", json={"reason": "she called"})
        assert answer.status_code == 200
    held_row(page, "Decided meanwhile").wait_for()
    assert held_row(page, VICTIM).get_by_role("button", name="Approve…").count() == 0
    page.get_by_role("button", name="1 decided — show").click()
    held_row(page, VICTIM).wait_for(state="detached")


def test_an_alert_leads_to_its_campaign(open_page: Open, watched: Stage) -> None:
    with watched.api() as api:
        campaign = api.get("/v1/campaigns").json()["items"][0]
        member = api.get(f"/v1/campaigns/{campaign['campaign_id']}").json()["members"][0]
    page = open_page(f"/?alert={member['alert_id']}")
    panel(page).get_by_text("One of a campaign").wait_for()
    panel(page).get_by_text("Risk now, of 100").wait_for()
    panel(page).get_by_role("link", name="Its").click()
    page.get_by_text(campaign["title"]).first.wait_for()
    page.get_by_text("What they have in common").wait_for()
