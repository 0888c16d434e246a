"""One session in use from several networks within half an hour, graded by how much differs.

Source: MITRE ATT&CK T1550.004; the tiers answer elastic/detection-rules#5863 and #4953, where "another address"
alone was noise: carrier NAT, token refreshes from a second address of one sign-in, phones between Wi-Fi and
cell.
Known false positives: a VPN switched on in the middle of a session that no `[[networks]]` entry names.
"""

from __future__ import annotations

from pydantic import Field

from detectors.context import SessionContext, Use
from detectors.networks import EGRESS_TYPES, describe, same_network
from detectors.parameters import Duration, Parameters
from detectors.rule import Hit, Rule
from schemas.alert import Evidence, Severity
from schemas.app import AppPolicy
from schemas.event import Event, Place
from schemas.instant import MINUTE


class MultiNetworkParameters(Parameters):
    """Parameters of session-multi-network."""

    window: Duration = Field(30 * MINUTE, description="How long ago a use on another network still counts.")
    egress_asns: tuple[int, ...] = Field(
        (), description="Autonomous systems of providers whose users change address by themselves."
    )


class SessionMultiNetwork(Rule[SessionContext, None]):
    """One session, two networks in use."""

    id = "session-multi-network"
    title = "Session in use from several networks"
    key = "session"
    needs = frozenset({"create", "validate"})
    attack = ("T1550.004",)
    severity = Severity.HIGH
    runbook = (
        "Look whether the networks alternate (two people) or follow each other (one person who moved).",
        "Benign if one of them is a carrier, VPN or office egress: name it under [[networks]].",
        "Else revoke the session and ask the user to sign in again.",
    )
    repeats = False
    # Only a change is judged.
    repeats = False
    Parameters = MultiNetworkParameters

    def on_event(self, event: Event, context: SessionContext, memory: None, app: AppPolicy) -> Hit | None:
        """Judge a successful use."""
        if event.place.network is None or not context.uses:
            return None
        if context.starts_anew(event):
            return None
        if event.place.network == context.uses[-1].place.network:
            # Judged when the session came here; only a change is news.
            return None
        assert isinstance(self.parameters, MultiNetworkParameters)
        since = event.time_us - self.parameters.window
        others = [use for use in context.uses if use.last_us >= since and not same_network(use, event)]
        if not others:
            return None
        other = max(others, key=lambda use: (self.tier(use.place, event.place).rank, use.last_us))
        return self._hit(event, other, others, context)

    def tier(self, before: Place, now: Place) -> Severity:
        """Return the severity of a change between two networks. A missing fact lowers it."""
        assert isinstance(self.parameters, MultiNetworkParameters)
        country_differs = None not in (before.country, now.country) and before.country != now.country
        asn_differs = None not in (before.asn, now.asn) and before.asn != now.asn
        mobile = "mobile" in (before.network_type, now.network_type)
        if mobile and not country_differs:
            return Severity.LOW
        if {before.network_type, now.network_type} & EGRESS_TYPES:
            return Severity.LOW
        if {before.asn, now.asn} & set(self.parameters.egress_asns):
            return Severity.LOW
        if asn_differs and country_differs:
            return Severity.HIGH
        return Severity.MEDIUM if asn_differs or country_differs else Severity.LOW

    def _hit(self, event: Event, other: Use, others: list[Use], context: SessionContext) -> Hit:
        severity = self.tier(other.place, event.place)
        networks = len(others) + 1
        return Hit(
            severity,
            f"In use from {networks} networks: {describe(other.place)} and {describe(event.place)}",
            f"used from {describe(event.place)}",
            evidence=tuple(Evidence(use.event_id, use.last_us, f"used from {describe(use.place)}") for use in others),
            usual={"network": describe(context.home.place)} if context.home else {},
        )
