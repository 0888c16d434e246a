"""The lead's digest over HTTP."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from email import message_from_string
from pathlib import Path

import httpx
import pytest

from schemas.instant import HOUR
from sessionwatch.assembly import build
from sessionwatch.config import load
from tests.api.installation import Ask, wait, write_configuration
from tests.response.smtp import MailBox

# One of Apprise's own plug-ins imports a module that Python has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

DIGEST = """
[digest]
url = "mailto://127.0.0.1:{port}/?from=sw@example.com&to=lead@example.com&mode=insecure&format=text"
daily = "08:00 Europe/Berlin"
locale = "de"
"""


@pytest.mark.parametrize("kind", ["daily", "weekly"])
def test_it_says_what_the_next_one_would(ask: Ask, kind: str) -> None:
    told = ask("GET", f"/v1/digests/{kind}").json()
    assert (told["kind"], told["quiet"]) == (kind, False)
    assert told["title"].startswith(f"{kind.capitalize()} digest, ")
    assert "To decide now\n- open alerts: " in told["text"]
    assert told["to_decide"] > 0


def test_its_figures_are_those_of_its_text(ask: Ask) -> None:
    told = ask("GET", "/v1/digests/weekly").json()
    counted = sum(one["count"] for one in told["raised"])
    assert f"Alerts: {counted}" in told["text"].splitlines()


def test_text_of_events_is_harmless_in_it(ask: Ask) -> None:
    text = ask("GET", "/v1/digests/weekly").json()["text"]
    assert not {"<", ">", "\u202e"} & set(text)


def test_there_is_no_monthly_one(ask: Ask) -> None:
    assert ask("GET", "/v1/digests/monthly").status_code == 422


def test_one_that_is_not_configured_cannot_be_sent(ask: Ask) -> None:
    answer = ask("POST", "/v1/digests/daily/send")
    assert answer.status_code == 409
    assert answer.json()["detail"] == "no daily digest is configured: [digest] daily"


class Led:
    """A pipeline whose lead is mailed, and its clock.

    Attributes:
        ahead_us: how far the pipeline's clock is ahead.
    """

    def __init__(self, box: MailBox) -> None:
        self.box = box
        self.ahead_us = 0
        self.client = httpx.Client()

    def clock(self) -> int:
        return time.time_ns() // 1_000 + self.ahead_us

    def subjects(self) -> list[str]:
        return [message_from_string(mail)["Subject"] for mail in self.box.mails]


@pytest.fixture
def led(broker: str, tmp_path: Path) -> Iterator[Led]:
    with MailBox() as box:
        made = Led(box)
        file = write_configuration(tmp_path, broker, "http://127.0.0.1:1/hook")
        file.write_text(file.read_text() + DIGEST.format(port=box.port))
        running = build(load(file, {}), clock=made.clock)
        stop = threading.Event()
        loop = threading.Thread(target=running.run, args=(stop,), name="led")
        loop.start()
        token = (tmp_path / "data" / "admin.token").read_text().strip()
        headers = {"authorization": f"Bearer {token}"}
        with httpx.Client(base_url=f"http://127.0.0.1:{running.api_port}", headers=headers, timeout=30) as made.client:
            yield made
        stop.set()
        running.wake()
        loop.join(10)
        running.close()


@pytest.mark.slow
def test_the_lead_is_mailed_at_the_hour_and_by_hand(led: Led) -> None:
    assert led.client.post("/v1/digests/daily/send").json()["quiet"]
    wait(lambda: len(led.box.mails) == 1)
    led.ahead_us = 24 * HOUR
    wait(lambda: len(led.box.mails) == 2)
    assert all("Tagesbericht" in subject for subject in led.subjects())
