"""The demo's people: who they are, where they browse from, and what is odd about some of them."""

from __future__ import annotations

import secrets
from typing import Literal

import msgspec

from sessionwatch.demo import networks

Habit = Literal["plain", "hops", "dual_stack", "upgrades", "mistypes", "office"]
"""What a detector might take for an attack and must not: a phone that hops between Wi-Fi and carrier, a client
on IPv4 and IPv6, a browser that is newer after the next login, a mistyped password, one address for an office."""

FIREFOX_WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:144.0) Gecko/20100101 Firefox/144.0"
FIREFOX_WINDOWS_NEWER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0"
CHROME_MAC = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/142.0.0.0 Safari/537.36"
)
SAFARI_IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/18.6 Mobile/15E148 Safari/604.1"
)
CHROME_ANDROID = (
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36"
)
CHROME_LINUX = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
"""None of the people has this one: it is the thief's."""


class Person(msgspec.Struct, frozen=True):
    """One user of one app.

    Attributes:
        addresses: where requests come from, in turn.
        agents: the browser; a second one is what an upgrade makes of it.
    """

    name: str
    password: str
    app: str
    habit: Habit
    addresses: tuple[str, ...]
    agents: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Person({self.name!r}, {self.app!r})"


_BANK: tuple[tuple[str, Habit], ...] = (
    ("alice", "plain"), ("bruno", "plain"), ("chloe", "plain"), ("david", "plain"), ("emma", "plain"),
    ("felix", "hops"), ("grace", "hops"), ("hugo", "dual_stack"), ("ines", "upgrades"), ("jonas", "mistypes"),
    ("karin", "office"), ("liam", "office"),
)  # fmt: skip
_SHOP: tuple[tuple[str, Habit], ...] = (
    ("mia", "plain"), ("noah", "plain"), ("olga", "plain"), ("paul", "plain"), ("quinn", "hops"),
    ("rosa", "upgrades"), ("sami", "office"), ("tess", "dual_stack"),
)  # fmt: skip


def population() -> list[Person]:
    """Return the twenty people, with passwords of their own for this run."""
    people = [*(("bank", *one) for one in _BANK), *(("shop", *one) for one in _SHOP)]
    return [_person(app, name, habit, number) for number, (app, name, habit) in enumerate(people, 1)]


def _person(app: str, name: str, habit: Habit, number: int) -> Person:
    return Person(
        name,
        secrets.token_urlsafe(16),
        app,
        habit,
        _addresses(app, habit, number),
        _agents(habit, number),
    )


def _addresses(app: str, habit: Habit, number: int) -> tuple[str, ...]:
    home, home_v6 = networks.home_address(number), networks.home_address_v6(number)
    if habit == "hops":
        return home, networks.carrier_address(number)
    if habit == "dual_stack":
        return home, home_v6
    if habit == "office":
        return (networks.office_address(),)
    # A guest on somebody's Wi-Fi has an IPv6 address beside theirs: the shop's thief needs such a home.
    return (home_v6,) if app == "shop" else (home,)


def _agents(habit: Habit, number: int) -> tuple[str, ...]:
    if habit == "hops":
        return (SAFARI_IPHONE,) if number % 2 else (CHROME_ANDROID,)
    if habit == "upgrades":
        return FIREFOX_WINDOWS, FIREFOX_WINDOWS_NEWER
    return (FIREFOX_WINDOWS,) if number % 2 else (CHROME_MAC,)
