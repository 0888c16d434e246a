"""Sessions of a real Express app in a real Redis, whose map the app itself keeps, in JavaScript."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sessionwatch_emitter.keys import KeyRing

from response.outcome import DELIVERED, Outcome
from response.targets.redis_store import RedisTarget
from store.rows import OutboxMessage
from tests.counterparts import met
from tests.node import installed
from tests.response.given import Pipeline, alert
from tests.response.targets.asked import asked
from tests.response.targets.redis_server import UnavailableError, redis_server
from tests.response.theft import steal

pytestmark = pytest.mark.slow

SOURCE = Path(__file__).with_name("express")
SECRET = "a secret of the tests, long enough to be one"
KEYS = KeyRing("bank", SECRET)


@dataclass(frozen=True)
class Shop:
    """The running app."""

    store: str
    url: str

    def ask(self, path: str, cookie: str = "") -> tuple[dict[str, str | None], str]:
        """What it answers, and the cookie that it sets."""
        request = urllib.request.Request(self.url + path, headers={"cookie": cookie} if cookie else {})
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.loads(answer.read()), (answer.headers["set-cookie"] or "").split(";")[0]

    def enter(self, user: str) -> tuple[str, str]:
        """Sign a user in, and return the session's id and the cookie."""
        said, cookie = self.ask(f"/enter?user={user}")
        return said["sid"] or "", cookie

    def whose(self, cookie: str) -> str | None:
        return self.ask("/", cookie)[0]["user"]

    def deliver(self, message: OutboxMessage) -> Outcome:
        with closing(RedisTarget("store", "bank", self.store)) as target:
            return target.deliver(message)


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    """The app on a Redis of its own."""
    home = installed(SOURCE)
    with ExitStack() as running:
        try:
            store = running.enter_context(redis_server())
        except UnavailableError as reason:
            pytest.skip(f"no Redis: {reason}")
        command = ["node", str(home / "server.mjs"), store, SECRET]
        app = running.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        running.callback(app.terminate)
        assert app.stdout is not None
        port = app.stdout.readline().strip()
        assert port, "the app does not start"
        met("express-session", json.loads((SOURCE / "package.json").read_text())["dependencies"]["express-session"])
        yield Shop(store, f"http://127.0.0.1:{port}")


def test_a_session_is_ended_and_no_other(shop: Shop) -> None:
    (stolen, thiefs), (_, alices) = shop.enter("alice"), shop.enter("alice")
    assert (shop.whose(thiefs), shop.whose(alices)) == ("alice", "alice")
    assert shop.deliver(asked(session_id=KEYS.session_id(stolen))) == DELIVERED
    assert (shop.whose(thiefs), shop.whose(alices)) == (None, "alice")


def test_a_theft_ends_the_session_in_the_app(shop: Shop, pipeline: Callable[..., Pipeline]) -> None:
    (stolen, thiefs), (_, alices) = shop.enter("alice"), shop.enter("alice")
    session = KEYS.session_id(stolen)
    one = pipeline(targets=[RedisTarget("store", "bank", shop.store)])
    steal(one, alert(session_id=session), session=session)
    one.until(lambda: one.states() == ["delivered"])
    assert (shop.whose(thiefs), shop.whose(alices)) == (None, "alice")


def test_of_a_users_sessions_those_end_that_began_before(shop: Shop) -> None:
    _, first = shop.enter("carol")
    _, bobs = shop.enter("bob")
    # JavaScript counts milliseconds.
    decided = datetime.now(UTC)
    decided = decided.replace(microsecond=decided.microsecond // 1000 * 1000)
    _, again = shop.enter("carol")
    assert shop.deliver(asked("user", user_id="carol", decided=decided)) == DELIVERED
    assert (shop.whose(first), shop.whose(bobs), shop.whose(again)) == (None, "bob", "carol")
