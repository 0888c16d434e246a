"""Folding: one event or signal into the state of its key, through the rules."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import msgspec

from detectors.context import LINEAGE_REASONS, Context, KeyContext, SessionContext, UserContext, is_plain
from detectors.faults import Faults
from detectors.plan import CONTEXT_EVENTS, AppPlan, Placed, Plan
from detectors.rule import Hit, RuleKey, Undo
from detectors.rules import AnyRule
from detectors.state import Pending, State
from schemas.alert import MAX_EVIDENCE, Alert, Evidence, alert_id
from schemas.app import AppPolicy, Apps
from schemas.event import Event
from schemas.instant import DAY
from schemas.signal import Signal

TOOL_CLASSES = frozenset({"tool", "robot"})
MAX_TOOL = 200
"""Characters kept of a tool's User-Agent: enough to tell tools apart."""

WINDOW_HORIZON_US = DAY
"""After this long without an event, the window state of a user, network, device or app means nothing to any rule."""


MAX_APPS = 1_000
"""Apps whose rules are remembered; anybody who may write to the topic can invent more."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What holds for the events of an app.

    Attributes:
        realm: in which its user ids are one person.
        pause_us: after a longer pause a use is no repeat.
    """

    policy: AppPolicy
    rules: AppPlan
    realm: str
    pause_us: int


class Judge:
    """Applies the rules in force to the state of a key.

    Args:
        plan: which rules see what.
        apps: what each app declares.
        faults: where rules that raise are counted.
    """

    def __init__(self, plan: Plan, apps: Apps, faults: Faults) -> None:
        self._plan = plan
        self._apps = apps
        self._faults = faults
        self._declared: dict[str, Declared] = {}

    def fold(self, kind: RuleKey, state: State, event: Event | Signal, late: bool) -> None:
        """Let the rules judge an event, then let the context take it in; or let them take note of a signal.

        Args:
            kind: of the key.
            state: of the event's key, changed in place.
            event: the event, or a signal about a session.
            late: it is older than the bound of disorder of this key.
        """
        if isinstance(event, Signal):
            if kind == "user":
                _flag(state, event, self._apps.realm_of(event.app or ""))
            else:
                self._fold_signal(state, event)
            return
        known = self.declared(event.app)
        app = known.policy
        member = (event.session_id or "") if kind == "session" else ""
        rules = known.rules.by_type.get((kind, event.type), ())
        context = state.contexts.get(member)
        # Every use of a session that is under suspicion counts; of a user only changes are looked at.
        settled = not (late or state.pending or (kind == "session" and state.alerts))
        repeat = settled and context is not None and is_plain(event) and _is_repeat(context, event, known)
        if context is None or not repeat:
            context = self._context(kind, state, member, event, app)
        else:
            rules = known.rules.on_repeat.get(kind, ())
            paced = known.rules.on_hurried
            if paced and isinstance(context, SessionContext) and context.is_hurried(event):
                rules = (*paced, *rules) if rules else paced
            if not rules:
                context.repeat(event)
                return
        if not repeat or rules is not known.rules.on_hurried:
            context.catch_up()
        if isinstance(context, UserContext) and event.time_us // DAY > context.day:
            context.begin_day(event.time_us // DAY)
        parent = event.parent_session_id if event.reason in LINEAGE_REASONS and event.type == "create" else None
        if state.pending:
            state.settle(event.time_us)
        self._ask(rules, state, member, parent, event, context, late=late)
        if repeat:
            context.repeat(event)
        elif event.type in CONTEXT_EVENTS[kind] or isinstance(context, KeyContext):
            context.observe(event)

    def passes(self, session: State, user: State, event: Event, known: Declared) -> bool:
        """Take in a plain request that is a repeat for its session and for its user, as `fold` would for each.

        Args:
            session, user: the states, changed in place if it is one.
            event: in order for both, and plain.
            known: what holds for its app.

        Returns:
            whether it was one; if not, nothing has changed.
        """
        if known.rules.see_repeats or session.alerts or session.pending or user.pending:
            return False
        member = event.session_id or ""
        context, person = session.contexts.get(member), user.contexts.get("")
        if not isinstance(context, SessionContext) or not isinstance(person, UserContext):
            return False
        if _is_over(context, event, known) or not context.is_repeat(event, known.pause_us):
            return False
        # Where the user's last event was a repeat of this very session, one comparison stands for all others.
        followed = person.again_us == context.again_us != 0 and person.again_event_id == context.again_event_id
        if not (person.is_settled(event) if followed else person.is_repeat(event, known.pause_us)):
            return False
        if known.rules.on_hurried and context.is_hurried(event):
            self._ask(known.rules.on_hurried, session, member, None, event, context, late=False)
        context.repeat(event)
        person.repeat(event)
        return True

    def _ask(
        self,
        rules: Iterable[Placed],
        state: State,
        member: str,
        parent: str | None,
        event: Event,
        context: Context,
        *,
        late: bool,
    ) -> None:
        app = self._declared[event.app].policy
        switched_off, memories = self._faults.switched_off, state.memory
        for rule, rule_id, prefix, kind_of_memory, blank, judge, judges_late, inherits in rules:
            if (switched_off and rule_id in switched_off) or (late and not judges_late):
                continue
            memory = remembered = None
            if kind_of_memory is not None:
                name = prefix + member
                remembered = memories.get(name)
                if remembered is None and parent is not None and inherits:
                    remembered = copy.copy(memories.get(prefix + parent))
                    memories.update({name: remembered} if remembered is not None else {})
                memory = kind_of_memory() if remembered is None else remembered
            try:
                verdict = judge(event, context, memory, app)
            except Exception as error:  # noqa: BLE001 - decision 21: a rule's fault loses one event, never the batch
                self._faults.record(rule, event.event_id, event.time_us, error)
                continue
            if remembered is None and memory is not None and memory != blank:
                # Most rules remember nothing of most keys, and nothing is what they then cost.
                memories[name] = memory
            if verdict is not None:
                self._record(rule, verdict, event, state, context, late=late)

    def _fold_signal(self, state: State, signal: Signal) -> None:
        member = signal.session_id or ""
        context = state.contexts.get(member)
        if isinstance(context, SessionContext):
            context.watched = True
        for rule in self._plan.of(signal.app or "").by_signal.get(signal.kind, ()):
            if rule.id in self._faults.switched_off:
                continue
            name = f"{rule.id} {member}"
            memory = state.memory.get(name) or (rule.memory() if rule.memory is not None else None)
            try:
                rule.on_signal(signal, memory)
            except Exception as error:  # noqa: BLE001 - as for events
                self._faults.record(rule, signal.signal_id, signal.time_us, error)
                continue
            if memory is not None:
                state.memory[name] = memory

    def declared(self, app: str) -> Declared:
        """Return what holds for the events of an app."""
        known = self._declared.get(app)
        if known is None:
            if len(self._declared) >= MAX_APPS:
                self._declared.clear()
            policy, rules = self._apps[app], self._plan.of(app)
            pause_us = min(rules.pause_us, policy.idle_timeout_us or rules.pause_us)
            known = self._declared[app] = Declared(policy, rules, self._apps.realm_of(app), pause_us)
        return known

    def horizon_us(self, kind: RuleKey, app: str) -> int:
        """Return how long a key of an app can matter after its last event."""
        return self._apps[app].session_life_us + DAY if kind == "session" else WINDOW_HORIZON_US

    def _context(self, kind: RuleKey, state: State, member: str, event: Event, app: AppPolicy) -> Context:
        context = state.contexts.get(member)
        # A key made by failures alone has no last use: its windows end by their own rules, its key with the sweep.
        if (
            context is not None
            and context.last_us
            and event.time_us - context.last_us > self.horizon_us(kind, event.app)
        ):
            # As if the key had expired: whether a sweep came by in between must not matter.
            state.forget(member)
            if isinstance(context, UserContext):
                state.contexts[member] = context.expired(event.time_us // DAY)
            context = state.contexts.get(member)
        if kind != "session":
            if context is None:
                context = state.contexts[member] = _new_context(kind, event, app.realm or event.app)
            return context
        parent = _parent(state, event)
        if context is None:
            context = parent.child(event) if parent else SessionContext(event.app, member, event.user_id)
            state.contexts[member] = context
        elif parent is not None and isinstance(context, SessionContext):
            # Used before its `create` by the clock of another server.
            context.descend(parent)
        if parent is not None:
            parent.pass_on(event)
        return context

    def _record(
        self, rule: AnyRule, verdict: Hit | Undo, event: Event, state: State, context: Context, *, late: bool
    ) -> None:
        app = self._apps[event.app]
        if isinstance(context, SessionContext):
            scope, value, episode = event.app, event.session_id or "", verdict.episode or "session"
        else:
            scope, value = _subject(context)
            episode = verdict.episode or str(event.time_us // rule.dedup_us * rule.dedup_us)
        if isinstance(verdict, Undo):
            for told in (episode, _suppressed(episode)):
                state.pending.pop(alert_id(rule.id, scope, value, told), None)
            return
        exception = self._plan.exceptions.covering(rule.id, event)
        identity = alert_id(rule.id, scope, value, _suppressed(episode) if exception else episode)
        waiting = state.pending.get(identity)
        known = state.alerts.get(identity) or (waiting.alert if waiting else None)
        if known:
            alert = further(known, verdict, event, rule, late=late)
        else:
            alert = first(identity, verdict, event, rule, value, late=late)
            _name_subject(alert, event, context)
            if exception:
                # A record of its own: what is covered and what is not never count together.
                alert.mode, alert.suppressed_by = "shadow", str(exception)
        if rule.settle_us and identity not in state.alerts:
            due_us = waiting.due_us if waiting else event.time_us + rule.settle_us + app.clock_skew_us
            state.pending[identity] = Pending(due_us, alert)
        else:
            state.alerts[identity] = alert


def _is_repeat(context: Context, event: Event, known: Declared) -> bool:
    if isinstance(context, SessionContext) and _is_over(context, event, known):
        return False
    return context.is_repeat(event, known.pause_us)


def _is_over(context: SessionContext, event: Event, known: Declared) -> bool:
    """Say whether a session has lived longer than its app lets it."""
    absolute_us = known.policy.absolute_timeout_us
    # Where a rotated session began, its parent's login is what the timeout counts from.
    return bool(absolute_us and context.home is not None and event.time_us - context.home.first_us > absolute_us)


def first(identity: str, hit: Hit, event: Event, rule: AnyRule, value: str, *, late: bool) -> Alert:
    """Return the alert of an episode's first hit; whom it is about is filled in by its key."""
    return Alert(
        alert_id=identity,
        rule_id=rule.id,
        rule_version=rule.version,
        severity=rule.fixed_severity or hit.severity,
        mode=rule.active_mode,
        app=event.app,
        key_kind=rule.key,
        key_value=value,
        event_time_us=event.time_us,
        first_event_time_us=event.time_us,
        last_event_time_us=event.time_us,
        summary=hit.summary,
        evidence=(*hit.evidence[: MAX_EVIDENCE - 1], Evidence(event.event_id, event.time_us, hit.fact)),
        usual=hit.usual,
        confidence=hit.confidence,
        late=late,
        drill=event.drill,
    )


def further(alert: Alert, hit: Hit, event: Event, rule: AnyRule, *, late: bool) -> Alert:
    """Return the alert with one more hit. A higher tier brings its own words and its own event."""
    evidence = (*alert.evidence, Evidence(event.event_id, event.time_us, hit.fact))
    if len(evidence) > MAX_EVIDENCE:
        # The beginning and the newest tell the story.
        evidence = evidence[: MAX_EVIDENCE // 2] + evidence[-(MAX_EVIDENCE // 2) :]
    severity = rule.fixed_severity or hit.severity
    updated = msgspec.structs.replace(
        alert,
        hits=alert.hits + 1,
        evidence=evidence,
        first_event_time_us=min(alert.first_event_time_us, event.time_us),
        last_event_time_us=max(alert.last_event_time_us, event.time_us),
        late=alert.late and late,
    )
    if rule.key in ("session", "user"):
        updated.user_id = alert.user_id or event.user_id
    if severity.rank > alert.severity.rank:
        updated.severity = severity
        updated.summary, updated.usual, updated.confidence = hit.summary, hit.usual, hit.confidence
        updated.event_time_us = event.time_us
        if rule.key in ("session", "user"):
            updated.session_id, updated.ip = event.session_id, event.ip
            updated.network, updated.device_id = event.place.network, event.device_id
            _name_origin(updated, event)
    return updated


def _new_context(kind: RuleKey, event: Event, realm: str) -> Context:
    if kind == "user":
        return UserContext(realm, event.user_id or "")
    if kind == "network":
        return KeyContext(realm, event.place.network or "")
    if kind == "device":
        return KeyContext(realm, event.device_id or "")
    return KeyContext(event.app, event.app)


def _suppressed(episode: str) -> str:
    return f"{episode} suppressed"


def _subject(context: UserContext | KeyContext) -> tuple[str, str]:
    if isinstance(context, UserContext):
        return context.realm, context.user_id
    return context.scope, context.value


def _name_subject(alert: Alert, event: Event, context: Context) -> None:
    """Fill in what an alert is about; one about a network or app names no single user or session."""
    if isinstance(context, KeyContext):
        if alert.key_kind == "network":
            alert.ip, alert.network = event.ip, event.place.network
            _name_origin(alert, event)
        elif alert.key_kind == "device":
            alert.device_id = event.device_id
        return
    alert.user_id, alert.session_id = event.user_id or context.user_id, event.session_id
    alert.ip, alert.network, alert.device_id = event.ip, event.place.network, event.device_id
    _name_origin(alert, event)


def _name_origin(alert: Alert, event: Event) -> None:
    alert.asn, alert.network_type = event.place.asn, event.place.network_type
    alert.tool = (event.user_agent or "")[:MAX_TOOL] if event.agent.device_class in TOOL_CLASSES else None


def _flag(state: State, signal: Signal, realm: str) -> None:
    context = state.contexts.get("")
    if not isinstance(context, UserContext):
        context = UserContext(realm, signal.user_id or "")
    elif context.last_us and signal.time_us - context.last_us > WINDOW_HORIZON_US:
        # As for an event: the key may have been dropped, and then its days are over.
        state.forget("")
        context = context.expired(signal.time_us // DAY)
    state.contexts[""] = context
    context.flag(signal.app or "", signal.session_id or "", signal.time_us)


def _parent(state: State, event: Event) -> SessionContext | None:
    if event.type != "create" or event.reason not in LINEAGE_REASONS or event.parent_session_id is None:
        return None
    if event.parent_session_id == event.session_id:
        return None
    return cast("SessionContext | None", state.contexts.get(event.parent_session_id))
