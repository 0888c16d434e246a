"""Our webhooks and the JavaScript library of Standard Webhooks, in both directions."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest
from sessionwatch_emitter.webhook_signature import is_signed, read_webhook_secret

from response.outcome import DELIVERED, Outcome
from response.targets.webhook import WebhookTarget
from schemas.instant import MINUTE
from tests.counterparts import met
from tests.node import installed
from tests.response.given import Pipeline
from tests.response.receivers import OLD_SECRET, SECRET
from tests.response.targets.asked import asked
from tests.response.theft import steal

pytestmark = pytest.mark.slow

SOURCE = Path(__file__).with_name("standardwebhooks")


@dataclass(frozen=True)
class Library:
    """A running receiver, and what it prints."""

    home: Path
    url: str
    output: IO[str]

    def heard(self) -> dict[str, object]:
        return json.loads(self.output.readline())  # type: ignore[no-any-return]

    def sign(self, message_id: str, seconds: int, body: str) -> str:
        command = ["node", str(self.home / "sign.mjs"), SECRET, message_id, str(seconds), body]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip()


@pytest.fixture(scope="module")
def library() -> Iterator[Library]:
    home = installed(SOURCE)
    with subprocess.Popen(["node", str(home / "receiver.mjs"), SECRET], stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        port = running.stdout.readline().strip()
        assert port, "the receiver does not start"
        listed = json.loads((SOURCE / "package.json").read_text())["dependencies"]
        met("standardwebhooks (JavaScript)", listed["standardwebhooks"])
        yield Library(home, f"http://127.0.0.1:{port}/", running.stdout)
        running.terminate()


def deliver(library: Library, *secrets: str, late_us: int = 0) -> Outcome:
    now_us = time.time_ns() // 1_000 - late_us
    target = WebhookTarget("bank", "bank", library.url, secrets, allow_private=True, clock=lambda: now_us)
    with closing(target):
        return target.deliver(asked(user_id="jürgen"))


@pytest.mark.parametrize("secrets", [(SECRET,), (SECRET, OLD_SECRET), (OLD_SECRET, SECRET)])
def test_it_verifies_what_we_send(library: Library, secrets: tuple[str, ...]) -> None:
    assert deliver(library, *secrets) == DELIVERED
    told = library.heard()["told"]
    assert isinstance(told, dict)
    assert (told["type"], told["data"]["user_id"]) == ("session.revoked", "jürgen")


def test_it_refuses_another_secret(library: Library) -> None:
    assert deliver(library, OLD_SECRET) == Outcome("retry", "answered 401")


@pytest.mark.parametrize("late_us", [6 * MINUTE, -6 * MINUTE])
def test_it_refuses_what_is_more_than_five_minutes_off(library: Library, late_us: int) -> None:
    assert deliver(library, SECRET, late_us=late_us) == Outcome("retry", "answered 401")


def test_the_sdk_takes_what_it_signs(library: Library) -> None:
    seconds, body = int(time.time()), '{"type":"session.revoked","data":{"reason":"ü"}}'
    signature = library.sign("m-1", seconds, body)
    keys = [read_webhook_secret(SECRET)]
    assert is_signed(keys, "m-1", str(seconds), body.encode(), signature)
    assert not is_signed(keys, "m-2", str(seconds), body.encode(), signature)


def test_a_theft_reaches_it(library: Library, pipeline: Callable[..., Pipeline]) -> None:
    one = pipeline(targets=[WebhookTarget("bank", "bank", library.url, [SECRET], allow_private=True)])
    steal(one)
    one.until(lambda: one.states() == ["delivered"])
    assert library.heard()["id"]
