"""Links of chat messages in a real browser: a robot opens every one and nothing happens; then a person acts."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.browser.rig import ANALYST, Stage, event, eventually, pipeline
from tests.response.receivers import Receiver

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

SETTLED_MS = 400
"""Longer than the page needs for all that it does of itself."""
VICTIM = "s_k1_linkedTz5KxWq0Ab"


class Room:
    """A chat room, and the pipeline that tells it of a theft."""

    def __init__(self, stage: Stage, receiver: Receiver) -> None:
        self.stage = stage
        self._receiver = receiver

    def message(self) -> str:
        """The first message with links."""
        bodies = (str(json.loads(call.body)["message"]) for call in self._receiver.calls)
        return next((body for body in bodies if "/act#" in body), "")

    def links(self) -> dict[str, str]:
        """Its links, by what stands before them."""
        return dict(re.findall(r"^(.+): (http://127\.0\.0\.1:\d+/act#\S+)$", self.message(), re.M))

    def alert(self) -> dict[str, Any]:
        """The alert that it is about."""
        [alert_id] = re.findall(r"^Alert: (\S+)$", self.message(), re.M)
        with self.stage.api() as api:
            return dict(api.get(f"/v1/alerts/{alert_id}").json())


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory, broker: str) -> Iterator[Room]:
    folder = tmp_path_factory.mktemp("links")
    with ExitStack() as parts:
        receiver = parts.enter_context(Receiver())
        # Started anew: what its address is is known by then.
        stage = parts.enter_context(pipeline(folder, broker, []))
        stage.stop_pipeline()
        file = folder / "sessionwatch.toml"
        listens = f'listen = "127.0.0.1:{stage.api_port}"'
        text = file.read_text().replace(listens, f'{listens}\npublic_url = "{stage.api_url}"')
        file.write_text(f'{text}\n[[chat]]\nurl = "json://127.0.0.1:{receiver.port}/"\ngroup_within = "0s"\n')
        stage.start_pipeline()
        made = Room(stage, receiver)
        home = {"ip": "203.0.113.5", "agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
        stage.say(
            event("create", "bank", VICTIM, "lena", reason="login", **home),
            event("validate", "bank", VICTIM, "lena", reason="request", **home),
            event("validate", "bank", VICTIM, "lena", reason="request"),
        )
        eventually(lambda: len(made.links()) == 5, within_s=60)
        yield made


@pytest.fixture
def opened(chromium: Any) -> Iterator[Callable[[str], Any]]:
    """Opens a page of its own for each address; none may ask another host or complain."""
    complaints: list[str] = []
    with ExitStack() as contexts:

        def open_one(address: str) -> Any:
            context = chromium.new_context()
            contexts.callback(context.close)
            page = context.new_page()
            page.set_default_timeout(20_000)
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("request", lambda request: complaints.append(request.url) if "swl1" in request.url else None)
            page.goto(address)
            return page

        yield open_one
    assert complaints == []


def test_a_robot_that_opens_every_link_and_runs_its_script_changes_nothing(
    room: Room, opened: Callable[[str], Any]
) -> None:
    before = room.alert()
    for address in room.links().values():
        page = opened(address)
        page.wait_for_timeout(SETTLED_MS)
        assert "swl1" not in page.url
        assert "#" not in page.url
    after = room.alert()
    assert (after["status"], after["owner"], after["history"]) == ("new", None, before["history"])
    assert room.stage.apps.told == []


def test_a_person_ends_the_session_and_the_link_is_spent(room: Room, opened: Callable[[str], Any]) -> None:
    address = room.links()["End the session"]
    page = opened(address)
    page.get_by_text(f"End the session of alert {room.alert()['alert_id']}?").wait_for()
    assert not page.get_by_role("button", name="End the session").is_visible()
    _sign_in(page)
    page.get_by_text("lena", exact=True).wait_for()
    page.get_by_label("Reason, kept in the audit log").fill("she called: not her")
    page.get_by_role("button", name="End the session").click()
    page.get_by_text("Revocation of the session: ").wait_for()
    eventually(lambda: [told["session_id"] for told in room.stage.apps.told] == [VICTIM])
    again = opened(address)
    _sign_in(again)
    again.get_by_label("Reason, kept in the audit log").fill("once more")
    again.get_by_role("button", name="End the session").click()
    again.get_by_text("the link was used before").wait_for()
    assert len(room.stage.apps.told) == 1


def test_a_person_takes_the_alert_under_their_name(room: Room, opened: Callable[[str], Any]) -> None:
    page = opened(room.links()["Take it"])
    _sign_in(page)
    page.get_by_role("button", name="Take it").click()
    page.get_by_text("The alert is yours.").wait_for()
    assert (room.alert()["owner"], room.alert()["status"]) == ("ines", "acknowledged")


def test_a_wrong_token_is_refused_in_words(room: Room, opened: Callable[[str], Any]) -> None:
    page = opened(room.links()["Benign"])
    _sign_in(page, "not-the-token-of-anybody")
    page.get_by_text("This token is not taken.").wait_for()


def test_an_address_without_a_link_says_so(room: Room, opened: Callable[[str], Any]) -> None:
    page = opened(f"{room.stage.api_url}/act#swl1nonsense")
    page.get_by_text("This is no link of sessionwatch").wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_on_the_page(room: Room, chromium: Any, scheme: str, tmp_path: Path) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    context = chromium.new_context(color_scheme=scheme)
    page = context.new_page()
    page.goto(room.links()["End the session"])
    _sign_in(page)
    page.get_by_role("button", name="End the session").wait_for()
    page.screenshot(path=tmp_path / "act.png")
    found = axe.Axe().run(page).response["violations"]
    context.close()
    assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []


def _sign_in(page: Any, token: str = ANALYST) -> None:
    page.get_by_label("API token, with the role analyst").fill(token)
    page.get_by_role("button", name="Sign in").click()
