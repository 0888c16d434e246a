"""The past judged again by the rules of today, and what was missed raised through the one writer."""

from __future__ import annotations

from collections.abc import Callable

from response.commands import RaiseLate
from schemas.alert import Alert
from schemas.api.reruns import MissedAlert, Rerun, RerunRequest
from schemas.instant import parse_rfc3339, to_datetime
from sessionwatch.api.asker import Asker
from sessionwatch.api.problem import Refusal
from sessionwatch.config.parts import check_rules, declared_apps, rule_plan
from sessionwatch.errors import SessionwatchError
from sessionwatch.workshop.history import Span
from sessionwatch.workshop.rerun import missed


def rerun(asker: Asker, wanted: RerunRequest, act: Callable[[object], object]) -> Rerun:
    """Raise what was missed in a span.

    Args:
        asker: who asks.
        wanted: the span, the rules and why.
        act: has a command applied by the writer.

    Raises:
        Refusal: 422, the span is none, a rule is unknown, or too much was missed.
    """
    span = Span(parse_rfc3339(wanted.since), parse_rfc3339(wanted.until))
    if span.until_us <= span.since_us:
        raise Refusal(422, "the span ends before it begins")
    settings = asker.installation.settings
    try:
        check_rules(settings, wanted.rules or ())
        found = missed(asker.reader, rule_plan(settings), declared_apps(settings), span, wanted.rules)
    except SessionwatchError as error:
        raise Refusal(422, str(error)) from None
    if found:
        act(RaiseLate(tuple(found), asker.principal.name, wanted.reason))
    return Rerun(raised=[_missed(alert) for alert in found])


def _missed(alert: Alert) -> MissedAlert:
    return MissedAlert(
        alert_id=alert.alert_id,
        rule_id=alert.rule_id,
        severity=alert.severity,
        app=alert.app,
        event_time=to_datetime(alert.event_time_us),
        summary=alert.summary,
    )
