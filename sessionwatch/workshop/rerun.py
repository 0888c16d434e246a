"""`rules rerun`: after an outage, the alerts that the rules would have raised then and that nobody has heard of."""

from __future__ import annotations

from collections.abc import Collection

from detectors.plan import Plan
from schemas.alert import Alert
from schemas.app import Apps
from sessionwatch.errors import CommandError
from sessionwatch.workshop.history import Judgement, Span, read, warm_up_us
from store.reader import Reader

MAX_RAISED = 10_000
"""Alerts raised at once, all of them in one transaction; more than that nobody would read."""


def missed(reader: Reader, plan: Plan, apps: Apps, span: Span, rules: Collection[str] | None = None) -> list[Alert]:
    """Return the alerts of a span that are not stored, the earliest first.

    Args:
        reader: of the store.
        plan: the rules as they are now, all of them: some are made of what others find, and what a session under
            suspicion does teaches no baseline.
        apps: what is declared.
        span: in which an alert was completed.
        rules: ids of those whose alerts are wanted; None = of all.

    Raises:
        CommandError: there are too many to raise at once.
    """
    judgement = Judgement(plan, apps)
    for chunk in read(reader.replay_since, span, warm_up_us(plan, apps)):
        judgement.judge(judgement.judge(chunk))
    alerts = judgement.alerts(span)
    found = {key: alert for key, alert in alerts.items() if rules is None or alert.rule_id in rules}
    stored = reader.stored_alerts(found)
    news = [alert for key, alert in found.items() if key not in stored]
    if len(news) > MAX_RAISED:
        raise CommandError(
            f"{len(news)} alerts were missed: name a shorter span, at most {MAX_RAISED} are raised at once"
        )
    return sorted(news, key=lambda alert: (alert.event_time_us, alert.alert_id))
