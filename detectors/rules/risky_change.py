"""A sensitive act, such as a new password or payout account, soon after a sign that the account was taken over.

A sign is an alert about the session or its user: `new-device-new-network` or `success-after-attack` above info, and
any other of medium severity or above, within an hour before the act. Every sensitive act is a candidate; beside no
sign it is nothing. On the user's own device and network it is told as info, and without any history as medium.

Source: MITRE ATT&CK T1098; okta and auth0 customer detections join factor changes with new devices in the same way.
Known false positives: a user who reacts to the break-in by changing the password, on a new machine.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from detectors.context import UserContext
from detectors.findings.derived import Joining, Subject
from detectors.findings.standing import Standing
from detectors.networks import describe
from detectors.parameters import Duration, Parameters
from detectors.profile import Profile
from detectors.rule import Hit
from schemas.alert import Alert, Severity
from schemas.app import AppPolicy
from schemas.event import Event
from schemas.instant import HOUR

ACTIONS = ("password", "email", "mfa", "recovery", "api_key", "payout")
SIGNS = frozenset({"new-device-new-network", "success-after-attack"})

KNOWN, NEW, FIRST = "known", "new", "first"
"""What device and network are to the user; `FIRST`: nothing is known of the user."""


class RiskyChangeParameters(Parameters):
    """Parameters of risky-change."""

    window: Duration = Field(HOUR, description="How long before the act a sign still counts; an hour at least.")
    actions: tuple[str, ...] = Field(ACTIONS, description="The acts that are sensitive, as in the event's `action`.")


class RiskyChange(Joining[None]):
    """A sensitive act beside a sign of takeover."""

    id = "risky-change"
    title = "Sensitive change soon after a sign of takeover"
    key = "user"
    needs = frozenset({"create", "validate"})
    attack = ("T1098",)
    severity = Severity.HIGH
    repeats = False
    reads = SIGNS
    runbook = (
        "Read the sign that it names first: is the session likely to be somebody else's?",
        "Benign if the user confirms the change by a way that the session does not reach.",
        "Else undo the change, revoke the user's sessions, and lock payouts until the user is reached.",
    )
    Parameters = RiskyChangeParameters

    def on_event(self, event: Event, context: UserContext, memory: None, app: AppPolicy) -> Hit | None:
        """Note a sensitive act."""
        assert isinstance(self.parameters, RiskyChangeParameters)
        if event.action is None or event.action not in self.parameters.actions:
            return None
        ground = _ground(event, context.profile)
        said = f"changed {event.action} from {describe(event.place)}"
        return Hit(
            # What it is is decided by the sign beside it; alone it is nothing.
            Severity.INFO,
            f"{said[0].upper()}{said[1:]}",
            said,
            usual={"ground": ground},
            # Within the hour, since no window is shorter: then the first and last act say all that a join asks.
            episode=f"{event.time_us // HOUR} {ground} {event.action} {event.app} {event.session_id}",
        )

    def grounds(self, candidate: Alert, realm: str) -> tuple[Subject, ...]:
        """Return session and user."""
        return ("session", candidate.app, candidate.session_id or ""), ("user", realm, candidate.user_id or "")

    def join(self, candidate: Alert, beside: Sequence[Standing]) -> Hit | None:
        """Hold a sensitive act against the signs before it."""
        assert isinstance(self.parameters, RiskyChangeParameters)
        window = max(self.parameters.window, HOUR)
        signs = [
            one
            for one in beside
            if one.rule_id != self.id
            and one.rank >= (Severity.LOW if one.rule_id in SIGNS else Severity.MEDIUM).rank
            and candidate.first_event_time_us - window <= one.last_us
            and one.event_us <= candidate.last_event_time_us
        ]
        if not signs:
            return None
        names = ", ".join(sorted({one.rule_id for one in signs}))
        ground = candidate.usual.get("ground", "")
        severity = {KNOWN: Severity.INFO, FIRST: Severity.MEDIUM}.get(ground, Severity.HIGH)
        on = ", on the user's own device and network" if ground == KNOWN else ""
        return Hit(
            severity,
            f"{candidate.summary}{on}, after {names}",
            candidate.summary,
            evidence=tuple(one.shown for one in signs if one.shown is not None),
        )


def _ground(event: Event, profile: Profile) -> str:
    """Say whether device and network are the user's own, by finished days."""
    if profile.newest_day < 0:
        return FIRST
    place = event.place
    network = place.network is not None and profile.knows_network(place.network)
    network = network or (place.asn is not None and profile.knows_asn(place.asn))
    known = event.device_id is not None and profile.knows_device(event.device_id)
    device = known or (event.device_id is None and profile.knows_agent(event.agent))
    return KNOWN if network and device else NEW
