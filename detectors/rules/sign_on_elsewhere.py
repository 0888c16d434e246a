"""A sign-on session opens an app where its owner is not.

Every app below a sign-on service has a session of its own, which begins where the sign-on session is used: whoever
holds that cookie opens all of them, and in none of them changes anything. So the app's `create` is held against the
sign-on session that it names as its parent. Another network and another client are high; another network with the
same kind of client is graded as `session-multi-network` does, while the sign-on session is in use where it was, and is
medium at least on a line that is new for the user: who steps out or switches a VPN off is on lines known of them. One
who has since gone from where they signed on to an office or home is looked for there: a fixed line that is new for them
is medium while they are in use on another.

Source: MITRE ATT&CK T1539, T1550.004; FIELD reports of identity providers whose cookie was the one worth stealing.
Known false positives: an app that opens the sign-on in the system's browser and goes on in a client of its own, on a
phone that changes network meanwhile (name it in `internal_clients`); a VPN that no `[[networks]]` entry names.
Device ids are no measure here: each app names the devices by a cookie of its own.
"""

from __future__ import annotations

from pydantic import Field

from detectors.baselines import BaselineParameters, first_day, has_learned, is_corporate
from detectors.context import LINEAGE_REASONS, LiveSession, Use, UserContext
from detectors.networks import EGRESS_TYPES, PASSING_TYPES, describe, same_line
from detectors.parameters import Duration
from detectors.profile import Profile
from detectors.rule import Hit, Rule
from detectors.rules.session_hijack import name
from detectors.rules.session_multi_network import network_tier
from schemas.alert import Evidence, Severity
from schemas.app import AppPolicy
from schemas.event import NO_AGENT, Event, Place
from schemas.instant import MINUTE

STAYING_TYPES = frozenset({"home", "office"})
"""Networks in which people sit down."""


class SignOnElsewhereParameters(BaselineParameters):
    """Parameters of sign-on-elsewhere."""

    learn: int = Field(
        3, ge=1, le=1_000, description="With fewer logins, or days with uses, known of the user no line is new."
    )
    window: Duration = Field(
        30 * MINUTE, description="How long ago a use in the sign-on session's network counts, with the same client."
    )
    internal_clients: tuple[str, ...] = Field(
        (), description="Client families of the apps themselves; beside a browser never another client."
    )


class SignOnElsewhere(Rule[UserContext, None]):
    """An app opened by somebody who has the sign-on cookie."""

    id = "sign-on-elsewhere"
    version = 2
    title = "App opened through a sign-on session from elsewhere"
    key = "user"
    needs = frozenset({"create"})
    attack = ("T1539", "T1550.004")
    severity = Severity.HIGH
    runbook = (
        "Compare network and client of the sign-on with those of the app that was opened through it.",
        "Benign if the user has just moved, or switched a VPN on: name it under [[networks]].",
        "Else end the sign-on session, and with it every session that was opened through it.",
    )
    repeats = False
    Parameters = SignOnElsewhereParameters

    def on_event(self, event: Event, context: UserContext, memory: None, app: AppPolicy) -> Hit | None:
        """Hold a session's beginning against the session that opened it."""
        assert isinstance(self.parameters, SignOnElsewhereParameters)
        if event.parent_session_id is None or event.reason in LINEAGE_REASONS or event.place.network is None:
            return None
        if is_corporate(event, self.parameters.corporate):
            return None
        above = next((one for one in context.sessions if _is_above(one, event)), None)
        if above is None or same_line(above.place, event.place):
            return None
        last = _last_use(above, context)
        severity, is_other = self._tier(above, last, event, context.profile)
        if severity is None:
            return self._from_another_line(above, event, context)
        began = f"signed on from {describe(above.place)} with {name(above.agent)}"
        return Hit(
            severity,
            f"Opened from {describe(event.place)} with {name(event.agent)}; {began}"
            + ("" if is_other else ", in use there lately"),
            f"opened from {describe(event.place)}",
            evidence=() if last is None else (Evidence(last.event_id, last.last_us, began),),
            usual={"network": describe(above.place), "agent": name(above.agent)},
            # Each app that was opened is a session to be ended.
            episode=f"{event.app} {event.session_id}",
        )

    def _tier(
        self, above: LiveSession, last: Use | None, event: Event, profile: Profile
    ) -> tuple[Severity | None, bool]:
        """Return the severity, and whether the client is another one; None where nothing is wrong."""
        assert isinstance(self.parameters, SignOnElsewhereParameters)
        is_other = (
            NO_AGENT not in (above.agent, event.agent)
            and not above.agent.similar(event.agent)
            and event.agent.family not in self.parameters.internal_clients
        )
        if is_other:
            return Severity.HIGH, True
        last_us = max(above.last_us, 0 if last is None else last.last_us)
        if event.time_us - last_us > self.parameters.window:
            return None, False
        severity = network_tier(above.place, event.place)
        is_new = event.place.network_type not in EGRESS_TYPES and self._is_new_line(event.place, profile)
        return Severity.MEDIUM if severity is Severity.LOW and is_new else severity, False

    def _from_another_line(self, above: LiveSession, event: Event, context: UserContext) -> Hit | None:
        """Hold the beginning against the fixed line on which the user has been since."""
        assert isinstance(self.parameters, SignOnElsewhereParameters)
        since = event.time_us - self.parameters.window
        there = next((use for use in reversed(context.uses) if use.last_us >= since and _is_settled(use, above)), None)
        if there is None or same_line(there.place, event.place) or event.place.network_type in PASSING_TYPES:
            return None
        if not self._is_new_line(event.place, context.profile):
            return None
        fact = f"in use from {describe(there.place)} with {name(there.agent)}"
        return Hit(
            Severity.MEDIUM,
            f"Opened from {describe(event.place)} with {name(event.agent)}; {fact} lately",
            f"opened from {describe(event.place)}",
            evidence=(Evidence(there.event_id, there.last_us, fact),),
            usual={"network": describe(there.place), "agent": name(above.agent)},
            episode=f"{event.app} {event.session_id}",
        )

    def _is_new_line(self, place: Place, profile: Profile) -> bool:
        assert isinstance(self.parameters, SignOnElsewhereParameters)
        if not has_learned(profile, self.parameters) or place.network is None or place.asn is None:
            return False
        since_day = first_day(profile, self.parameters.baseline)
        return not profile.knows_network(place.network, since_day) and not profile.knows_asn(place.asn, since_day)


def _is_above(session: LiveSession, event: Event) -> bool:
    return session.session_id == event.parent_session_id and session.app != event.app


def _is_settled(use: Use, above: LiveSession) -> bool:
    """Say whether a use shows the same kind of client where people stay, and not on their way."""
    return use.place.network_type in STAYING_TYPES and use.agent.similar(above.agent)


def _last_use(above: LiveSession, context: UserContext) -> Use | None:
    """Return the user's newest use of anything in the network of the sign-on session."""
    return next((use for use in reversed(context.uses) if use.place.network == above.place.network), None)
