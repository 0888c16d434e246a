"""A sign-on session opens an app although it was ended: somebody kept it, or its end reached the browser alone.

Signing out at the sign-on service is how people take back what they left open, so that an app which still opens through
it afterwards is worse than one session that goes on: every app below is open. The sign-on service itself tells nothing
of it, since its own session is not used there, only shown to the app. Requests in flight have the same grace as in
`use-after-destroy`.

Source: OpenID Connect Back-Channel Logout 1.0, section 2.6; OWASP Session Management cheat sheet; MITRE ATT&CK
T1550.004.
Known false positives: an app that keeps the id of an old sign-on session and names it for the next one too; servers
whose clocks differ by more than the declared `clock_skew`.
"""

from __future__ import annotations

import msgspec
from pydantic import Field

from detectors.context import LINEAGE_REASONS, UserContext
from detectors.networks import describe
from detectors.parameters import Duration, Parameters
from detectors.rule import Hit, Memory, Rule
from schemas.alert import Evidence, Severity
from schemas.app import AppPolicy
from schemas.event import Event
from schemas.instant import SECOND

MAX_KEPT = 8
"""Sign-on sessions remembered of a user, the newest."""

ENDS = frozenset({"logout", "logout_all", "revoked", "admin"})
"""Reasons of a `destroy` by which somebody meant to end it. What expires or is rotated ends by itself."""


class SignOn(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A session that others were opened through.

    Attributes:
        ended_us, how, event_id: by which `destroy` it ended; 0 and empty while it has not.
    """

    session_id: str
    app: str
    ended_us: int = 0
    how: str = ""
    event_id: str = ""


class SignOns(Memory):
    """The sign-on sessions of a user, newest use last."""

    kept: tuple[SignOn, ...] = ()


class SignOnAfterLogoutParameters(Parameters):
    """Parameters of sign-on-after-logout."""

    grace: Duration = Field(
        60 * SECOND, description="Apps opened this soon after the end are in flight; the app's clock_skew is added."
    )


class SignOnAfterLogout(Rule[UserContext, SignOns]):
    """An app opened through a sign-on session that was ended."""

    id = "sign-on-after-logout"
    title = "App opened through a sign-on session that was ended"
    key = "user"
    needs = frozenset({"create", "destroy"})
    attack = ("T1550.004",)
    severity = Severity.HIGH
    repeats = False
    memory = SignOns
    runbook = (
        "Compare network and client of the app that was opened with those of the sign-on and of its logout.",
        "Of many users: the logout clears the cookie only, or does not reach the apps; tell the developers.",
        "From elsewhere: somebody kept the sign-on cookie. End every session of the user, at the sign-on service too.",
    )
    Parameters = SignOnAfterLogoutParameters

    def on_event(self, event: Event, context: UserContext, memory: SignOns, app: AppPolicy) -> Hit | None:
        """Note the sign-on sessions and their ends; judge what is opened through one."""
        if event.type == "destroy":
            if event.reason in ENDS and memory.kept:
                memory.kept = tuple(_ended(one, event) if _ends(event, one) else one for one in memory.kept)
            return None
        if event.parent_session_id is None or event.reason in LINEAGE_REASONS:
            return None
        above = next((one for one in memory.kept if one.session_id == event.parent_session_id), None)
        if above is None or not above.ended_us:
            memory.kept = _used(memory.kept, above or _met(event, context))
            return None
        assert isinstance(self.parameters, SignOnAfterLogoutParameters)
        after_us = event.time_us - above.ended_us
        if after_us <= self.parameters.grace + app.clock_skew_us:
            return None
        how, seconds = above.how.replace("_", " "), after_us / SECOND
        return Hit(
            Severity.HIGH,
            f"Opened {seconds:.1f} s after the sign-on session's {how}, from {describe(event.place)}",
            f"opened {seconds:.1f} s after the sign-on session's {how}",
            evidence=(Evidence(above.event_id, above.ended_us, f"the sign-on session ended by {how}"),),
            # Each app that was opened is a session to be ended.
            episode=f"{event.app} {event.session_id}",
        )


def _met(event: Event, context: UserContext) -> SignOn:
    session_id = event.parent_session_id or ""
    above = (one.app for one in context.sessions if one.session_id == session_id and one.app != event.app)
    return SignOn(session_id, next(above, ""))


def _ends(event: Event, one: SignOn) -> bool:
    if one.ended_us:
        return False
    if event.session_id == one.session_id:
        return True
    return event.reason == "logout_all" and event.app == one.app


def _ended(one: SignOn, event: Event) -> SignOn:
    return msgspec.structs.replace(one, ended_us=event.time_us, how=event.reason or "", event_id=event.event_id)


def _used(kept: tuple[SignOn, ...], one: SignOn) -> tuple[SignOn, ...]:
    return (*(known for known in kept if known.session_id != one.session_id), one)[-MAX_KEPT:]
