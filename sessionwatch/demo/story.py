"""What has happened so far: each theft from the first stolen request to the refused one."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field

from response.text import safe
from schemas.alert import Alert
from schemas.revocation import LIVE_STATES
from sessionwatch.demo.errors import DemoError
from sessionwatch.demo.facts import (
    CrowdFact,
    GaveUp,
    LockedOut,
    Refused,
    SignedOut,
    Stolen,
    Trouble,
)
from sessionwatch.demo.narrator import Narrator
from sessionwatch.demo.thieves import THEFTS, Theft
from sessionwatch.demo.watched import Committed, PipelineEnded, RevocationState

REFUSED = 401


@dataclass(frozen=True, slots=True)
class Said:
    """A message that has arrived in the chat.

    Attributes:
        at_us: microseconds since the epoch.
    """

    text: str
    at_us: int


Happening = CrowdFact | Committed | PipelineEnded | Said


@dataclass(slots=True)
class Attack:
    """One theft as it went.

    Attributes:
        session: by its hashed id.
        began_us: just before the thief's first request; the other instants are microseconds, too.
        detected_us: when the alert was committed.
        said_us: when the message that names the alert had arrived in the chat.
        revoked_us: when the decision to end the session was committed, right after which it leaves.
        proved: whether the app has said that the session is gone.
        held: why the guard keeps the revocation, empty if it does not.
        locked_out_us: when the thief had the refusal.
        status: of that answer.
        accepted: how many of the thief's requests were answered before it.
        over: whether the thief has stopped.
    """

    theft: Theft
    user: str
    session: str
    began_us: int
    alert: Alert | None = None
    detected_us: int | None = None
    said_us: int | None = None
    revoked_us: int | None = None
    proved: bool = False
    held: str = ""
    locked_out_us: int | None = None
    status: int | None = None
    accepted: int = 0
    over: bool = False

    @property
    def defeated(self) -> bool:
        """Whether all has happened that was to happen."""
        return (
            self.detected_us is not None
            and self.said_us is not None
            and self.proved
            and self.accepted > 0
            and self.status == REFUSED
        )

    def after_ms(self, at_us: int | None) -> float | None:
        """Return an instant as milliseconds since the theft's first request."""
        return None if at_us is None else round((at_us - self.began_us) / 1000, 1)


@dataclass(slots=True)
class Story:
    """Takes what happens, in whatever order it is heard of, and has it told.

    Attributes:
        attacks: by their number.
        begun: how many sessions have begun, as far as stored.
        events: how many are stored.
        bystanders: sessions that nobody had stolen and whose owners were refused.
    """

    narrator: Narrator
    attacks: dict[int, Attack] = field(default_factory=dict)
    begun: int = 0
    events: int = 0
    bystanders: set[str] = field(default_factory=set)
    _noticed: set[str] = field(default_factory=set)

    def take(self, happening: Happening) -> None:
        """Note what has happened.

        Raises:
            DemoError: it is that a part of the demo has failed.
        """
        match happening:
            case Committed():
                self._take_commit(happening)
            case Said():
                self._take_message(happening)
            case Stolen():
                self._begin(happening)
            case SignedOut():
                self.narrator.signed_out(happening.user, happening.app)
            case LockedOut():
                self._lock_out(happening)
            case GaveUp():
                attack = self.attacks[happening.number]
                attack.accepted, attack.over = happening.accepted, True
                self.narrator.not_stopped(attack.user, attack.held)
            case Refused():
                self._take_refusal(happening)
            case PipelineEnded() | Trouble():
                raise DemoError(f"the demo cannot go on: {happening.why}")

    @property
    def ended(self) -> int:
        """How many stolen sessions are gone, by the word of their apps."""
        return sum(attack.proved for attack in self.attacks.values())

    def median_lock_out_ms(self) -> float | None:
        """Return how long a thief was in, from the first request to the refusal."""
        times = [
            attack.after_ms(attack.locked_out_us)
            for attack in self.attacks.values()
            if attack.locked_out_us is not None
        ]
        known = [time for time in times if time is not None]
        return statistics.median(known) if known else None

    def finished(self, number: int) -> bool:
        """Say whether a theft has gone as it should, or cannot any more."""
        attack = self.attacks.get(number)
        return attack is not None and attack.over and (attack.defeated or bool(attack.held))

    def _of_session(self, session: str | None) -> Attack | None:
        return next((attack for attack in self.attacks.values() if attack.session == session), None)

    def _begin(self, stolen: Stolen) -> None:
        theft = THEFTS[stolen.theft]
        self.attacks[stolen.number] = Attack(theft, stolen.user, stolen.session, stolen.began_us)
        self.narrator.stolen(stolen.user, stolen.app, theft.tale)

    def _lock_out(self, fact: LockedOut) -> None:
        attack = self.attacks[fact.number]
        attack.locked_out_us, attack.status = fact.at_us, fact.status
        attack.accepted, attack.over = fact.accepted, True
        self.narrator.locked_out(attack.theft.app, fact.status, fact.accepted, attack.after_ms(fact.at_us))

    def _take_commit(self, commit: Committed) -> None:
        self.events += commit.events
        self.begun += commit.begun
        for alert in commit.alerts:
            self._take_alert(alert, commit.at_us)
        for revocation in commit.revocations:
            self._take_revocation(revocation, commit.at_us)

    def _take_alert(self, alert: Alert, at_us: int) -> None:
        attack = self._of_session(alert.session_id)
        if attack is None:
            # Once a rule: the reader should see that it looks, not be flooded by what it leaves alone.
            if alert.rule_id not in self._noticed:
                self._noticed.add(alert.rule_id)
                self.narrator.left_alone(alert.severity, alert.rule_id, safe(alert.user_id or "somebody", 40))
        elif attack.detected_us is None and alert.rule_id == attack.theft.rule_id:
            attack.alert, attack.detected_us = alert, at_us
            self.narrator.alert(
                alert.severity,
                alert.rule_id,
                safe(alert.user_id or "", 40),
                alert.app,
                safe(alert.summary),
                attack.after_ms(at_us),
            )

    def _take_revocation(self, revocation: RevocationState, at_us: int) -> None:
        attack = self._of_session(revocation.session_id)
        if attack is None:
            if revocation.state in LIVE_STATES:
                self.bystanders.add(revocation.session_id)
        elif revocation.state == "held":
            attack.held = revocation.note
            self.narrator.held(safe(revocation.note))
        elif revocation.state in LIVE_STATES:
            if attack.revoked_us is None:
                attack.revoked_us = at_us
                self.narrator.revoked(revocation.app, attack.after_ms(at_us))
            attack.proved = attack.proved or revocation.state == "confirmed"

    def _take_message(self, message: Said) -> None:
        for attack in self.attacks.values():
            named = attack.alert is not None and attack.alert.alert_id in message.text
            if named and attack.said_us is None:
                attack.said_us = message.at_us
                self.narrator.told(attack.theft.rule_id, attack.after_ms(message.at_us))

    def _take_refusal(self, refused: Refused) -> None:
        if self._of_session(refused.session) is None:
            self.bystanders.add(refused.session)
            self.narrator.bystander(refused.user, refused.app)
        else:
            self.narrator.asked_to_sign_in(refused.user)
