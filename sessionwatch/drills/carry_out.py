"""A drill from its beginning to what came of it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from sessionwatch_emitter.signature import HEADER, header_value, sign
from sessionwatch_emitter.transport import Transport

from ingest.decode import decode_event
from sample_logs.simulate.attacks import KINDS
from sample_logs.simulate.drill import drill_events
from schemas.api import DrillRequest, DrillView, Missed, MissedDrill
from sessionwatch.commands.remote import Remote
from sessionwatch.config import Settings
from sessionwatch.drills.outcome import Outcome, asked, happened
from sessionwatch.drills.plan import DrillPlan
from sessionwatch.errors import CommandError

_LOOK_S = 0.2

Outgoing = tuple[bytes | None, bytes, tuple[tuple[str, bytes], ...]]


def carry_out(settings: Settings, remote: Remote, plan: DrillPlan) -> Outcome:
    """Carry a drill out, and wait until all that should happen has happened, or its time is over.

    Args:
        settings: of the deployment: where its Kafka is, and how the app signs.
        remote: its running pipeline.
        plan: which drill.

    Raises:
        CommandError: it cannot begin.
        EmitterError: Kafka does not take its events.
    """
    _check(settings, plan)
    user_id = plan.user_id()
    begun = remote.begin_drill(
        DrillRequest(
            attack=plan.attack, app=plan.app_name, user_id=user_id, revoke=plan.revoke, admin_named=plan.admin_named
        )
    )
    now_us = time.time_ns() // 1_000
    lines = drill_events(KINDS[plan.attack], plan.app_name, user_id, begun.drill, now_us, plan.strength)
    send(settings, plan.app_name, lines)
    view, after_s = _watch(remote, begun.drill, plan)
    return Outcome(plan, begun.drill, user_id, len(lines), view.alerts, view.chats, after_s)


def report(remote: Remote, outcome: Outcome) -> str:
    """Have the pipeline raise an alert that a drill was missed; return the alert's id.

    Raises:
        CommandError: the pipeline did not take it.
    """
    plan = outcome.plan
    missed = MissedDrill(
        drill=outcome.drill, attack=plan.attack, app=plan.app_name, user_id=outcome.user_id, missed=outcome.missed,
        within_s=plan.within_s,
    )  # fmt: skip
    return remote.missed_drill(missed).alert_id


def send(settings: Settings, app: str, lines: Sequence[bytes]) -> None:
    """Produce finished events to the deployment's topic, signed where the app signs.

    Raises:
        EmitterError: Kafka cannot be reached, or does not take them.
    """
    kafka = settings.kafka.producer()
    transport = Transport(kafka.pop("bootstrap_servers"), settings.kafka.events_topic, **kafka)
    try:
        transport.send_all(_outgoing(settings, app, lines))
    finally:
        transport.close()


def _check(settings: Settings, plan: DrillPlan) -> None:
    if plan.app_name not in settings.apps:
        known = ", ".join(settings.apps) or "none"
        raise CommandError(f"the app {plan.app_name} is not declared ({known}): name one by --app")
    if plan.admin_named and KINDS[plan.attack].campaign:
        raise CommandError(f"{plan.attack} is about many users: no admin can name them, leave out --admin-named")


def _watch(remote: Remote, drill: str, plan: DrillPlan) -> tuple[DrillView, dict[Missed, float]]:
    began = time.monotonic()
    after_s: dict[Missed, float] = {}
    while True:
        view = remote.drill(drill)
        seconds = time.monotonic() - began
        # What was seen too late did not happen in time.
        if seconds <= plan.within_s:
            for deed in happened(view, plan):
                after_s.setdefault(deed, seconds)
        if seconds > plan.within_s or not set(asked(plan, view.chats)) - set(after_s):
            return view, after_s
        time.sleep(min(_LOOK_S, max(0.0, plan.within_s - seconds)) or _LOOK_S)


def _outgoing(settings: Settings, app: str, lines: Sequence[bytes]) -> Iterator[Outgoing]:
    keys = settings.apps[app].policy(app).signing_keys
    for line in lines:
        event = decode_event(line)
        subject = event.user_id or event.session_id or event.ip
        record_key = subject.encode() if subject else None
        headers: tuple[tuple[str, bytes], ...] = ()
        if keys:
            key_id, secret = next(iter(keys.items()))
            headers = ((HEADER, header_value(key_id, sign(secret, app, record_key, line))),)
        yield record_key, line, headers
