"""People who sign in, and thieves who use their cookies until they are refused."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from dataclasses import dataclass

from sessionwatch_emitter.keys import KeyRing

from bench.lockout.setting import abroad, home
from sessionwatch.demo.people import CHROME_LINUX, FIREFOX_WINDOWS

PATIENCE_S = 10.0
"""A thief who is not refused within this time is a miss."""


@dataclass(frozen=True)
class Theft:
    """One theft.

    Attributes:
        session: by its hashed id.
        began_us: just before the thief's first request, microseconds since the epoch.
        refused_us: when the 401 was there; None = never.
    """

    session: str
    began_us: int
    refused_us: int | None


class Thieves:
    """Steals one session after another, at times that follow no beat.

    Args:
        port: of the app, on loopback.
        keys: of the app, which name its sessions.
        every_s: how long between two requests of a thief.
    """

    def __init__(self, port: int, keys: KeyRing, every_s: float) -> None:
        self._port = port
        self._keys = keys
        self._every_s = every_s
        self.thefts: list[Theft] = []

    def sign_in(self, user: str, password: str, number: int) -> str:
        """Return the cookie of somebody who has signed in at home and looked at their account."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE_S)
        headers = {"X-Forwarded-For": home(number), "User-Agent": FIREFOX_WINDOWS}
        form = json.dumps({"user": user, "password": password})
        connection.request("POST", "/login", form, {**headers, "Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        cookie = (answer.headers["Set-Cookie"] or "").partition(";")[0]
        connection.request("GET", "/account", headers={**headers, "Cookie": cookie})
        answer = connection.getresponse()
        answer.read()
        connection.close()
        if answer.status != 200:
            raise RuntimeError(f"the app answers {answer.status} to somebody who has just signed in")
        return cookie

    def steal(self, cookies: list[str], a_second: float) -> None:
        """Steal each, so many a second on average, and return when the last thief is through."""
        chance, running = random.Random(3), []
        for number, cookie in enumerate(cookies):
            time.sleep(min(chance.expovariate(a_second), 4 / a_second))
            thief = threading.Thread(target=self._use, args=(cookie, number))
            thief.start()
            running.append(thief)
        for thief in running:
            thief.join()

    def _use(self, cookie: str, number: int) -> None:
        headers = {"X-Forwarded-For": abroad(number), "User-Agent": CHROME_LINUX, "Cookie": cookie}
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=PATIENCE_S)
        connection.connect()
        began_us = time.time_ns() // 1_000
        refused_us = None
        while time.time_ns() // 1_000 - began_us < PATIENCE_S * 1e6:
            connection.request("GET", "/account", headers=headers)
            answer = connection.getresponse()
            answer.read()
            if answer.status == 401:
                refused_us = time.time_ns() // 1_000
                break
            time.sleep(self._every_s)
        connection.close()
        session = self._keys.session_id(cookie.partition("=")[2])
        self.thefts.append(Theft(session, began_us, refused_us))
