"""The process in which people browse and thieves steal: `python -m sessionwatch.demo.crowd FILE`.

Orders come in on standard input, facts go out on standard output; it ends when standard input does.
"""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path

import httpx
import msgspec

from sessionwatch.demo.browser import Browser
from sessionwatch.demo.errors import DemoError
from sessionwatch.demo.facts import (
    CrowdFact,
    CrowdOrder,
    GaveUp,
    LockedOut,
    SignedOut,
    Steal,
    Stolen,
    Trouble,
    now_us,
)
from sessionwatch.demo.thieves import GRACE_S, THEFTS, Theft
from sessionwatch.demo.visitor import Visitor

EVERY_S = 0.05
"""How often a thief uses the cookie."""
PATIENCE_S = 10.0
"""How long a thief that nobody stops goes on."""
AFTER_GRACE_S = 0.2
"""How long after the end of the grace the thief of the logged-out cookie comes."""
_LOOK_S = 0.05


class Crowd:
    """The visitors, and the thieves among them.

    Args:
        order: who browses where.
    """

    def __init__(self, order: CrowdOrder) -> None:
        chance = random.Random(1)
        self._urls = order.urls
        self._visitors = [
            Visitor(person, order.urls[person.app], report, random.Random(chance.random())) for person in order.people
        ]
        self._robbed: dict[str, int] = {}

    async def live(self) -> None:
        """Browse, and steal as ordered, until standard input ends."""
        async with asyncio.TaskGroup() as tasks:
            living = [tasks.create_task(visitor.live()) for visitor in self._visitors]
            orders = await _standard_input()
            while line := await orders.readline():
                order = msgspec.json.decode(line, type=Steal)
                living.append(tasks.create_task(self._steal(order)))
            for task in living:
                task.cancel()

    async def _steal(self, order: Steal) -> None:
        theft = THEFTS[order.theft]
        victim = await self._victim(theft)
        person, cookie, session = victim.person, victim.browser.session, victim.session_reference
        if theft.after_logout:
            await victim.leave()
            report(SignedOut(order.number, person.name, person.app))
            await asyncio.sleep(GRACE_S + AFTER_GRACE_S)
        address, agent = theft.address(person, order.number), theft.agent(person)
        async with Browser(self._urls[person.app], address, agent, cookie, keep_alive=False) as thief:
            began_us = now_us()
            report(Stolen(order.number, theft.name, person.name, person.app, session, began_us))
            await _use(thief, order.number, began_us)

    async def _victim(self, theft: Theft) -> Visitor:
        """Return somebody who is signed in, the one who was robbed least."""
        while True:
            candidates = [
                visitor
                for visitor in self._visitors
                if visitor.signed_in and visitor.person.app == theft.app and visitor.person.habit == "plain"
            ]
            if candidates:
                victim = min(candidates, key=lambda visitor: self._robbed.get(visitor.person.name, 0))
                self._robbed[victim.person.name] = self._robbed.get(victim.person.name, 0) + 1
                return victim
            await asyncio.sleep(_LOOK_S)


async def _use(thief: Browser, number: int, began_us: int) -> None:
    """Use the cookie until the app refuses it."""
    accepted = 0
    while now_us() - began_us < PATIENCE_S * 1e6:
        answer = await thief.get("/account")
        if answer.status_code != 200:
            report(LockedOut(number, now_us(), answer.status_code, accepted))
            return
        accepted += 1
        await asyncio.sleep(EVERY_S)
    report(GaveUp(number, accepted))


def report(fact: CrowdFact) -> None:
    """Tell the demo's process."""
    sys.stdout.buffer.write(msgspec.json.encode(fact) + b"\n")
    sys.stdout.buffer.flush()


async def _standard_input() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin.buffer)
    return reader


def main() -> int:
    """Run the crowd; return the exit code."""
    order = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=CrowdOrder)
    trouble: BaseException | None = None
    try:
        asyncio.run(Crowd(order).live())
    except* (DemoError, httpx.HTTPError) as errors:
        trouble = errors.exceptions[0]
    if trouble is not None:
        report(Trouble(str(trouble) or type(trouble).__name__))
    return int(trouble is not None)


if __name__ == "__main__":
    raise SystemExit(main())
