"""What the detectors must know of a batch's outcome: sessions that may not be their user's, people's verdicts, and
alerts that no rule of theirs has raised.
"""

from __future__ import annotations

from collections.abc import Iterable

from detectors.provider import PROVIDER
from detectors.provider.facts import facts_of
from schemas.alert import AlertChange, Severity
from schemas.signal import Signal
from store.rows import TriageRow


def flags(changes: Iterable[AlertChange]) -> list[Signal]:
    """Return a signal for every session that an alert of high or critical severity is about.

    Alerts about users are left out: they say that a place is new, and it must become ordinary in the end. They are
    no part of the batch that led to them but follow it, in judging as in the store.

    Args:
        changes: how the alerts of a batch changed.
    """
    return [
        Signal(
            signal_id=f"flagged:{change.alert.alert_id}:{change.alert.severity}",
            # Event time, as the user's own events: a signal of now would make a backlog late.
            time_us=change.alert.event_time_us,
            kind="session_flagged",
            app=change.alert.app,
            session_id=change.alert.session_id,
            user_id=change.alert.user_id,
            payload={"alert_id": change.alert.alert_id},
        )
        for change in changes
        if change.kind in ("raised", "escalated") and _tells(change)
    ]


def verdicts(triage: Iterable[TriageRow]) -> list[Signal]:
    """Return what people said of alerts as signals; an empty verdict takes one back.

    Args:
        triage: of a batch, in the order in which it was decided.
    """
    return [
        Signal(
            signal_id=f"verdict:{row.alert_id}:{row.at_us}",
            time_us=row.at_us or 0,
            kind="verdict",
            app=row.app,
            payload={"alert_id": row.alert_id, "verdict": row.verdict or ""},
        )
        for row in triage
    ]


def statements(changes: Iterable[AlertChange]) -> list[Signal]:
    """Return a signal for every alert that an identity provider's word has led to.

    Args:
        changes: how the alerts of a batch changed.
    """
    return [
        Signal(
            signal_id=f"idp_alert:{change.alert.alert_id}",
            # Event time, as for flags.
            time_us=change.alert.event_time_us,
            kind="idp_alert",
            app=change.alert.app,
            user_id=change.alert.user_id,
            payload=facts_of(change.alert),
        )
        for change in changes
        if change.alert.rule_id in PROVIDER and change.kind == "raised"
    ]


def _tells(change: AlertChange) -> bool:
    alert = change.alert
    named = alert.key_kind == "session" and alert.session_id is not None and alert.user_id is not None
    told = alert.mode != "shadow" and alert.suppressed_by is None
    return named and told and alert.severity.rank >= Severity.HIGH.rank
