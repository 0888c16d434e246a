"""Apps: what one declares, and how it keeps to it."""

from __future__ import annotations

from datetime import datetime

from schemas.alert import Severity
from schemas.api.shapes import Answer


class TimeToRevokeView(Answer):
    """How long the app's revocations took, from the request to the proof that the session is gone.

    Attributes:
        sent: revocations of sessions and users that were sent to it.
        confirmed: proven.
        missed: failed, or without effect; each counts as infinitely long.
        unproven: neither yet, and left out of the figures: absence of use proves nothing.
        median_s, p99_s: seconds, over the confirmed and the missed; null where nothing was measured, or it is infinite.
    """

    sent: int
    confirmed: int
    missed: int
    unproven: int
    median_s: float | None
    p99_s: float | None


class AppReport(Answer):
    """What a rule has reported about the app as a whole, and the newest of its reports."""

    rule_id: str
    title: str
    severity: Severity
    reports: int
    last: datetime
    summary: str
    alert_id: str


class AppPolicyAudit(Answer):
    """An app's declared session policy, and how it keeps to it.

    Attributes:
        declared: it stands in the configuration; what does not is never acted on.
        policy: what it declares, durations in seconds; null = not declared, so not judged.
        since: as far back as is looked.
        reports: the most severe first.
    """

    app: str
    declared: bool
    policy: dict[str, str | float | bool | None]
    since: datetime
    time_to_revoke: TimeToRevokeView
    reports: list[AppReport]
