"""The engine: routes events and signals to the keys of the rules, and says how the alerts changed."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from detectors import stored
from detectors.changes import once
from detectors.context import LINEAGE_REASONS, UserContext, is_plain
from detectors.faults import Faults
from detectors.judge import Declared, Judge
from detectors.keys import Key, Keys
from detectors.lineage import Lineage
from detectors.plan import Plan
from detectors.profile import DayFacts, UserKey, read_days, user_of, write_day
from detectors.rule import RULE_KEYS, RuleKey
from detectors.state import State
from detectors.timeline import Fold, Item, Timeline
from schemas.alert import AlertChange
from schemas.app import Apps
from schemas.event import Event
from schemas.instant import DAY, MINUTE
from schemas.signal import Signal
from store.rows import UserDay

ALLOWED_LATENESS_US = 3 * MINUTE
AUTHENTICATED = frozenset({"create", "validate", "destroy"})
LEARNED = frozenset({"create", "validate"})
"""The event types from which a profile is made, and for which it is looked up."""

SWEEP_US = MINUTE
"""Stream time between two looks for what has expired; keys that stay so much longer change nothing."""

SLEEP_US = 30 * MINUTE
"""After what silence a session sleeps; whoever comes back after it pays a few microseconds."""

MAX_TOLD = 10_000
"""Keys of which, having had to go, is remembered what was told of them; the oldest go for good."""

NEVER_US = 2**62


@dataclass(slots=True)
class Findings:
    """What a batch led to: how alerts changed, and facts of the engine's own to be stored."""

    changes: list[AlertChange] = field(default_factory=list)
    signals: list[Signal] = field(default_factory=list)


class Engine:
    """Feeds the rules in event time.

    Args:
        plan: the rules in force.
        apps: what each app declares.
        lateness_us: the bound of disorder by key, microseconds.
        shards: into how many engines the keys are split; the final alerts do not depend on it.
        trusted_bound, untrusted_bound: most keys in memory by kind, see `Pool`.
        sleep_us: after what silence a session sleeps, microseconds.
    """

    def __init__(
        self,
        plan: Plan,
        apps: Apps,
        *,
        lateness_us: int = ALLOWED_LATENESS_US,
        shards: int = 1,
        trusted_bound: int = 1_000_000,
        untrusted_bound: int = 100_000,
        sleep_us: int = SLEEP_US,
    ) -> None:
        self.stream_us = 0
        self.late = 0
        self.faults = Faults()
        self.lineage = Lineage()
        self._plan = plan
        self._apps = apps
        self._lateness_us = lateness_us
        self._sleep_us = sleep_us
        self._judge = Judge(plan, apps, self.faults)
        self._versions = {rule.id: rule.version for rule in plan.instances()}
        self._routed = {kind: plan.event_types(kind) for kind in RULE_KEYS}
        self._keys = Keys(shards, trusted_bound, untrusted_bound, self._wake)
        # Asked for with every event.
        self._pool, self._timeline_at = self._keys.pool, self._keys.at
        # Nobody looks at requests by network, device or app.
        self._two_keys = not any("validate" in self._routed[kind] for kind in ("network", "device", "app"))
        self._folds: dict[RuleKey, Fold] = {kind: partial(self._judge.fold, kind) for kind in RULE_KEYS}
        self._touched: dict[Key, Timeline] = {}
        self._dirty: set[Key] = set()
        # With when they woke, oldest first.
        self._awake: deque[tuple[Key, Timeline, int]] = deque()
        # Sessions at rest with the time of their newest event, likewise.
        self._resting: deque[tuple[str, int]] = deque()
        self._swept_us = 0
        self._waiting: set[Key] = set()
        # What was told of keys that had to go, and how that changed when they went.
        self._told: OrderedDict[Key, Timeline] = OrderedDict()
        self._last_words: list[AlertChange] = []
        self._days: list[UserDay] = []

    def process(self, items: Iterable[Event | Signal]) -> Findings:
        """Judge events and signals, in the order of their arrival.

        Returns:
            how the alerts changed, each alert once, and signals to be stored with the batch.
        """
        for item in items:
            if isinstance(item, Event):
                self._take_event(item)
            else:
                self._take_signal(item)
        return self._findings()

    def finish(self) -> Findings:
        """Decide everything that still settles: the stream has ended."""
        self._advance(NEVER_US)
        return self._findings()

    def wants_tick(self, stream_us: int) -> bool:
        """Say whether something waits that this stream time decides: then a tick belongs into the batch."""
        return any(
            pending.due_us <= stream_us
            for key in self._waiting
            if (timeline := self._timeline_at(key)) is not None
            for pending in timeline.head.pending.values()
        )

    def expire(self, stream_us: int) -> int:
        """Drop the keys that no rule can ask about any more, let the idle ones come to rest, and then sleep.

        It changes no alert.

        Returns:
            how many were dropped.
        """
        self._let_rest(stream_us - self._lateness_us)
        self._let_sleep(stream_us - self._sleep_us)
        if stream_us < self._swept_us + SWEEP_US:
            # Where sessions of one app live long among those of others, each sweep looks at them again.
            return 0
        self._swept_us = stream_us
        # What is in order may still come, and must find it.
        gone = self._keys.expired(stream_us - self._lateness_us, self._judge.horizon_us, self._app_names())
        for kind, key in gone:
            self._forget(kind, key, self._pool(kind, key).pop(key))
        return len(gone)

    def longest_horizon_us(self) -> int:
        """Return how far back an event can matter to any key, microseconds."""
        return max(self._judge.horizon_us("session", app) for app in self._app_names())

    def _app_names(self) -> list[str]:
        """Return the apps that are declared; the last stands for all others."""
        return [*(policy.name for policy in self._apps.declared()), ""]

    def take_dirty(self) -> list[tuple[Key, Timeline | None]]:
        """Return the keys changed since the last call, with their timelines (None = dropped)."""
        dirty, self._dirty = self._dirty, set()
        changed = [(key, self._timeline_at(key) or self._told.get(key)) for key in sorted(dirty)]
        for _, timeline in changed:
            if timeline is not None:
                timeline.dirty = False
        return changed

    def absent_users(self, items: Iterable[Event | Signal]) -> dict[UserKey, int]:
        """Return the users who are about to succeed and whose days must be looked up before that.

        Args:
            items: what is to be judged next.

        Returns:
            the day of each user's first event among them, in days since the epoch.
        """
        successes = [item for item in items if isinstance(item, Event) and item.type in LEARNED]
        names = {(event.app, event.user_id) for event in successes}
        unknown = {name for name in names if name[1] is not None and not self._is_informed(name[0], name[1])}
        absent: dict[UserKey, int] = {}
        if unknown:
            for event in successes:
                if event.user_id is not None and (event.app, event.user_id) in unknown:
                    user, day = (self._apps.realm_of(event.app), event.user_id), event.time_us // DAY
                    absent[user] = min(day, absent.get(user, day))
        return absent

    def provide(self, absent: Mapping[UserKey, int], days: Iterable[UserDay]) -> None:
        """Take in the finished days of users, before anything of theirs is judged.

        Args:
            absent: as `absent_users` returned them.
            days: all that are known of these users; of users without any there is none.
        """
        known = read_days(days)
        for user, day in absent.items():
            self._inform(user, known.get(user, []), day)

    def take_days(self) -> list[UserDay]:
        """Return the users' days that are over since the last call: they belong into the store with the batch."""
        days, self._days = self._days, []
        return days

    def adopt(self, kind: RuleKey, key: str, timeline: Timeline) -> None:
        """Take over a restored timeline; its alerts count as published."""
        timeline.rebuild(self.stream_us)
        timeline.published = dict(timeline.head.alerts)
        if not timeline.head.contexts:
            # Of a key that had to go: what was told of it is all that is left.
            self._told[kind, key] = timeline
            return
        self._touch(kind, key, timeline, trusted=timeline.trusted)
        if timeline.head.pending:
            self._waiting.add((kind, key))
        if timeline.tail:
            # Nothing that was folded away wakes it: it has to come to rest by itself.
            self._awaken((kind, key), timeline)
        if kind == "session":
            self.adopt_members(key, timeline.members())

    def adopt_asleep(self, key: str, newest_us: int, content: bytes) -> None:
        """Take over a session of which nothing but its base counts, as it was written; it sleeps on.

        Args:
            key: of a session that nothing is known of yet.
            newest_us: time of its newest event, microseconds.
            content: as `stored.write` wrote it.
        """
        for gone, evicted in self._pool("session", key).put_asleep(key, newest_us, content):
            self._evict("session", gone, evicted)

    def adopt_members(self, key: str, members: Iterable[str]) -> None:
        """Take over which sessions belong to the family that is held under a key."""
        app = key.split(" ", 1)[0]
        for member in members:
            self.lineage.join(f"{app} {member}", key)

    def unpublish(self, keep: Collection[str]) -> None:
        """Forget that alerts were told, but for these: what rules find for the first time is news at its next hit."""
        for timeline in self._keys.timelines():
            if timeline.published:
                timeline.published = {key: timeline.published[key] for key in timeline.published if key in keep}

    def family_of(self, app: str, session_id: str) -> str:
        """Return the key under which a session is held together with those it was rotated out of."""
        return self.lineage.root(f"{app} {session_id}")

    def family(self, key: str) -> State | None:
        """Return what is known of a session's family now (`family_of`); None where nothing is."""
        timeline = self._timeline_at(("session", key))
        return None if timeline is None else timeline.head

    def new_timeline(self, kind: RuleKey) -> Timeline:
        """Return an empty timeline of a kind, to be filled from a snapshot."""
        return Timeline(kind, self._folds[kind], self._lateness_us)

    def sizes(self) -> dict[str, int]:
        """Return how many keys are in memory by kind, and how many were evicted."""
        return self._keys.sizes()

    def asleep(self) -> Iterator[tuple[str, bytes]]:
        """Yield the session keys that sleep, and what is held of them."""
        return self._keys.asleep()

    def _take_event(self, event: Event) -> None:
        # Anybody who may write to the topic can invent apps that nobody has declared.
        known = self._judge.declared(event.app)
        if self._two_keys and is_plain(event) and self._pass(event, known):
            return
        trusted = event.type in AUTHENTICATED and known.policy.declared
        late, kind_of_event = False, event.type
        realm = known.realm
        if event.session_id is not None and kind_of_event in self._routed["session"]:
            key = f"{event.app} {event.session_id}"
            if kind_of_event == "create" and event.reason in LINEAGE_REASONS and event.parent_session_id:
                self._join(key, f"{event.app} {event.parent_session_id}", trusted=trusted)
            late = self._take("session", self.lineage.root(key), event, trusted=trusted)
        if event.user_id is not None and kind_of_event in self._routed["user"]:
            late |= self._take("user", f"{realm} {event.user_id}", event, trusted=trusted)
        if kind_of_event in self._routed["network"] and event.place.network is not None:
            late |= self._take("network", f"{realm} {event.place.network}", event, trusted=trusted)
        if kind_of_event in self._routed["device"] and event.device_id is not None:
            late |= self._take("device", f"{realm} {event.device_id}", event, trusted=trusted)
        if kind_of_event in self._routed["app"]:
            late |= self._take("app", event.app, event, trusted=trusted)
        # For the row alone: an event can be late for one of its keys and in order for the others.
        event.late = late
        self.late += late

    def _pass(self, event: Event, known: Declared) -> bool:
        """Take in a request that changes nothing, on a way of its own: most events are such, and they come in order."""
        if event.session_id is None or event.user_id is None:
            return False
        session_key = self.lineage.root(f"{event.app} {event.session_id}")
        user_key = f"{known.realm} {event.user_id}"
        sessions, users = self._pool("session", session_key), self._pool("user", user_key)
        session, user = sessions.get(session_key), users.get(user_key)
        order = (event.time_us, event.event_id)
        if session is None or user is None or not (session.can_go_on(order) and user.can_go_on(order)):
            return False
        if not self._judge.passes(session.head, user.head, event, known):
            return False
        entry = (*order, event)
        session.go_on(entry)
        user.go_on(entry)
        trusted = known.policy.declared
        sessions.touch(session_key, session, trusted=trusted)
        users.touch(user_key, user, trusted=trusted)
        if not (session.dirty and session.awake) or session.head.alerts or session.head.pending:
            self._mark(("session", session_key), session)
        if not (user.dirty and user.awake):
            self._mark(("user", user_key), user)
        return True

    def _take_signal(self, signal: Signal) -> None:
        if signal.kind == "tick":
            self._advance(signal.time_us)
        elif signal.kind == "rule_switched_off":
            self.faults.apply(signal, self._versions)
        elif signal.session_id is None or signal.app is None:
            return
        elif signal.kind == "session_flagged":
            realm = self._apps.realm_of(signal.app)
            self._take("user", f"{realm} {signal.user_id}", signal, trusted=True)
        else:
            root = self.lineage.root(f"{signal.app} {signal.session_id}")
            self._take("session", root, signal, trusted=True)

    def _take(self, kind: RuleKey, key: str, item: Item, *, trusted: bool) -> bool:
        pool = self._pool(kind, key)
        timeline = pool.get(key)
        if timeline is None:
            timeline = self._begin(kind, key)
        late = timeline.take(item, self.stream_us)
        if timeline.finished:
            self._take_days(key, timeline)
        if timeline.trimmed:
            app = key.split(" ", 1)[0]
            self.lineage.leave(f"{app} {member}" for member in timeline.trimmed)
            timeline.trimmed = ()
        self._touch(kind, key, timeline, trusted=trusted)
        self._mark((kind, key), timeline)
        return late

    def _touch(self, kind: RuleKey, key: str, timeline: Timeline, *, trusted: bool) -> None:
        for gone, evicted in self._pool(kind, key).touch(key, timeline, trusted=trusted):
            self._evict(kind, gone, evicted)

    def _join(self, child: str, parent: str, *, trusted: bool) -> None:
        roots = self.lineage.join(child, parent)
        if roots is None:
            return
        absorbed, absorbing = roots
        young = self._pool("session", absorbed).pop(absorbed)
        if young is None:
            return
        self._touched.pop(("session", absorbed), None)
        self._dirty.add(("session", absorbed))
        self._waiting.discard(("session", absorbed))
        old = self._pool("session", absorbing).get(absorbing) or self._begin("session", absorbing)
        old.absorb(young, self.stream_us)
        self._touch("session", absorbing, old, trusted=trusted or young.trusted)
        self._mark(("session", absorbing), old)

    def _advance(self, stream_us: int) -> None:
        self.stream_us = max(self.stream_us, stream_us)
        for key in sorted(self._waiting):
            timeline = self._timeline_at(key)
            if timeline is not None:
                timeline.settle(self.stream_us)
                self._mark(key, timeline)

    def _mark(self, key: Key, timeline: Timeline) -> None:
        if timeline.head.alerts or timeline.published:
            self._touched[key] = timeline
        self._mark_dirty(key, timeline)
        if not timeline.awake:
            self._awaken(key, timeline)
        if timeline.head.pending:
            self._waiting.add(key)
        elif self._waiting:
            self._waiting.discard(key)

    def _awaken(self, key: Key, timeline: Timeline) -> None:
        timeline.awake = True
        self._awake.append((key, timeline, timeline.newest_us))

    def _findings(self) -> Findings:
        changes = [change for timeline in self._touched.values() for change in timeline.changes()]
        if self._last_words:
            changes, self._last_words = once([*self._last_words, *changes]), []
        self._touched.clear()
        notices, signals = self.faults.take_news()
        return Findings(changes + notices, signals)

    def _let_rest(self, before_us: int) -> None:
        """Fold away the tails of keys that were last heard of before an instant."""
        awake = self._awake
        # Whoever woke later was heard of later.
        while awake and awake[0][2] < before_us:
            key, timeline, _ = awake.popleft()
            if timeline.newest_us >= before_us:
                # Heard of again: looked at once more when that has become old.
                awake.append((key, timeline, timeline.newest_us))
                continue
            timeline.awake = False
            timeline.rest()
            if self._timeline_at(key) is timeline:
                self._mark_dirty(key, timeline)
                self._take_days(key[1], timeline)
                if key[0] == "session":
                    self._resting.append((key[1], timeline.newest_us))

    def _let_sleep(self, before_us: int) -> None:
        """Let sessions sleep that were last heard of before an instant; a user wakes too often for that to pay."""
        while self._resting and self._resting[0][1] < before_us:
            key, newest_us = self._resting.popleft()
            self._pool("session", key).sleep(key, newest_us, stored.write_quiet)

    def _wake(self, kind: RuleKey, key: str, content: bytes) -> Timeline:
        timeline = stored.fill(self.new_timeline(kind), stored.read(content), self._plan.classes, {})
        timeline.base.rest()
        self._resting.append((key, timeline.newest_us))
        return timeline

    def _is_informed(self, app: str, user_id: str) -> bool:
        timeline = self._timeline_at(("user", f"{self._apps.realm_of(app)} {user_id}"))
        return timeline is not None and timeline.informed

    def _inform(self, user: UserKey, facts: list[DayFacts], day: int) -> None:
        key = " ".join(user)
        pool = self._pool("user", key)
        timeline = pool.get(key)
        if timeline is None:
            timeline = self._begin("user", key)
            self._touch("user", key, timeline, trusted=False)
        timeline.inform(UserContext(*user), facts, day)
        if timeline.head is not timeline.base:
            timeline.rebuild(self.stream_us)

    def _take_days(self, key: str, timeline: Timeline) -> None:
        if not timeline.finished:
            return
        realm, user_id = user_of(key)
        self._days += [write_day(realm, user_id, facts) for facts in timeline.finished]
        timeline.finished = ()

    def _mark_dirty(self, key: Key, timeline: Timeline) -> None:
        if not timeline.dirty:
            timeline.dirty = True
            self._dirty.add(key)

    def _begin(self, kind: RuleKey, key: str) -> Timeline:
        """Return the timeline of a key that is not in memory: a new one, or what was told of it before it had to go."""
        return self._told.pop((kind, key), None) or self.new_timeline(kind)

    def _evict(self, kind: RuleKey, key: str, timeline: Timeline) -> None:
        """Let a key go for lack of room: what settles is told now, and what was told goes on if it comes back."""
        timeline.settle(NEVER_US)
        self._last_words += timeline.changes()
        self._forget(kind, key, timeline)
        if timeline.published:
            self._told[kind, key] = timeline.remains()
            if len(self._told) > MAX_TOLD:
                oldest, _ = self._told.popitem(last=False)
                self._dirty.add(oldest)

    def _forget(self, kind: RuleKey, key: str, timeline: Timeline | None) -> None:
        if kind == "user" and timeline is not None:
            timeline.last_days()
            self._take_days(key, timeline)
        self._dirty.add((kind, key))
        self._waiting.discard((kind, key))
        self._touched.pop((kind, key), None)
        if kind == "session":
            self.lineage.forget(key)
