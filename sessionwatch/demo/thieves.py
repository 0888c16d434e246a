"""Three ways to use a stolen cookie, each of which another rule recognises."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sessionwatch.demo import networks
from sessionwatch.demo.people import CHROME_LINUX, Person

GRACE_S = 2
"""The grace of `use-after-destroy` in the demo's configuration."""


@dataclass(frozen=True, slots=True)
class Theft:
    """How a cookie is used by somebody else.

    Attributes:
        name: for reports.
        rule_id: the rule that has to recognise it.
        app: whose cookie it is.
        tale: what the terminal says of it.
        address: the thief's, by the victim and a running number.
        agent: the thief's browser, by the victim.
        after_logout: the owner logs out first, and the thief comes when the grace is over.
    """

    name: str
    rule_id: str
    app: str
    tale: str
    address: Callable[[Person, int], str]
    agent: Callable[[Person], str]
    after_logout: bool = False


def _same_browser(victim: Person) -> str:
    return victim.agents[0]


def _beside(victim: Person, number: int) -> str:
    network, _, _ = victim.addresses[0].rpartition("::")
    return f"{network}::{0x100 + number:x}"


THEFTS: dict[str, Theft] = {
    theft.name: theft
    for theft in (
        Theft(
            "other-country-and-browser",
            "session-hijack",
            "bank",
            "from another country, with another browser",
            lambda _victim, number: networks.abroad_address(number),
            lambda _victim: CHROME_LINUX,
        ),
        Theft(
            "same-browser-from-hosting",
            "session-multi-network",
            "bank",
            "from a rented server abroad, with a copy of the same browser",
            lambda _victim, number: networks.hosting_address(number),
            _same_browser,
        ),
        Theft(
            "after-logout",
            "use-after-destroy",
            "shop",
            "after the logout, from the same Wi-Fi with the same browser",
            _beside,
            _same_browser,
            after_logout=True,
        ),
    )
}
