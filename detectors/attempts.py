"""Attempts to sign in, counted by user: who fails from one place, who gets in, and who fails first and then gets in.

A person who mistypes a password and gets it right a moment later has explained the failures: they count no more.
What is left is what an attack looks like, and what a morning in an office does not.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from detectors.context import LINEAGE_REASONS
from detectors.rule import Hit, Undo
from detectors.windows import Span, Tally, WindowMemory, compact
from schemas.alert import Evidence, Severity
from schemas.event import Event
from schemas.instant import MINUTE

LOGIN_FAILURES = frozenset({"bad_credentials", "locked"})
"""Reasons of a `fail` that mean a password was tried. A right but expired one is none, and a refused second factor
comes after a right one."""

MAX_NAMED = 20
"""Users that an alert names."""

SETTLE_US = 2 * MINUTE
"""How long a crowd of failures waits for the successes that explain it. In an office on the day of new passwords
dozens of people are in the middle of typing at any time, and are in a minute later; by then as many again are, so
that it takes twice as long until more have got in than fail."""


MAX_OTHERS = 300
"""Users who got in, and networks, counted within a span. Fewer than the failing ones that fit: where both are more
than can be counted, failures outnumber, and a crowd that large is looked at."""


def _others() -> Tally:
    return Tally(most=MAX_OTHERS)


class Attempts(WindowMemory):
    """Attempts within one span; users and networks under compact names.

    Attributes:
        failed: tries by user who has not got in since; a user is an account, or the hash of what was typed.
        succeeded: sign-ins by user, counted while anybody is failing.
        recovered: users who failed first.
        networks: failures by network.
        loudest: the network with the most, as of its own last failure.
    """

    failed: Tally = msgspec.field(default_factory=Tally)
    succeeded: Tally = msgspec.field(default_factory=_others)
    recovered: Tally = msgspec.field(default_factory=_others)
    networks: Tally = msgspec.field(default_factory=_others)
    loudest: str = ""

    def fail(self, span: Span, event: Event, user: str) -> None:
        """Take in a failed sign-in."""
        self.advance(span, event.time_us)
        self.failed.add(span, event.time_us, compact(user), event.count)
        if event.place.network is not None:
            network = compact(event.place.network)
            self.networks.add(span, event.time_us, network, event.count)
            counts = self.networks.counts
            if counts.get(network, 0) > counts.get(self.loudest, 0):
                self.loudest = network

    def succeed(self, span: Span, event: Event, names: tuple[str, ...]) -> None:
        """Take in a sign-in of a user, who may also be known by other names."""
        self.advance(span, event.time_us)
        user, *_ = map(compact, names)
        self.succeeded.add(span, event.time_us, user)
        for name in map(compact, names):
            if self.failed.forget(span, name):
                self.recovered.add(span, event.time_us, user)

    def advance(self, span: Span, time_us: int) -> None:
        """Let go of what is no longer inside the span."""
        for tally in (self.failed, self.succeeded, self.recovered, self.networks):
            tally.advance(span, time_us)


class Episode(msgspec.Struct, gc=False):
    """The hit that settles, so that what explains it can undo it although the hour has turned.

    Attributes:
        name: of the episode; empty before the first hit.
        until_us: when it is decided.
    """

    name: str = ""
    until_us: int = 0

    def open(self, time_us: int, period_us: int, wait_us: int) -> bool:
        """Let a hit join the episode that settles, or begin one; say whether it began one."""
        if self.name and time_us < self.until_us:
            return False
        self.name = str(time_us // period_us * period_us)
        self.until_us = time_us + wait_us
        return True

    def undo(self, time_us: int) -> Undo | None:
        """Return what undoes the hit, as long as it settles."""
        if not self.name or time_us >= self.until_us:
            return None
        name, self.name = self.name, ""
        return Undo(name)


class Witnesses(WindowMemory):
    """The newest failures of up to 20 users, for the evidence: event id, time, network, whether it is an account."""

    users: dict[str, tuple[str, int, str, bool]] = msgspec.field(default_factory=dict)

    def note(self, event: Event, user: str) -> None:
        """Take in a failed sign-in."""
        self.users.pop(user, None)
        self.users[user] = (
            event.event_id,
            event.time_us,
            event.place.network or "an unknown network",
            event.user_id is not None,
        )
        if len(self.users) > MAX_NAMED:
            del self.users[next(iter(self.users))]

    def forget(self, names: tuple[str, ...]) -> None:
        """Let go of a user who got in."""
        for name in names:
            self.users.pop(name, None)

    def beside(self, event: Event, since_us: int, counts: Callable[[str], bool] | None = None) -> tuple[Evidence, ...]:
        """Return the failures before this one.

        Args:
            event: the failure itself, left out.
            since_us: none is older.
            counts: says which networks count; None = all.
        """
        return tuple(
            Evidence(event_id, time_us, f"failed to sign in {_as(user if account else None)} from {network}")
            for user, (event_id, time_us, network, account) in self.users.items()
            if event_id != event.event_id and time_us >= since_us and (counts is None or counts(network))
        )


class AttemptsMemory(WindowMemory):
    """What a rule remembers of the attempts at a network or app: by span, who, and the hit that settles."""

    attempts: dict[str, Attempts] = msgspec.field(default_factory=dict)
    witnesses: Witnesses = msgspec.field(default_factory=Witnesses)
    episode: Episode = msgspec.field(default_factory=Episode)

    def follow(self, span: Span, event: Event) -> Attempts | None:
        """Take in an event.

        Returns:
            what is known within the span; None where the event is no attempt, and while nobody has failed:
            nothing is what most places cost.
        """
        attempts = self.attempts.get(span.name)
        if event.type == "fail":
            user = tried_user(event)
            if user is None:
                return None
            attempts = attempts or self.attempts.setdefault(span.name, Attempts())
            attempts.fail(span, event, user)
            self.witnesses.note(event, user)
        elif attempts is not None and (names := signed_in(event)):
            attempts.succeed(span, event, names)
            self.witnesses.forget(names)
            if not attempts.failed and not attempts.recovered:
                del self.attempts[span.name]
                return None
        return attempts


def tried_user(event: Event) -> str | None:
    """Return whom a failed sign-in tried to be: an account, or the hash of what was typed; None where it is none."""
    if event.reason not in LOGIN_FAILURES:
        return None
    return event.user_id or event.user_hint


def signed_in(event: Event) -> tuple[str, ...]:
    """Return the names of who signed in, the account's first; none where a session only goes on under a new id."""
    if event.user_id is None or event.reason in LINEAGE_REASONS:
        return ()
    return (event.user_id, event.user_hint) if event.user_hint is not None else (event.user_id,)


def one_network(attempts: Attempts) -> bool:
    """Say whether more than half of the failures come from one network: that is what network rules tell of."""
    return attempts.networks.counts.get(attempts.loudest, 0) * 2 > attempts.networks.total


def outnumber(attempts: Attempts) -> bool:
    """Say whether more users fail than get in: behind the address of an office or a carrier they do not."""
    return attempts.failed.light > len(attempts.succeeded)


def crowd_hit(severity: Severity, summary: str, event: Event, evidence: tuple[Evidence, ...], episode: str) -> Hit:
    """Return the hit of a failure that completes a crowd."""
    fact = f"failed to sign in {_as(event.user_id)} from {event.place.network or 'an unknown network'}"
    return Hit(severity, summary, fact, evidence=evidence, episode=episode)


def _as(user: str | None) -> str:
    # What was typed is never shown, and neither is its hash.
    return "with an unknown name" if user is None else f"as {user}"
