"""Why an alert led to what it did: which line decides, and what the guard said."""

from __future__ import annotations

from collections.abc import Iterable

from response.policy import Policy
from schemas.api import AlertPolicy, ExplainedLine, StepUpView
from schemas.instant import to_datetime
from schemas.revocation import Revocation
from sessionwatch.api.answers.alerts import visible_alert
from sessionwatch.api.answers.rows import act, revocation_brief
from sessionwatch.api.asker import Asker
from sessionwatch.config.parts import policy_lines
from store.revocation_search import RevocationFilter
from store.rows import AuditLine, StepUpRow

_DECIDED = frozenset({"alert raised", "alert escalated", "alert updated"})
_MOST = 50


def alert_policy(asker: Asker, alert_id: str) -> AlertPolicy:
    """Return why an alert led to what it did: as the policy stands now, and as it was decided then.

    Raises:
        Refusal: 404, there is none that this asker may see.
    """
    record = visible_alert(asker, alert_id)
    alert, reader = record.alert, asker.reader
    revocations = [one for one, _ in reader.revocation_page(RevocationFilter(alert_id=alert_id), limit=_MOST)]
    history = reader.acts([alert_id, *(one.revocation_id for one in revocations)])
    policy = Policy(policy_lines(asker.installation.settings), asker.installation.apps)
    # Hours are matched by the clock of then.
    decided_us = max((line.time_us for line in history if line.act in _DECIDED), default=record.stored_us)
    decision = policy.decide(alert, decided_us)
    return AlertPolicy(
        alert_id=alert_id,
        line=decision.line,
        why=decision.why,
        actions=sorted(decision.actions),
        withheld=decision.withheld,
        lines=[
            ExplainedLine(
                line=number,
                do=list(line.do),
                decides=number == decision.line,
                passed_over=line.passed_over(alert, decided_us) or None,
            )
            for number, line in enumerate(policy.lines, 1)
        ],
        decided=[act(line) for line in history],
        guard=list(_guard_words(revocations, history)),
        revocations=[revocation_brief(one) for one in revocations],
        step_ups=[_step_up(row) for row in reader.step_ups_of(alert_id)],
    )


def _guard_words(revocations: Iterable[Revocation], history: Iterable[AuditLine]) -> Iterable[str]:
    held = {line.subject: line.why for line in history if line.act == "revocation held"}
    for one in revocations:
        what = f"{one.scope} {one.revocation_id}"
        if one.revocation_id in held:
            then = "" if one.state == "held" else f"; now it is {one.state}"
            yield f"{what}: left to a person: {held[one.revocation_id]}{then}"
        elif one.state == "suppressed":
            yield f"{what}: not asked, dry run"
        else:
            yield f"{what}: allowed, {one.sessions} {'session' if one.sessions == 1 else 'sessions'} counted"


def _step_up(row: StepUpRow) -> StepUpView:
    return StepUpView(
        step_up_id=row.step_up_id,
        state=row.state,
        asked=to_datetime(row.asked_us),
        due=to_datetime(row.due_us),
        ended=None if row.ended_us is None else to_datetime(row.ended_us),
        note=row.note,
    )
