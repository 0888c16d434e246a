"""What the engine knows of a key: one context a session or user, shared by all rules and read-only to them.

Every field holds a scalar or an immutable value, so that a shallow copy is a snapshot.
"""

from __future__ import annotations

import copy

import msgspec

from schemas.event import NO_AGENT, Agent, Event, Place
from schemas.instant import HOUR

MAX_USES = 16
"""Networks remembered a key. An attacker who hops through more only loses the oldest."""

MAX_SESSIONS = 32
"""Live sessions remembered a user; one with more is told of by then."""

USE_HORIZON_US = 24 * HOUR
"""The longest window that a rule may ask of `uses`."""

LINEAGE_REASONS = frozenset({"rotation", "refresh"})
"""Reasons of a `create` that make the new session the heir of its parent. An SSO session stands above, apart."""

CONTEXT_VERSION = 2
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

    def is_repeat(self, event: Event, pause_us: int) -> bool:
        """Say whether a plain request changes nothing of what is known: see `Rule.repeats`.

        Args:
            event: in order, and plain (`is_plain`).
            pause_us: after a longer pause a use is no repeat.
        """
        if not self.uses or self.watched or event.time_us - self.last_us > pause_us or self.ended_us is not None:
            return False
        use = self.uses[-1]
        return (
            (use.place is event.place or use.place == event.place)
            and (use.agent is event.agent or use.agent == event.agent)
            and use.device_id == event.device_id
            and self.user_id == event.user_id
            and self.bound == event.bound
            and self.last_us // HOUR == event.time_us // HOUR
        )

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
            self.home = None
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
        heir.parent_session_id = self.session_id
        heir.ended_us = heir.ended_reason = None
        heir.ended_event_id = ""
        return heir


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
    """A user as seen so far in one realm: the networks in use and the sessions not ended, newest use last."""

    realm: str
    user_id: str
    last_us: int = 0
    uses: tuple[Use, ...] = ()
    sessions: tuple[LiveSession, ...] = ()
    again_us: int = 0
    again_event_id: str = ""

    def is_repeat(self, event: Event, pause_us: int) -> bool:
        """Say whether a plain request of the session used last changes nothing; as for a session."""
        if not self.sessions or not self.uses:
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

    def repeat(self, event: Event) -> None:
        """Take in a repeat: all that it changes is when the user was last seen, and by which event."""
        self.last_us = self.again_us = event.time_us
        self.again_event_id = event.event_id

    def catch_up(self) -> None:
        """Write the repeats since the last change into the newest use and session, before anybody reads them."""
        if self.again_us:
            self.uses = _used_again(self.uses, self.again_us, self.again_event_id)
            newest = msgspec.structs.replace(self.sessions[-1], last_us=self.again_us)
            self.sessions = (*self.sessions[:-1], newest)
            self.again_us = 0

    def observe(self, event: Event) -> None:
        """Take in an event that the rules have judged."""
        self.last_us = max(self.last_us, event.time_us)
        if event.type in ("create", "validate"):
            self.uses = remember(self.uses, use_of(event))
            self.sessions = _used(self.sessions, event)
        elif event.type == "destroy":
            self.sessions = tuple(session for session in self.sessions if not _ended_by(session, event))


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
