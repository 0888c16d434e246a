"""A sensitive act, such as a new password or payout account, soon after a sign that the account was taken over.

A sign is an alert about the session or its user: `new-device-new-network` or `success-after-attack` above info, and
any other of medium severity or above, within an hour before the act, or earlier in the same session, unless device and
network are the user's own: waiting makes nobody the owner. Every sensitive act is a candidate; beside no sign it is
nothing. On the user's own device and network it is told as info, and without any history as medium.

A new country in the same session, or a rented server, that is told as low is a sign too, and medium, where the device
is not known to be the user's: a journey is made with a device that the app has named.

Source: MITRE ATT&CK T1098; okta and auth0 customer detections join factor changes with new devices in the same way.
Known false positives: a user who reacts to the break-in by changing the password, on a new machine.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from detectors.context import UserContext
from detectors.findings.derived import Joining, Subject
from detectors.findings.standing import Standing
from detectors.networks import ANONYMISER_TYPES, SERVER_TYPES, describe
from detectors.parameters import Duration, Parameters
from detectors.profile import Profile
from detectors.rule import Hit
from schemas.alert import Alert, Severity
from schemas.app import AppPolicy
from schemas.event import Event
from schemas.instant import DAY, HOUR

ACTIONS = ("password", "email", "mfa", "recovery", "api_key", "payout")
SIGNS = frozenset({"new-device-new-network", "success-after-attack"})
WEAK_SIGNS = frozenset({"new-country", "anonymiser-first-use"})
"""Signs below medium only on a device that is not known."""

HIDING_TYPES = ANONYMISER_TYPES - SERVER_TYPES
"""Networks that people put between an app and themselves: what country is behind them says little."""

KNOWN, MOVED, NEW, FIRST = "known", "moved", "new", "first"
"""What device and network are to the user: both known, the device alone, or not so; `FIRST`: nothing is known of the
user."""


class RiskyChangeParameters(Parameters):
    """Parameters of risky-change."""

    window: Duration = Field(HOUR, description="How long before the act a sign still counts; an hour at least.")
    session_window: Duration = Field(
        12 * HOUR, le=DAY, description="The same for a sign of the act's own session; `window` at least."
    )
    actions: tuple[str, ...] = Field(ACTIONS, description="The acts that are sensitive, as in the event's `action`.")


class RiskyChange(Joining[None]):
    """A sensitive act beside a sign of takeover."""

    id = "risky-change"
    version = 2
    title = "Sensitive change soon after a sign of takeover"
    key = "user"
    needs = frozenset({"create", "validate"})
    attack = ("T1098",)
    severity = Severity.HIGH
    repeats = False
    reads = SIGNS | WEAK_SIGNS
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
        ground = candidate.usual.get("ground", "")
        signs = [one for one in beside if self._is_sign(one, candidate, ground)]
        if not signs:
            return None
        names = ", ".join(sorted({one.rule_id for one in signs}))
        severity = {KNOWN: Severity.INFO, FIRST: Severity.MEDIUM}.get(ground, Severity.HIGH)
        if all(_is_weak(one) for one in signs):
            severity = severity.at_most(Severity.MEDIUM)
        on = ", on the user's own device and network" if ground == KNOWN else ""
        return Hit(
            severity,
            f"{candidate.summary}{on}, after {names}",
            candidate.summary,
            evidence=tuple(one.shown for one in signs if one.shown is not None),
        )

    def _is_sign(self, one: Standing, candidate: Alert, ground: str) -> bool:
        assert isinstance(self.parameters, RiskyChangeParameters)
        window = max(self.parameters.window, HOUR)
        own = one.session_id is not None and (one.app, one.session_id) == (candidate.app, candidate.session_id)
        if own and ground != KNOWN:
            window = max(window, self.parameters.session_window)
        if one.rule_id == self.id or one.event_us > candidate.last_event_time_us:
            return False
        if one.last_us < candidate.first_event_time_us - window:
            return False
        if _is_weak(one):
            return own and ground == NEW and one.network_type not in HIDING_TYPES
        return one.rank >= (Severity.LOW if one.rule_id in SIGNS else Severity.MEDIUM).rank


def _is_weak(one: Standing) -> bool:
    return one.rule_id in WEAK_SIGNS and one.rank == Severity.LOW.rank


def _ground(event: Event, profile: Profile) -> str:
    """Say whether device and network are the user's own, by finished days."""
    if profile.newest_day < 0:
        return FIRST
    place = event.place
    network = place.network is not None and profile.knows_network(place.network)
    network = network or (place.asn is not None and profile.knows_asn(place.asn))
    known = event.device_id is not None and profile.knows_device(event.device_id)
    device = known or (event.device_id is None and profile.knows_agent(event.agent))
    if device:
        return KNOWN if network else MOVED if known else NEW
    return NEW
