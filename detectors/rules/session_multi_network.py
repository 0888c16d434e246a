"""One session in use from several networks within half an hour, graded by how much differs.

Source: MITRE ATT&CK T1550.004; the tiers answer elastic/detection-rules#5863 and #4953, where "another address"
alone was noise: carrier NAT, token refreshes from a second address of one sign-in, phones between Wi-Fi and
cell.
Carriers let a phone that roams out at home, so that Wi-Fi and cell of one traveller stand in two countries: a change
to or from a mobile network across a border is low with the same kind of client, and else medium.

One who moves comes to a network and stays; two who share a session take turns. Fixed lines and VPNs that were come
back to four times within the window, twice on either side, are medium at least, also where only the address differs.
Between two home lines, of which a person is at one, twice is enough: once on either side. A browser that signs out
forgets the session, so that one who shows it again afterwards, in the other network, came back to it too.

A rented server is nobody's way out of an office: beside a VPN, relay or office it is medium where the country differs
too.
Known false positives: a VPN switched on in the middle of a session that no `[[networks]]` entry names; a house with two
lines that are used in turn.
"""

from __future__ import annotations

from pydantic import Field

from detectors.context import SessionContext, Use
from detectors.networks import (
    ANONYMISER_TYPES,
    EGRESS_TYPES,
    SERVER_TYPES,
    describe,
    other_device_id,
    same_network,
)
from detectors.parameters import Duration, Parameters
from detectors.rule import Hit, Memory, Rule
from schemas.alert import Evidence, Severity
from schemas.app import AppPolicy
from schemas.event import NO_AGENT, Event, Place
from schemas.instant import MINUTE

MAX_RETURNS = 16
"""Returns remembered of a session."""

GONE = frozenset({"unknown_session", "revoked"})
"""Reasons of a `fail` that an app gives of a session which was signed out."""

SIGNED_OUT = frozenset({"logout", "logout_all"})
"""Reasons of a `destroy` after which a browser forgets the session."""

SHIFTING_TYPES = frozenset({"mobile", "office", "relay"})
"""Networks in which one person's address changes, and changes back, by itself."""


class Turns(Memory):
    """When a session came back to a network that it had left within the window, microseconds."""

    returned_us: tuple[int, ...] = ()


class MultiNetworkParameters(Parameters):
    """Parameters of session-multi-network."""

    window: Duration = Field(30 * MINUTE, description="How long ago a use on another network still counts.")
    returns: int = Field(
        4, ge=2, le=MAX_RETURNS, description="How many returns within the window are two people who take turns."
    )
    home_returns: int = Field(2, ge=2, le=MAX_RETURNS, description="The same, between two home lines.")
    egress_asns: tuple[int, ...] = Field(
        (), description="Autonomous systems of providers whose users change address by themselves."
    )


class SessionMultiNetwork(Rule[SessionContext, Turns]):
    """One session, two networks in use."""

    id = "session-multi-network"
    version = 3
    title = "Session in use from several networks"
    key = "session"
    needs = frozenset({"create", "validate", "fail"})
    attack = ("T1550.004",)
    severity = Severity.HIGH
    runbook = (
        "Look whether the networks alternate (two people) or follow each other (one person who moved).",
        "Benign if one of them is a carrier, VPN or office egress: name it under [[networks]].",
        "Else revoke the session and ask the user to sign in again.",
    )
    # Only a change is judged.
    repeats = False
    memory = Turns
    inherits = True
    Parameters = MultiNetworkParameters

    def on_event(self, event: Event, context: SessionContext, memory: Turns, app: AppPolicy) -> Hit | None:
        """Judge a successful use, and what is shown of a session that was signed out."""
        if event.place.network is None or not context.uses or context.starts_anew(event):
            return None
        if event.type == "fail" and (event.reason not in GONE or context.ended_reason not in SIGNED_OUT):
            return None
        if event.place.network == context.uses[-1].place.network:
            # Judged when the session came here; only a change is news.
            return None
        assert isinstance(self.parameters, MultiNetworkParameters)
        since = event.time_us - self.parameters.window
        others = [use for use in context.uses if use.last_us >= since and not same_network(use, event)]
        if not others:
            return None
        other = max(others, key=lambda use: (self.tier(use, event).rank, use.last_us))
        returns = self._returns(event, context, memory)
        if event.type == "fail" and returns < self._enough(context.uses[-1].place, event.place):
            # Anybody may show anything: alone it is nothing.
            return None
        return self._hit(event, other, others, context, returns)

    def _returns(self, event: Event, context: SessionContext, memory: Turns) -> int:
        """Return how often the session has changed back within the window; this change may be one of them."""
        assert isinstance(self.parameters, MultiNetworkParameters)
        since = event.time_us - self.parameters.window
        left = context.uses[-1]
        if {left.place.network_type, event.place.network_type} & SHIFTING_TYPES or same_network(left, event):
            return 0
        if {left.place.asn, event.place.asn} & set(self.parameters.egress_asns):
            return 0
        if event.type == "fail" and memory.returned_us and memory.returned_us[-1] >= (context.ended_us or 0):
            # Asking on and on is no turn.
            return 0
        if any(use.place.network == event.place.network and use.last_us >= since for use in context.uses):
            memory.returned_us = (*memory.returned_us, event.time_us)[-MAX_RETURNS:]
        return sum(1 for time_us in memory.returned_us if time_us >= since)

    def _enough(self, left: Place, now: Place) -> int:
        """Return how many returns are two people, by the kinds of the two networks of the newest."""
        assert isinstance(self.parameters, MultiNetworkParameters)
        are_homes = left.network_type == now.network_type == "home"
        return self.parameters.home_returns if are_homes else self.parameters.returns

    def tier(self, use: Use, event: Event) -> Severity:
        """Return the severity of a change between two networks. A missing fact lowers it."""
        assert isinstance(self.parameters, MultiNetworkParameters)
        if {use.place.asn, event.place.asn} & set(self.parameters.egress_asns):
            return Severity.LOW
        severity = network_tier(use.place, event.place)
        types = {use.place.network_type, event.place.network_type}
        if "mobile" in types and not types & ANONYMISER_TYPES and not _is_other_client(use, event):
            return Severity.LOW
        return severity

    def _hit(self, event: Event, other: Use, others: list[Use], context: SessionContext, returns: int) -> Hit:
        assert isinstance(self.parameters, MultiNetworkParameters)
        severity, turns = self.tier(other, event), ""
        if returns >= self._enough(context.uses[-1].place, event.place):
            severity = Severity.MEDIUM if severity is Severity.LOW else severity
            turns = f", taking turns {returns} times"
        networks = len(others) + 1
        if event.type == "fail":
            severity = severity.at_most(Severity.MEDIUM)
        return Hit(
            severity,
            f"In use from {networks} networks: {describe(other.place)} and {describe(event.place)}{turns}",
            f"{'shown again' if event.type == 'fail' else 'used'} from {describe(event.place)}",
            evidence=tuple(Evidence(use.event_id, use.last_us, f"used from {describe(use.place)}") for use in others),
            usual={"network": describe(context.home.place)} if context.home else {},
        )


def _is_other_client(use: Use, event: Event) -> bool:
    # An agent that is left out is no sign that the phone is the same.
    return other_device_id(use, event) or not use.agent.similar(event.agent) or event.agent == NO_AGENT


def network_tier(before: Place, now: Place) -> Severity:
    """Return the severity of a change between two networks by themselves. A missing fact lowers it."""
    types = {before.network_type, now.network_type}
    country_differs = None not in (before.country, now.country) and before.country != now.country
    asn_differs = None not in (before.asn, now.asn) and before.asn != now.asn
    if types & EGRESS_TYPES:
        return Severity.MEDIUM if types & SERVER_TYPES and country_differs else Severity.LOW
    if "mobile" in types and not country_differs:
        return Severity.LOW
    if asn_differs and country_differs and ("mobile" not in types or types & ANONYMISER_TYPES):
        return Severity.HIGH
    return Severity.MEDIUM if asn_differs or country_differs else Severity.LOW
