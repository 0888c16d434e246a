"""Hijack: the session goes on from another network *and* another device than it began with.

An address alone changes all day (commute, carrier, VPN) and an agent alone changes with an upgrade; both at
once, inside one session, is what a stolen cookie looks like.

Source: MITRE ATT&CK T1539; the pairing of address and agent follows panther-analysis and
elastic/detection-rules.
Known false positives: an app that opens the same session in an embedded browser; a "desktop site" switch
while changing from Wi-Fi to the carrier.
"""

from __future__ import annotations

from pydantic import Field

from detectors.context import SessionContext, Use
from detectors.networks import describe, dissimilar_device, other_device_id, same_network
from detectors.parameters import Parameters
from detectors.rule import Hit, Rule
from schemas.alert import Evidence, Severity
from schemas.app import AppPolicy
from schemas.event import Agent, Event


class HijackParameters(Parameters):
    """Parameters of session-hijack."""

    internal_clients: tuple[str, ...] = Field(
        (),
        description="Client families of the app itself, such as its mobile app's; never a change of device.",
    )


class SessionHijack(Rule[SessionContext, None]):
    """Another network and another device than at the `create`."""

    id = "session-hijack"
    title = "Session used from another network and another device"
    key = "session"
    needs = frozenset({"create", "validate"})
    attack = ("T1539",)
    severity = Severity.CRITICAL
    runbook = (
        "Compare network, country and agent of the login with those of the latest use.",
        "Benign if the user confirms an embedded browser or an agent switch during a change of network.",
        "Else revoke the session, ask the user to sign in again, look for the same network in other sessions.",
    )
    repeats = False
    # Only a change is judged.
    repeats = False
    Parameters = HijackParameters

    def on_event(self, event: Event, context: SessionContext, memory: None, app: AppPolicy) -> Hit | None:
        """Judge a successful use."""
        home = context.home
        if home is None or context.starts_anew(event):
            return None
        severity = tier(home, event)
        if severity is None or not dissimilar_device(home, event, agent_expected=context.sends_agent):
            return None
        assert isinstance(self.parameters, HijackParameters)
        if event.agent.family is not None and event.agent.family in self.parameters.internal_clients:
            return None
        if context.created_us is None:
            # Without a `create` the first use seen may itself be the thief's.
            severity = severity.at_most(Severity.HIGH)
        return Hit(
            severity,
            f"Began on {describe(home.place)} with {name(home.agent)}, "
            f"now used from {describe(event.place)} with {name(event.agent)}",
            f"used from {describe(event.place)} with {name(event.agent)}",
            evidence=(
                Evidence(home.event_id, home.first_us, f"began on {describe(home.place)} with {name(home.agent)}"),
            ),
            usual={"network": describe(home.place), "agent": name(home.agent)},
        )


def tier(home: Use, event: Event) -> Severity | None:
    """Return how bad another device would be, by what is known of the network; None where that is the same.

    A missing address lowers the tier and never hides the change: a thief can often make it unreadable.
    """
    before, now = home.place.network, event.place.network
    if before is not None and now is not None:
        return None if same_network(home, event) else Severity.CRITICAL
    if other_device_id(home, event):
        return Severity.HIGH
    return None if before is None and now is None else Severity.MEDIUM


def name(agent: Agent) -> str:
    """Return an agent in a few words."""
    if agent.family is None and agent.os is None:
        return "an unknown agent"
    return " on ".join(part for part in (agent.family, agent.os) if part)
