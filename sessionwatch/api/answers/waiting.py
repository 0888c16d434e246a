"""What the response waits for, and what bounds it: budgets, step-ups under way, people on call."""

from __future__ import annotations

from response.guard import Guard, Wanted
from response.on_call import OnCallStep
from response.pause import pause_reason
from response.policy import Policy
from response.trial import Reach
from schemas.api import (
    BudgetView,
    GuardBudgets,
    OnCallAlert,
    OnCallStepView,
    OnCallView,
    OpenStepUp,
    OpenStepUps,
)
from schemas.instant import DAY, SECOND, to_datetime
from sessionwatch.api.answers.alerts import alert_rows
from sessionwatch.api.asker import Asker
from sessionwatch.api.budgets import Budgets
from sessionwatch.config.parts import policy_lines
from store.rows import AlertRecord, StepUpRow

MOST_ALERTS = 100


def guard_budgets(asker: Asker, budgets: Budgets) -> GuardBudgets:
    """Return what is used of the guard's budgets; of all apps together only to those who may see all."""
    counted, principal, limits = budgets.at(asker.now_us(), asker.reader), asker.principal, budgets.limits
    seen = [one for one in counted.budgets if (principal.apps is None if one.app is None else asker.sees(one.app))]
    return GuardBudgets(
        counted=to_datetime(counted.at_us),
        items=[
            BudgetView.model_validate(
                {"name": one.name, "app": one.app, "used": one.used, "limit": one.limit, "live": one.live}
            )
            for one in seen
        ],
        protected_users=len(limits.protected_users),
        privileged_users=len(limits.privileged_users),
    )


def open_step_ups(asker: Asker, budgets: Budgets, reach: Reach) -> OpenStepUps:
    """Return the step-ups that wait for their users, and what follows where no answer comes."""
    rows = [row for row in asker.reader.open_step_ups() if asker.sees(row.app)]
    held = _held_then(asker, rows, budgets, reach)
    return OpenStepUps(
        items=[
            OpenStepUp.model_validate(
                {
                    "step_up_id": row.step_up_id,
                    "app": row.app,
                    "session_id": row.session_id,
                    "user_id": row.user_id,
                    "alert_id": row.alert_id,
                    "rule_id": row.rule_id,
                    "title": asker.installation.title(row.rule_id),
                    "state": row.state,
                    "asked": to_datetime(row.asked_us),
                    "due": to_datetime(row.due_us),
                    "held_because": held.get(row.step_up_id),
                }
            )
            for row in rows
        ]
    )


def _held_then(asker: Asker, rows: list[StepUpRow], budgets: Budgets, reach: Reach) -> dict[str, str]:
    """Return by step-up why a person would have to end its session, for those of which that is so."""
    guard = Guard(asker.reader, asker.installation.apps, budgets.limits)
    guard.paused = pause_reason(asker.reader)
    alerts = asker.reader.alert_records_of({row.alert_id for row in rows}) if rows else {}
    held = {}
    for row in rows:
        record = alerts.get(row.alert_id)
        if record is None:
            continue
        alert = record.alert
        networks = tuple(name for name in (alert.ip, alert.network) if name is not None)
        wanted = Wanted(row.app, row.rule_id, alert.severity, row.user_id, networks=networks)
        nobody = "" if reach(row.app, "session") else f"no target for app {row.app} ends a session"
        why = nobody or guard.forbids(wanted, asker.now_us())
        if why:
            held[row.step_up_id] = why
    return held


def on_call(asker: Asker) -> OnCallView:
    """Return who is told when nobody answers, and the alerts that nobody has answered."""
    steps = sorted((step.step() for step in asker.installation.settings.on_call), key=lambda step: step.after_us)
    waiting = _unanswered(asker, steps) if steps else []
    rows = alert_rows(asker, waiting)
    return OnCallView(
        steps=[
            OnCallStepView(
                after_s=step.after_us / SECOND,
                chats=sorted(step.chats),
                severities=sorted(step.severities, key=lambda severity: -severity.rank),
            )
            for step in steps
        ],
        items=[
            _waiting(row.model_dump(), record, steps, asker.now_us()) for row, record in zip(rows, waiting, strict=True)
        ],
    )


def _unanswered(asker: Asker, steps: list[OnCallStep]) -> list[AlertRecord]:
    """Return the alerts that people were told of and that nobody has answered, as the pipeline waits for them."""
    now_us = asker.now_us()
    severities = frozenset().union(*(step.severities for step in steps))
    policy = Policy(policy_lines(asker.installation.settings), asker.installation.apps)
    found = [
        record
        for record in asker.reader.unanswered_alerts(now_us - steps[-1].after_us - DAY, severities)
        if asker.sees(record.alert.app)
        and record.alert.mode != "shadow"
        and "notify" in policy.decide(record.alert, now_us).actions
    ]
    return sorted(found, key=lambda record: (-record.alert.severity.rank, record.stored_us))[:MOST_ALERTS]


def _waiting(row: dict[str, object], record: AlertRecord, steps: list[OnCallStep], now_us: int) -> OnCallAlert:
    own = [step for step in steps if record.alert.severity in step.severities]
    ahead = [step for step in own if record.stored_us + step.after_us > now_us]
    return OnCallAlert.model_validate(
        {
            "alert": row,
            "told": len(own) - len(ahead),
            "next": to_datetime(record.stored_us + ahead[0].after_us) if ahead else None,
            "chats": sorted(ahead[0].chats) if ahead else [],
        }
    )
