"""An app's policy audit: what it declares, and how it keeps to it."""

from __future__ import annotations

import math

from schemas.alert import Severity
from schemas.api import AppPolicyAudit, AppReport, TimeToRevokeView
from schemas.app import AppPolicy
from schemas.instant import DAY, SECOND, to_datetime
from sessionwatch.api.asker import Asker
from sessionwatch.api.problem import not_found
from store.app_audit import TimeToRevoke

AUDITED_US = 30 * DAY


def app_policy_audit(asker: Asker, app: str) -> AppPolicyAudit:
    """Return an app's policy audit of the last 30 days.

    Raises:
        Refusal: 404, the app may not be seen.
    """
    if not asker.sees(app):
        raise not_found("app")
    since_us = asker.now_us() - AUDITED_US
    policy, rules = asker.installation.apps[app], asker.installation.settings.rule_classes
    return AppPolicyAudit(
        app=app,
        declared=policy.declared,
        policy=_declared(policy),
        since=to_datetime(since_us),
        time_to_revoke=_time_to_revoke(asker.reader.time_to_revoke(app, since_us)),
        reports=[
            AppReport(
                rule_id=one.rule_id,
                title=rules[one.rule_id].title if one.rule_id in rules else one.rule_id,
                severity=Severity(one.severity),
                reports=one.reports,
                last=to_datetime(one.last_us),
                summary=one.summary,
                alert_id=one.alert_id,
            )
            for one in asker.reader.reported_about(app, since_us)
        ],
    )


def _declared(policy: AppPolicy) -> dict[str, str | float | bool | None]:
    def seconds(duration_us: int | None) -> float | None:
        return None if duration_us is None else duration_us / SECOND

    return {
        "kind": policy.kind,
        "realm": policy.realm or policy.name,
        "idle_timeout_s": seconds(policy.idle_timeout_us),
        "absolute_timeout_s": seconds(policy.absolute_timeout_us),
        "max_sessions": policy.max_sessions,
        "rotates_on_login": policy.rotates_on_login,
        "revoke_grace_s": seconds(policy.revoke_grace_us),
        "clock_skew_s": seconds(policy.clock_skew_us),
        "signed": bool(policy.signing_keys),
    }


def _time_to_revoke(found: TimeToRevoke) -> TimeToRevokeView:
    return TimeToRevokeView(
        sent=found.sent,
        confirmed=found.confirmed,
        missed=found.missed,
        unproven=found.sent - found.confirmed - found.missed,
        median_s=_finite(found.median_us),
        p99_s=_finite(found.p99_us),
    )


def _finite(duration_us: float | None) -> float | None:
    return None if duration_us is None or math.isinf(duration_us) else duration_us / SECOND
