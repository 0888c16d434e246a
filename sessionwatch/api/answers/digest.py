"""The lead's digest as it would be mailed now."""

from __future__ import annotations

import math
from datetime import UTC

from response.digest_text import DigestKind, DigestWriter
from response.digests import JUDGED_US, told_until
from schemas.api import DigestView, RaisedCount
from schemas.instant import DAY, SECOND, to_datetime
from sessionwatch.api.asker import Asker
from sessionwatch.digest import digest_hour

_SPAN_US: dict[DigestKind, int] = {"daily": DAY, "weekly": 7 * DAY}


def digest_view(asker: Asker, kind: DigestKind) -> DigestView:
    """Return what a digest would say, from the last one that was mailed until now."""
    settings, reader, now_us = asker.installation.settings, asker.reader, asker.now_us()
    hour = digest_hour(settings, kind)
    told_us = None if hour is None else told_until(reader, kind)
    since_us = now_us - _SPAN_US[kind] if told_us is None else min(told_us, now_us)
    figures = reader.digest_figures(since_us, now_us)
    writer = DigestWriter(settings.digest.texts(), UTC if hour is None else hour.zone, settings.dashboard.public_url)
    text = writer.write(kind, figures, reader.rule_facts(since_us, now_us - JUDGED_US))
    return DigestView(
        kind=kind,
        since=to_datetime(since_us),
        until=to_datetime(now_us),
        title=text.title,
        text=text.body,
        quiet=figures.is_quiet,
        to_decide=figures.to_decide,
        raised=[RaisedCount(rule_id=rule, severity=severity, count=count) for rule, severity, count in figures.raised],
        decided=figures.decided.count,
        median_to_decide_s=_seconds(figures.decided.median_us),
        sent=figures.revoked.sent,
        confirmed=figures.revoked.confirmed,
        missed=figures.revoked.missed,
        median_to_confirm_s=_seconds(figures.revoked.median_us),
        p99_to_confirm_s=_seconds(figures.revoked.p99_us),
        parked=sum(count for _, count, _ in figures.parked),
    )


def _seconds(duration_us: float | None) -> float | None:
    return None if duration_us is None or math.isinf(duration_us) else duration_us / SECOND
