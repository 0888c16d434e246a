"""What the engine knows of a key: one context a session or user, shared by all rules and read-only to them.

Every field holds a scalar or an immutable value, so that a shallow copy is a snapshot.
"""

from __future__ import annotations

import copy

import msgspec

from detectors.profile import EMPTY, MAX_FLAGGED, DayFacts, Profile, Sight, facts_of, flag_of, sighted
from schemas.event import NO_AGENT, Agent, Event, Place
from schemas.instant import DAY, HOUR, SECOND

MAX_USES = 16
"""Networks remembered a key. An attacker who hops through more only loses the oldest."""

MAX_SESSIONS = 32
"""Live sessions remembered a user; one with more is told of by then."""

HURRY_US = 2 * SECOND
"""A use that follows another faster than this is hurried: if it is a repeat too, all that it says is the pace."""

USE_HORIZON_US = 24 * HOUR
"""The longest window that a rule may ask of `uses`."""

LINEAGE_REASONS = frozenset({"rotation", "refresh"})
"""Reasons of a `create` that make the new session the heir of its parent. An SSO session stands above, apart."""

CONTEXT_VERSION = 4
"""Raised when stored state changes its form or meaning: that of another version is rebuilt from the events."""


class Use(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A network from which a key was last successfully used, and with what.

    Attributes:
        first_us, last_us: first and last use inside the horizon, microseconds.
        event_id: of the last use.
    """

    place: Place
    agent: Agent
    device_id: str | None
    session_id: str | None
    first_us: int
    last_us: int
    event_id: str


class Heir(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The session into which another was first rotated or refreshed.

    Attributes:
        since_us: when, by its `create`.
        reason: of the `create`.
    """

    session_id: str
    since_us: int
    reason: str | None
    event_id: str


class Ancestor(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What was known of a parent when a session was rotated or refreshed out of it.

    Attributes:
        ended_us, ended_reason, ended_event_id: how it had been ended before, unless by the rotation itself.
        heir: into which it had been rotated or refreshed before.
    """

    ended_us: int | None
    ended_reason: str | None
    ended_event_id: str
    heir: Heir | None


class SessionContext(msgspec.Struct, gc=False, array_like=True):
    """A session as seen so far, in event time.

    Attributes:
        created_us: time of its `create`; None where the pipeline has not seen one.
        home: the first use known: that of `create`, of the parent's for a rotated session, else of the first
            event.
        sends_agent: whether uses after the `create` carry an agent. Apps that pass it at login only cannot
            show a change.
        uses: its networks, newest use last.
        ended_us, ended_reason, ended_event_id: its first `destroy` since the last `create`.
        watched: the pipeline has said something of it, such as that its revocation was delivered: from then on
            every use counts.
        again_us, again_event_id: the newest repeat that `uses` does not show yet.
        heir: the session into which it was first rotated or refreshed.
        parent: what was known of its parent then, where it is itself an heir.
    """

    app: str
    session_id: str
    user_id: str | None = None
    created_us: int | None = None
    home: Use | None = None
    sends_agent: bool = False
    last_us: int = 0
    uses: tuple[Use, ...] = ()
    ended_us: int | None = None
    ended_reason: str | None = None
    ended_event_id: str = ""
    parent_session_id: str | None = None
    bound: str | None = None
    watched: bool = False
    again_us: int = 0
    again_event_id: str = ""
    heir: Heir | None = None
    parent: Ancestor | None = None

    def is_repeat(self, event: Event, pause_us: int) -> bool:
        """Say whether a plain request changes nothing of what is known: see `Rule.repeats`.

        Args:
            event: in order, and plain (`is_plain`).
            pause_us: after a longer pause a use is no repeat.
        """
        if not self.uses or self.watched or event.time_us - self.last_us > pause_us:
            return False
        if self.ended_us is not None or self.heir is not None:
            return False
        if self.parent is not None and self.parent.ended_us is not None:
            return False
        use = self.uses[-1]
        # After a use without a readable address, what `uses` shows is not what came last.
        return (
            (self.last_us == self.again_us or self.last_us == use.last_us)
            and (use.place is event.place or use.place == event.place)
            and (use.agent is event.agent or use.agent == event.agent)
            and use.device_id == event.device_id
            and self.user_id == event.user_id
            and self.bound == event.bound
            and self.last_us // HOUR == event.time_us // HOUR
        )

    def is_hurried(self, event: Event) -> bool:
        """Say whether the uses that an event stands for came faster than one in two seconds."""
        return event.time_us - self.last_us < event.count * HURRY_US

    def repeat(self, event: Event) -> None:
        """Take in a repeat: all that it changes is when the session was last used, and by which event."""
        self.last_us = self.again_us = event.time_us
        self.again_event_id = event.event_id
        if event.user_agent is not None:
            self.sends_agent = True

    def catch_up(self) -> None:
        """Write the repeats since the last change into the newest use, before anybody reads it."""
        if self.again_us:
            self.uses = _used_again(self.uses, self.again_us, self.again_event_id)
            self.again_us = 0

    def observe(self, event: Event) -> None:
        """Take in an event that the rules have judged."""
        self.last_us = max(self.last_us, event.time_us)
        self.bound = event.bound
        if event.user_id is not None:
            self.user_id = event.user_id
        if event.type == "destroy":
            self._end(event)
            return
        if event.type == "create":
            self._begin(event)
        elif event.user_agent is not None:
            self.sends_agent = True
        use = use_of(event)
        self.home = use if self.home is None else _completed(self.home, use)
        self.uses = remember(self.uses, use)

    def _end(self, event: Event) -> None:
        # Told late, it may belong to an earlier life of a session id that a login took up again.
        if self.created_us is not None and event.time_us < self.created_us:
            return
        if self.ended_us is None:
            self.ended_us, self.ended_reason = event.time_us, event.reason
            self.ended_event_id = event.event_id

    def _begin(self, event: Event) -> None:
        if self.created_us is not None and event.time_us < self.created_us:
            return
        if self.starts_anew(event):
            self.home = self.heir = self.parent = None
        self.created_us = event.time_us
        if self.ended_us is not None and self.ended_us <= event.time_us:
            self.ended_us = self.ended_reason = None
            self.ended_event_id = ""

    def starts_anew(self, event: Event) -> bool:
        """Say whether an event is a new baseline: a login is, a rotation goes on from where its parent began."""
        if event.type != "create":
            return False
        return event.reason not in LINEAGE_REASONS or self.parent_session_id is None

    def child(self, event: Event) -> SessionContext:
        """Return the context of the session that this one is rotated or refreshed into."""
        heir = copy.copy(self)
        heir.session_id = event.session_id or ""
        heir.descend(self)
        heir.ended_us = heir.ended_reason = heir.heir = None
        heir.ended_event_id = ""
        return heir

    def descend(self, parent: SessionContext) -> None:
        """Take note of where this session comes from."""
        self.parent_session_id, self.home = parent.session_id, parent.home
        self.parent = Ancestor(None, None, "", parent.heir)
        if parent.ended_reason != "rotated":
            self.parent = Ancestor(parent.ended_us, parent.ended_reason, parent.ended_event_id, parent.heir)

    def pass_on(self, event: Event) -> None:
        """Take note of the `create` of a session that continues this one; the first is its heir."""
        if self.heir is None or event.time_us < self.heir.since_us:
            self.heir = Heir(event.session_id or "", event.time_us, event.reason, event.event_id)


def is_plain(event: Event) -> bool:
    """Say whether an event alone shows nothing but a request: no act, no token's generation, no odd input."""
    return (
        event.type == "validate"
        and (event.reason == "request" or event.reason is None)
        and event.action is None
        and event.token_generation is None
        and not event.input_flags
    )


class LiveSession(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A session of a user that nobody has ended yet, as it was last used.

    Attributes:
        created_us: time of its `create`; None where the pipeline has not seen one.
        last_us: its newest use, microseconds.
    """

    app: str
    session_id: str
    created_us: int | None
    last_us: int
    agent: Agent
    place: Place
    device_id: str | None


class UserContext(msgspec.Struct, gc=False, array_like=True):
    """A user as seen so far in one realm: the networks in use and the sessions not ended, newest use last.

    Attributes:
        profile: what finished days showed. Rules hold an event against it and not against the open day.
        day: the open day, in days since the epoch; -1 before the first event.
        sights: what sessions showed on the open day; `first_us` and `last_success_us` are the first and newest of
            its `successes`.
        logins, known_since_us: the logins of all finished days, and the first success of all, microseconds.
        finished: days that are over and not yet on their way to the store.
        flagged: sessions of which nothing is learned, see `flag_of`.
        signed_out_us: when they last signed out everywhere: for a day from then on every use counts.
    """

    realm: str
    user_id: str
    last_us: int = 0
    uses: tuple[Use, ...] = ()
    sessions: tuple[LiveSession, ...] = ()
    again_us: int = 0
    again_event_id: str = ""
    profile: Profile = EMPTY
    day: int = -1
    sights: tuple[Sight, ...] = ()
    successes: int = 0
    first_us: int = 0
    last_success_us: int = 0
    logins: int = 0
    known_since_us: int = 0
    finished: tuple[DayFacts, ...] = ()
    flagged: tuple[str, ...] = ()
    signed_out_us: int = 0

    def is_repeat(self, event: Event, pause_us: int) -> bool:
        """Say whether a plain request of the session used last changes nothing; as for a session."""
        if not self.sessions or not self.uses or not self.is_settled(event):
            return False
        session = self.sessions[-1]
        last_us = self.again_us or session.last_us
        if event.time_us - last_us > pause_us:
            return False
        return (
            session.session_id == event.session_id
            and session.app == event.app
            and (session.place is event.place or session.place == event.place)
            and (session.agent is event.agent or session.agent == event.agent)
            and session.device_id == event.device_id
            and self.uses[-1].place.network == event.place.network
            and last_us // HOUR == event.time_us // HOUR
        )

    def is_settled(self, event: Event) -> bool:
        """Say whether the user has not signed out everywhere of late: else every use counts."""
        return event.time_us - self.signed_out_us > USE_HORIZON_US

    def repeat(self, event: Event) -> None:
        """Take in a repeat: all that it changes is when the user was last seen, and by which event."""
        self.last_us = self.again_us = event.time_us
        self.again_event_id = event.event_id
        self.successes += event.count

    def catch_up(self) -> None:
        """Write the repeats since the last change into the newest use and session, before anybody reads them."""
        if self.again_us:
            self.uses = _used_again(self.uses, self.again_us, self.again_event_id)
            newest = msgspec.structs.replace(self.sessions[-1], last_us=self.again_us)
            self.sessions = (*self.sessions[:-1], newest)
            self.last_success_us = max(self.last_success_us, self.again_us)
            self.again_us = 0

    def observe(self, event: Event) -> None:
        """Take in an event that the rules have judged."""
        self.last_us = max(self.last_us, event.time_us)
        if event.type in ("create", "validate"):
            self.uses = remember(self.uses, use_of(event))
            self.sessions = _used(self.sessions, event)
            self._learn(event)
        elif event.type == "destroy":
            if event.reason == "logout_all":
                self.signed_out_us = max(self.signed_out_us, event.time_us)
            self.sessions = tuple(session for session in self.sessions if not _ended_by(session, event))

    def begin_day(self, day: int) -> None:
        """Let the open day be over, and what it showed be ordinary from now on.

        Args:
            day: the one that begins, in days since the epoch.
        """
        facts = self.facts()
        if facts is not None:
            self.logins += facts.logins
            self.known_since_us = facts.known_since_us
            self.finished = (*self.finished, facts)
            self.profile = self.profile.with_day(facts)
        self.profile = self.profile.as_of(day)
        self.day, self.sights = day, ()
        self.successes = self.first_us = self.last_success_us = 0

    def facts(self) -> DayFacts | None:
        """Return what the open day has shown so far; None where nobody succeeded."""
        if not self.successes:
            return None
        last_us = max(self.last_success_us, self.again_us)
        successes, before = (self.successes, self.first_us, last_us), (self.logins, self.known_since_us)
        return facts_of(self.day, self.sights, self.flagged, successes, before)

    def hand_over(self, until_day: int) -> None:
        """Forget the finished days up to this one: they are on their way to the store."""
        self.finished = tuple(facts for facts in self.finished if facts.day > until_day)

    def flag(self, app: str, session_id: str, time_us: int) -> None:
        """Learn nothing of a session any more; said at an instant, microseconds."""
        self.last_us = max(self.last_us, time_us)
        flag = flag_of(app, session_id)
        if flag not in self.flagged:
            self.flagged = (*self.flagged, flag)[-MAX_FLAGGED:]

    def expired(self, day: int) -> UserContext:
        """Return what is left of the user after a long silence: what is ordinary, and nothing of the moment."""
        self.begin_day(day)
        return UserContext(
            self.realm,
            self.user_id,
            profile=self.profile,
            day=day,
            logins=self.logins,
            known_since_us=self.known_since_us,
            finished=self.finished,
        )

    def recall(self, profile: Profile) -> None:
        """Take in what the store knows of the user."""
        self.profile = profile
        if self.day < 0:
            self.logins, self.known_since_us = profile.logins, profile.first_us

    def _learn(self, event: Event) -> None:
        if event.time_us // DAY != self.day:
            # Told late: its day is over.
            return
        if not self.successes or event.time_us < self.first_us:
            self.first_us = event.time_us
        if event.time_us > self.last_success_us:
            self.last_success_us = event.time_us
        self.successes += event.count
        begun = event.type == "create" and event.reason not in LINEAGE_REASONS
        self.sights = sighted(self.sights, event, int(begun), self.flagged)


class KeyContext(msgspec.Struct, gc=False, array_like=True):
    """A network, device or app of a realm: all that is known of it in common is when it was last heard of."""

    scope: str
    value: str
    last_us: int = 0

    def is_repeat(self, event: Event, pause_us: int) -> bool:
        """Say no: what many users share has no repeats."""
        return False

    def repeat(self, event: Event) -> None:
        """Take in a repeat, which never comes."""

    def catch_up(self) -> None:
        """Do nothing: there is nothing to write down."""

    def observe(self, event: Event) -> None:
        """Take in an event that the rules have judged."""
        self.last_us = max(self.last_us, event.time_us)


Context = SessionContext | UserContext | KeyContext


def use_of(event: Event) -> Use:
    """Return the use that a successful event shows."""
    return Use(
        event.place,
        event.agent,
        event.device_id,
        event.session_id,
        event.time_us,
        event.time_us,
        event.event_id,
    )


def _used_again(uses: tuple[Use, ...], time_us: int, event_id: str) -> tuple[Use, ...]:
    return (*uses[:-1], msgspec.structs.replace(uses[-1], last_us=time_us, event_id=event_id))


def _used(sessions: tuple[LiveSession, ...], event: Event) -> tuple[LiveSession, ...]:
    """Return the live sessions with the one of this event as the newest."""
    session_id = event.session_id or ""
    created_us = event.time_us if event.type == "create" else None
    last_us = event.time_us
    kept = []
    replaced = event.parent_session_id if event.type == "create" and event.reason in LINEAGE_REASONS else None
    for session in sessions:
        if session.app != event.app or session.session_id not in (session_id, replaced):
            if session.last_us >= event.time_us - USE_HORIZON_US:
                kept.append(session)
        elif session.session_id == session_id:
            created_us, last_us = created_us or session.created_us, max(last_us, session.last_us)
    kept.append(LiveSession(event.app, session_id, created_us, last_us, event.agent, event.place, event.device_id))
    kept.sort(key=_newest)
    return tuple(kept[-MAX_SESSIONS:])


def _newest(session: LiveSession) -> tuple[int, str]:
    return session.last_us, session.session_id


def _ended_by(session: LiveSession, event: Event) -> bool:
    if session.app != event.app or session.last_us > event.time_us:
        return False
    return event.reason == "logout_all" or session.session_id == event.session_id


def _completed(home: Use, use: Use) -> Use:
    """Fill in what the first use left open: its network, or its agent where a use on the same network shows one."""
    if home.place.network is None and use.place.network is not None and home.agent.similar(use.agent):
        return msgspec.structs.replace(home, place=use.place)
    if home.agent == NO_AGENT and home.place.network == use.place.network:
        return msgspec.structs.replace(home, agent=use.agent)
    return home


def remember(uses: tuple[Use, ...], use: Use) -> tuple[Use, ...]:
    """Return the uses with this one as the newest: one entry a network, at most 16, none older than a day."""
    if use.place.network is None:
        return uses
    last = uses[-1] if uses else None
    if last is not None and last.place.network == use.place.network and last.last_us <= use.last_us:
        # Nearly every event: the session goes on where it was.
        return (*uses[:-1], msgspec.structs.replace(use, first_us=last.first_us))
    first_us = use.first_us
    kept = []
    for known in uses:
        if known.place.network == use.place.network:
            first_us = min(first_us, known.first_us)
            if known.last_us > use.last_us:
                use = known
        elif known.last_us >= use.last_us - USE_HORIZON_US:
            kept.append(known)
    kept.append(msgspec.structs.replace(use, first_us=first_us))
    # A late event must not stand behind newer ones.
    kept.sort(key=lambda known: known.last_us)
    return tuple(kept[-MAX_USES:])
