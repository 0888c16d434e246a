"""Somebody who browses: signs in, looks at pages with human pauses, signs out, comes back."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

import httpx

from sessionwatch.demo.browser import Browser
from sessionwatch.demo.errors import DemoError
from sessionwatch.demo.facts import CrowdFact, Refused
from sessionwatch.demo.people import Person

ARRIVAL_S = 1.5
"""Within how many seconds everybody has come."""
PAUSE_S = (0.5, 2.5)
AWAY_S = (1.0, 2.5)
_TRANSFER_EVERY = 5
_UPGRADE_AFTER = 2


class Visitor:
    """One person at one app.

    Args:
        person: who.
        url: of the app.
        report: told when this person is refused.
        chance: for pauses.
    """

    def __init__(self, person: Person, url: str, report: Callable[[CrowdFact], None], chance: random.Random) -> None:
        self.person = person
        self.browser = Browser(url, person.addresses[0], person.agents[0])
        self.session_reference = ""
        """The hashed id of the session at hand, empty while there is none."""
        self._report = report
        self._chance = chance
        self._leaving = asyncio.Event()
        self._left = asyncio.Event()
        self._mistyped = person.habit != "mistypes"
        self._upgraded = False

    @property
    def signed_in(self) -> bool:
        """Whether there is a session to be stolen."""
        return bool(self.session_reference) and not self._leaving.is_set()

    async def live(self) -> None:
        """Come and go until cancelled."""
        async with self.browser:
            await asyncio.sleep(self._chance.uniform(0, ARRIVAL_S))
            while True:
                await self._sign_in()
                await self._browse()
                self.session_reference = ""
                self._left.set()
                await asyncio.sleep(self._chance.uniform(*AWAY_S))

    async def leave(self) -> None:
        """Log out at the next opportunity, and return when that is done."""
        self._left.clear()
        self._leaving.set()
        await self._left.wait()

    async def _sign_in(self) -> None:
        self._leaving.clear()
        if not self._mistyped:
            self._mistyped = True
            await self.browser.post("/login", user=self.person.name, password="hunter2")
            await self._pause()
        answer = await self.browser.post("/login", user=self.person.name, password=self.person.password)
        if answer.status_code != 200:
            raise DemoError(f"{self.person.app} answered {answer.status_code} to a login")
        self.session_reference = answer.json()["session"]

    async def _browse(self) -> None:
        """Look at pages until signed out, by oneself or by the app."""
        turn = 0
        while True:
            await self._pause()
            turn += 1
            if self._leaving.is_set() or self._wants_upgrade(turn):
                await self.browser.post("/logout")
                self.browser.forget()
                return
            self.browser.address = self.person.addresses[turn % len(self.person.addresses)]
            if (await self._visit(turn)).status_code == 401:
                self._report(Refused(self.person.name, self.person.app, self.session_reference))
                return

    async def _visit(self, turn: int) -> httpx.Response:
        if turn % _TRANSFER_EVERY == 0:
            return await self.browser.post("/transfer", to="rent", cents=100)
        return await self.browser.get("/account")

    def _wants_upgrade(self, turn: int) -> bool:
        """Close the browser for its update, once; the next login comes from the newer one."""
        if self._upgraded or len(self.person.agents) == 1 or turn < _UPGRADE_AFTER:
            return False
        self._upgraded = True
        self.browser.agent = self.person.agents[-1]
        return True

    async def _pause(self) -> None:
        try:
            await asyncio.wait_for(self._leaving.wait(), self._chance.uniform(*PAUSE_S))
        except TimeoutError:
            return
