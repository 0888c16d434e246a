"""Can the rest be trusted? Lag, rates, refused messages, what waits to leave."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.api import (
    DeadLetterFacts,
    DeadLetterPage,
    DeadLetterRow,
    LaneFacts,
    RevocationFacts,
    SystemView,
)
from schemas.instant import DAY, HOUR, MINUTE, SECOND, to_datetime
from sessionwatch import __version__
from sessionwatch.api.answers.outbox import paused_view
from sessionwatch.api.asker import Asker
from sessionwatch.api.cursor import from_cursor, to_cursor
from sessionwatch.api.pulse import Beat

BEHIND_US = MINUTE
"""Committed data that is older, while records wait, is stale: nothing can be said about now."""


def system_view(asker: Asker, beat: Beat, open_breakers: Mapping[str, int]) -> SystemView:
    """Return how the pipeline is doing.

    Args:
        asker: who asks; one that is limited to apps is told nothing that is counted over all of them.
        beat: the pipeline's own view.
        open_breakers: by lane, when its next probe is made, microseconds since the epoch.
    """
    reader, principal, now_us = asker.reader, asker.principal, beat.now_us
    standing = reader.standing(now_us - DAY, now_us - MINUTE, principal.visible())
    lag_us = max(0, now_us - beat.newest_event_us) if beat.behind and beat.newest_event_us else 0
    problems = list(beat.problems)
    if lag_us > BEHIND_US:
        problems.append(f"{beat.behind} records wait to be read, the newest event read is {lag_us // SECOND} s old")
    p95_us = standing.confirm_p95_us
    whole = principal.apps is None
    return SystemView(
        now=to_datetime(now_us),
        version=__version__,
        live=not problems,
        problems=problems,
        started=to_datetime(beat.started_us),
        newest_event=None if beat.newest_event_us is None else to_datetime(beat.newest_event_us),
        newest_arrival=None if beat.newest_arrival_us is None else to_datetime(beat.newest_arrival_us),
        behind_records=beat.behind,
        lag_s=lag_us / SECOND,
        events_per_s=round(beat.events_per_s, 3),
        dry_run=asker.installation.settings.response.dry_run,
        paused=paused_view(asker),
        apps=[name for name in asker.installation.settings.apps if principal.sees(name)],
        alerts_open=reader.alert_facts(principal.visible()).open,
        revocations=RevocationFacts(
            held=standing.held,
            failed=standing.failed,
            unproven=standing.unproven,
            confirm_p95_s=None if p95_us is None else p95_us / SECOND,
        ),
        dead_letters=_refused(asker) if whole else None,
        outbox=_lanes(asker, open_breakers) if whole else None,
        rows=reader.counts() if whole else {},
    )


def dead_letter_page(
    asker: Asker, reason: str | None, since_us: int | None, cursor: str | None, limit: int
) -> DeadLetterPage:
    """Return a page of refused messages, the last to arrive first; their content goes to admins alone.

    Args:
        asker: who asks.
        reason: only those refused for it; None = all.
        since_us: earliest arrival, microseconds since the epoch; None = all.
        cursor: where the page before ended.
        limit: most rows.

    Raises:
        Refusal: the cursor is none of this list.
    """
    for_admin = asker.principal.may("admin")
    letters = asker.reader.refused_page(
        reason=reason,
        since_us=since_us or 0,
        after=from_cursor(cursor, tuple[int, str, int, int]),
        with_content=for_admin,
        limit=limit + 1,
    )
    shown = letters[:limit]
    following = None
    if len(letters) > limit:
        last = shown[-1]
        following = to_cursor((last.arrival_us, last.topic, last.partition, last.offset))
    return DeadLetterPage(
        items=[
            DeadLetterRow(
                topic=letter.topic,
                partition=letter.partition,
                offset=letter.offset,
                arrival=to_datetime(letter.arrival_us),
                reason=letter.reason,
                detail=letter.detail,
                length=letter.length,
                sha256=letter.sha256,
                content=letter.content.decode("utf-8", "replace") if for_admin else None,
            )
            for letter in shown
        ],
        next=following,
    )


def _refused(asker: Asker) -> DeadLetterFacts:
    refused = asker.reader.refused(asker.now_us() - HOUR)
    return DeadLetterFacts(
        count=sum(one.count for one in refused),
        last_hour=sum(one.last_hour for one in refused),
        oldest=to_datetime(min(one.oldest_us for one in refused)) if refused else None,
        newest=to_datetime(max(one.newest_us for one in refused)) if refused else None,
        by_reason={one.reason: one.count for one in refused},
    )


def _lanes(asker: Asker, open_breakers: Mapping[str, int]) -> list[LaneFacts]:
    return [
        LaneFacts(
            lane=lane.lane,
            pending=lane.pending,
            parked=lane.parked,
            oldest_pending=None if lane.oldest_pending_us is None else to_datetime(lane.oldest_pending_us),
            last_error=lane.last_error,
            probe=to_datetime(open_breakers[lane.lane]) if lane.lane in open_breakers else None,
        )
        for lane in asker.reader.lanes_standing()
    ]
