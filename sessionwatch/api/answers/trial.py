"""A policy tried on the stored alerts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from response.policy import Policy
from response.trial import Reach, Trial, TriedAct, TriedDay
from schemas.alert import Alert
from schemas.api import PolicyTrial, TrialAct, TrialDay
from schemas.instant import DAY, to_datetime
from sessionwatch.api.asker import Asker
from sessionwatch.api.problem import Refusal
from sessionwatch.config.parts import guard_limits, response_lines
from sessionwatch.config.policy_file import check_policy
from sessionwatch.errors import ConfigurationError
from store.reader import Reader

MOST_ALERTS = 50_000
"""Alerts that are looked at, the newest: a minute of a pipeline's reading."""
_AT_ONCE = 1_000


def policy_trial(asker: Asker, table: Mapping[str, Any], since_us: int, reach: Reach) -> PolicyTrial:
    """Return what a policy would have done since an instant; nothing is changed.

    Args:
        asker: who asks, for all apps.
        table: a `[response]` table without targets.
        since_us: microseconds since the epoch.
        reach: what the targets in force can do.

    Raises:
        Refusal: 422, the table is not as the configuration wants it.
    """
    installation = asker.installation
    settings = installation.settings
    try:
        response = check_policy(table, settings.apps, settings.rule_classes)
    except ConfigurationError as error:
        raise Refusal(422, "; ".join(str(error).splitlines())) from None
    past = _Past(asker.reader)
    alerts = _alerts(asker.reader, since_us)
    trial = Trial(
        Policy(response_lines(response), installation.apps), guard_limits(response), past, installation.apps, reach
    )
    days = trial.run(alerts)
    return PolicyTrial(
        since=to_datetime(since_us),
        alerts=len(alerts),
        complete=len(alerts) < MOST_ALERTS,
        days=[_day(day) for day in days],
        acts=[_act(act) for act in trial.acts],
    )


class _Past:
    """The store as of an instant, for the guard and for the count of what would end."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.hourly_live_counts = reader.hourly_live_counts
        self.live_sessions = reader.live_sessions_at
        self.live_of_user_at = reader.live_of_user_at
        self.live_from_at = reader.live_from_at

    def accepted_among(self, app: str, events: Iterable[tuple[str, int]]) -> list[tuple[str, str | None]]:
        """Return session and user of those of these events that are successes."""
        return self._reader.accepted_among(app, events)


def _alerts(reader: Reader, since_us: int) -> list[Alert]:
    """Return the alerts that stand, in the order of their event times."""
    found: list[Alert] = []
    after: tuple[int, str] | None = None
    while len(found) < MOST_ALERTS:
        page = reader.alerts(since=since_us, after=after, limit=_AT_ONCE)
        found += page
        if len(page) < _AT_ONCE:
            break
        after = (page[-1].event_time_us, page[-1].alert_id)
    return [alert for alert in reversed(found) if alert.status != "withdrawn" and alert.suppressed_by is None]


def _day(day: TriedDay) -> TrialDay:
    return TrialDay(
        day=to_datetime(day.day * DAY).date(),
        alerts=day.alerts,
        told=day.told,
        sessions=day.sessions,
        done=dict(day.done),
        held=dict(day.held),
        withheld=dict(day.withheld),
        why=dict(day.why.most_common()),
    )


def _act(act: TriedAct) -> TrialAct:
    return TrialAct(
        at=to_datetime(act.at_us),
        alert_id=act.alert_id,
        rule_id=act.rule_id,
        app=act.app,
        line=act.line,
        act=act.act,
        outcome=act.outcome,
        why=act.why,
        sessions=act.sessions,
    )
