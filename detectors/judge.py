"""Folding: one event or signal into the state of its key, through the rules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import msgspec

from detectors.context import LINEAGE_REASONS, Context, KeyContext, SessionContext, UserContext, is_plain
from detectors.faults import Faults
from detectors.plan import CONTEXT_EVENTS, AppPlan, Plan
from detectors.rule import Hit, Memory, RuleKey, Undo
from detectors.rules import AnyRule
from detectors.state import Pending, State
from schemas.alert import MAX_EVIDENCE, Alert, Evidence, alert_id
from schemas.app import AppPolicy, Apps
from schemas.event import Event
from schemas.instant import DAY
from schemas.signal import Signal

WINDOW_HORIZON_US = DAY
"""After this long without an event, the window state of a user, network, device or app means nothing to any rule."""


MAX_APPS = 1_000
"""Apps whose rules are remembered; anybody who may write to the topic can invent more."""


@dataclass(frozen=True, slots=True)
class Declared:
    """What holds for the events of an app.

    Attributes:
        pause_us: after a longer pause a use is no repeat.
    """

    policy: AppPolicy
    rules: AppPlan
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
            self._fold_signal(state, event)
            return
        known = self._known(event.app)
        app = known.policy
        member = (event.session_id or "") if kind == "session" else ""
        rules = known.rules.by_type.get((kind, event.type), ())
        context = state.contexts.get(member)
        settled = not (late or state.alerts or state.pending)
        repeat = settled and context is not None and is_plain(event) and _is_repeat(context, event, known)
        if context is None or not repeat:
            context = self._context(kind, state, member, event, app)
        else:
            rules = known.rules.on_repeat.get(kind, ())
            if not rules:
                context.repeat(event)
                return
        context.catch_up()
        if state.pending:
            state.settle(event.time_us)
        for rule in rules:
            if rule.id in self._faults.switched_off or (late and not rule.judges_late):
                continue
            memory = _recall(state, rule, member)
            try:
                verdict = rule.on_event(event, context, memory, app)
            except Exception as error:  # noqa: BLE001 - decision 21: a rule's fault loses one event, never the batch
                self._faults.record(rule, event.event_id, event.time_us, error)
                continue
            _keep(state, rule, member, memory)
            if verdict is not None:
                self._record(rule, verdict, event, state, context, late=late)
        if repeat:
            context.repeat(event)
        elif event.type in CONTEXT_EVENTS[kind] or isinstance(context, KeyContext):
            context.observe(event)

    def _fold_signal(self, state: State, signal: Signal) -> None:
        member = signal.session_id or ""
        context = state.contexts.get(member)
        if isinstance(context, SessionContext):
            context.watched = True
        for rule in self._plan.of(signal.app or "").by_signal.get(signal.kind, ()):
            if rule.id in self._faults.switched_off:
                continue
            memory = _recall(state, rule, member)
            try:
                rule.on_signal(signal, memory)
            except Exception as error:  # noqa: BLE001 - as for events
                self._faults.record(rule, signal.signal_id, signal.time_us, error)
                continue
            _keep(state, rule, member, memory)

    def _known(self, app: str) -> Declared:
        known = self._declared.get(app)
        if known is None:
            if len(self._declared) >= MAX_APPS:
                self._declared.clear()
            policy, rules = self._apps[app], self._plan.of(app)
            pause_us = min(rules.pause_us, policy.idle_timeout_us or rules.pause_us)
            known = self._declared[app] = Declared(policy, rules, pause_us)
        return known

    def horizon_us(self, kind: RuleKey, app: str) -> int:
        """Return how long a key of an app can matter after its last event."""
        return self._apps[app].session_life_us + DAY if kind == "session" else WINDOW_HORIZON_US

    def _context(self, kind: RuleKey, state: State, member: str, event: Event, app: AppPolicy) -> Context:
        context = state.contexts.get(member)
        if context is not None and event.time_us - context.last_us > self.horizon_us(kind, event.app):
            # As if the key had expired: whether a sweep came by in between must not matter.
            state.forget(member)
            context = None
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
            context.parent_session_id, context.home = parent.session_id, parent.home
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
        identity = alert_id(rule.id, scope, value, episode)
        if isinstance(verdict, Undo):
            state.pending.pop(identity, None)
            return
        waiting = state.pending.get(identity)
        known = state.alerts.get(identity) or (waiting.alert if waiting else None)
        if known:
            alert = further(known, verdict, event, rule, late=late)
        else:
            alert = first(identity, verdict, event, rule, value, late=late)
            _name_subject(alert, event, context)
        if rule.settle_us and identity not in state.alerts:
            due_us = waiting.due_us if waiting else event.time_us + rule.settle_us + app.clock_skew_us
            state.pending[identity] = Pending(due_us, alert)
        else:
            state.alerts[identity] = alert


def _is_repeat(context: Context, event: Event, known: Declared) -> bool:
    if isinstance(context, SessionContext):
        absolute_us = known.policy.absolute_timeout_us
        if absolute_us and context.created_us is not None and event.time_us - context.created_us > absolute_us:
            return False
    return context.is_repeat(event, known.pause_us)


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
    return updated


def _new_context(kind: RuleKey, event: Event, realm: str) -> Context:
    if kind == "user":
        return UserContext(realm, event.user_id or "")
    if kind == "network":
        return KeyContext(realm, event.place.network or "")
    if kind == "device":
        return KeyContext(realm, event.device_id or "")
    return KeyContext(event.app, event.app)


def _subject(context: UserContext | KeyContext) -> tuple[str, str]:
    if isinstance(context, UserContext):
        return context.realm, context.user_id
    return context.scope, context.value


def _name_subject(alert: Alert, event: Event, context: Context) -> None:
    """Fill in what an alert is about; one about a network or app names no single user or session."""
    if isinstance(context, KeyContext):
        if alert.key_kind == "network":
            alert.ip, alert.network = event.ip, event.place.network
        elif alert.key_kind == "device":
            alert.device_id = event.device_id
        return
    alert.user_id, alert.session_id = event.user_id or context.user_id, event.session_id
    alert.ip, alert.network, alert.device_id = event.ip, event.place.network, event.device_id


def _parent(state: State, event: Event) -> SessionContext | None:
    if event.type != "create" or event.reason not in LINEAGE_REASONS or event.parent_session_id is None:
        return None
    if event.parent_session_id == event.session_id:
        return None
    return cast("SessionContext | None", state.contexts.get(event.parent_session_id))


def _recall(state: State, rule: AnyRule, member: str) -> Memory | None:
    if rule.memory is None:
        return None
    return state.memory.get(f"{rule.id} {member}") or rule.memory()


def _keep(state: State, rule: AnyRule, member: str, memory: Memory | None) -> None:
    # Most rules remember nothing of most keys, and nothing is what they then cost.
    if memory is not None and memory != type(memory)():
        state.memory[f"{rule.id} {member}"] = memory
