"""Fire drills: a signed id to begin with, what it has led to, and the alert that it was missed."""

from __future__ import annotations

from collections.abc import Callable

from response.app_alert import app_alert
from response.commands import Note, RaiseNotice
from schemas.alert import Severity
from schemas.api import DrillAlert, DrillBegun, DrillRequest, DrillView, MissedDrill, MissedDrillAlert
from schemas.drill import LONGEST_US, RESERVED_PREFIX, DrillKey, read_drill
from schemas.instant import MINUTE, to_datetime
from sessionwatch.api.answers.rows import newest_by_session, revocation_brief
from sessionwatch.api.asker import Asker
from sessionwatch.api.problem import Refusal, not_found
from store.rows import DrillRecord

RULE_ID = "drill-missed"
COUNTS_US = 10 * MINUTE
"""How long a new id counts: long enough to send its events, microseconds."""

_DEEDS = {"detected": "detected", "told": "told to anybody", "revoked": "answered by a revocation"}

Act = Callable[[object], object]


def begin_drill(asker: Asker, wanted: DrillRequest, key: DrillKey, act: Act) -> DrillBegun:
    """Return a signed drill id, which stands in the audit log.

    Args:
        asker: who asks.
        wanted: which drill.
        key: the installation's.
        act: has a command applied by the writer.

    Raises:
        Refusal: 403, it is about somebody who is no reserved user, and no admin asks.
    """
    reserved = wanted.user_id.startswith(RESERVED_PREFIX)
    if not reserved and not (wanted.admin_named and asker.principal.may("admin")):
        raise Refusal(403, f"drills are about users whose id begins with {RESERVED_PREFIX}; an admin may name another")
    until_us = asker.now_us() + COUNTS_US
    named = None if reserved else wanted.user_id
    drill = key.sign(wanted.attack, wanted.app, until_us, named_user=named, revokes=wanted.revoke)
    why = f"{wanted.attack} on {'a reserved user' if reserved else 'a user whom an admin named'}"
    act(Note("drill begun", drill, asker.principal.name, why, wanted.app))
    return DrillBegun(drill=drill, until=to_datetime(until_us))


def drill_view(asker: Asker, drill: str) -> DrillView:
    """Return what a drill has led to so far, in the apps that the asker sees.

    Raises:
        Refusal: 404, it is no drill id.
    """
    known = read_drill(drill)
    if known is None:
        raise not_found("drill")
    found = asker.reader.drill_alerts(drill, known.until_us - LONGEST_US)
    records = [record for record in found if asker.sees(record.alert.app)]
    alerts = [_drill_alert(asker, record) for record in records]
    return DrillView(drill=drill, alerts=alerts, chats=len(asker.installation.settings.chat))


def tell_missed_drill(asker: Asker, wanted: MissedDrill, act: Act) -> MissedDrillAlert:
    """Raise the alert that a drill was missed: high, about the app, and told as any other.

    Raises:
        Refusal: 404, it is no drill id.
    """
    if read_drill(wanted.drill) is None:
        raise not_found("drill")
    now_us = asker.now_us()
    deeds = " and not ".join(_DEEDS[deed] for deed in wanted.missed)
    summary = f"The drill {wanted.attack} was not {deeds} within {wanted.within_s:g} s"
    alert = app_alert(RULE_ID, wanted.app, wanted.drill, Severity.HIGH, summary, now_us)
    alert.user_id = wanted.user_id
    act(RaiseNotice(alert, asker.principal.name))
    return MissedDrillAlert(alert_id=alert.alert_id)


def _drill_alert(asker: Asker, record: DrillRecord) -> DrillAlert:
    alert = record.alert
    tellings = asker.reader.tellings(alert.alert_id)
    told = [finished_us for state, finished_us in tellings if state == "delivered" and finished_us is not None]
    revocations = [] if alert.session_id is None else asker.reader.revocations_of([alert.session_id])
    newest = newest_by_session(revocations).get((alert.app, alert.session_id or ""))
    return DrillAlert(
        alert_id=alert.alert_id,
        rule_id=alert.rule_id,
        severity=alert.severity,
        status=alert.status,
        mode=alert.mode,
        opened=to_datetime(record.stored_us),
        told=to_datetime(min(told)) if told else None,
        telling=sum(state == "pending" for state, _ in tellings),
        revocation=None if newest is None else revocation_brief(newest),
    )
