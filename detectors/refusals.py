"""Session ids that an app refuses as unknown: guessed ones, or those of people whose sessions the app has lost.

What tells them apart: ids that were once begun here, and people who sign in again after the refusal.
"""

from __future__ import annotations

import msgspec

from detectors.attempts import MAX_NAMED, Episode
from detectors.context import LINEAGE_REASONS
from detectors.windows import Span, Tally, WindowMemory, compact
from schemas.alert import Evidence
from schemas.event import Event

UNKNOWN_SESSION = "unknown_session"

MAX_CREATED = 2_000
"""Sessions remembered as begun at one network or app: an office's day. With more of them the oldest are taken for
unknown ones, which a carrier's sign-ins then have to explain."""


MAX_OTHERS = 300
"""Known ids, users and networks counted within a span."""


def _others() -> Tally:
    return Tally(most=MAX_OTHERS)


class Refusals(WindowMemory):
    """What was refused within one span; ids, users and networks under compact names.

    Attributes:
        unknown: refused ids that never began here.
        known: refused ids that did.
        succeeded: sign-ins by user since the first refusal.
        networks: refused ids by network.
        named: event id and time of the newest refused ids, for the evidence.
    """

    unknown: Tally = msgspec.field(default_factory=Tally)
    known: Tally = msgspec.field(default_factory=_others)
    succeeded: Tally = msgspec.field(default_factory=_others)
    networks: Tally = msgspec.field(default_factory=_others)
    named: dict[str, tuple[str, int]] = msgspec.field(default_factory=dict)

    def refuse(self, span: Span, event: Event, session_id: str, *, known: bool) -> None:
        """Take in a refusal."""
        self.advance(span, event.time_us)
        (self.known if known else self.unknown).add(span, event.time_us, session_id)
        if event.place.network is not None:
            self.networks.add(span, event.time_us, compact(event.place.network))
        self.named.pop(session_id, None)
        self.named[session_id] = (event.event_id, event.time_us)
        if len(self.named) > MAX_NAMED:
            del self.named[next(iter(self.named))]

    def advance(self, span: Span, time_us: int) -> None:
        """Let go of what is no longer inside the span."""
        for tally in (self.unknown, self.known, self.succeeded, self.networks):
            tally.advance(span, time_us)

    def witnesses(self) -> tuple[Evidence, ...]:
        """Return the newest refusals of up to 20 ids."""
        return tuple(
            Evidence(event_id, time_us, "refused an unknown session") for event_id, time_us in self.named.values()
        )


class RefusalsMemory(WindowMemory):
    """What a rule remembers of the refusals at a network or app.

    Attributes:
        refusals: by span.
        created: ids of the sessions begun, oldest first, in the keys.
        episode: the hit that settles.
    """

    refusals: dict[str, Refusals] = msgspec.field(default_factory=dict)
    created: dict[str, bool] = msgspec.field(default_factory=dict)
    episode: Episode = msgspec.field(default_factory=Episode)

    def follow(self, span: Span, event: Event) -> Refusals | None:
        """Take in an event.

        Returns:
            what is known within the span; None where the event is no refusal of a named id and no sign-in, and
            while nothing is refused.
        """
        refusals = self.refusals.get(span.name)
        if event.type == "fail":
            if event.reason != UNKNOWN_SESSION or event.session_id is None:
                return None
            refusals = refusals or self.refusals.setdefault(span.name, Refusals())
            session = _name(event)
            refusals.refuse(span, event, session, known=session in self.created)
        else:
            self._begin(event)
            if refusals is not None:
                refusals.advance(span, event.time_us)
                if event.user_id is not None and event.reason not in LINEAGE_REASONS:
                    refusals.succeeded.add(span, event.time_us, compact(event.user_id))
                if not refusals.unknown and not refusals.known:
                    del self.refusals[span.name]
                    return None
        return refusals

    def _begin(self, event: Event) -> None:
        self.created[_name(event)] = True
        if len(self.created) > MAX_CREATED:
            del self.created[next(iter(self.created))]


def _name(event: Event) -> str:
    return compact(f"{event.app} {event.session_id}")
