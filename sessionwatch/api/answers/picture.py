"""A session as an aggregate that a picture of 1,500 marks can show.

Every event is a mark where there are few; else validates are gathered in bins, and where even that is too much,
every type is. Bins double until all fits.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import msgspec

from schemas.api import (
    PictureAlert,
    PictureLane,
    PictureMark,
    PictureRevocation,
    PictureSpan,
    SessionPicture,
)
from schemas.instant import DAY, MINUTE, SECOND, to_datetime
from sessionwatch.api.answers.sessions import alerts_of_session, revocations_of_session
from sessionwatch.api.answers.span import session_span
from sessionwatch.api.asker import Asker
from store.rows import AlertRecord
from store.session_facts import Bin, Lane, Scope

MOST_MARKS, MOST_SPANS, MOST_ALERTS, MOST_REVOCATIONS, MOST_LANES = 900, 350, 150, 100, 40
"""Together 1,500 with the marks on top; 40 lanes are more than a screen shows."""
SINGLE_MARKS = 600
"""Up to so many events each is a mark of its own."""
GAP_US = 5 * MINUTE
"""A lane is in use as long as no gap is as long."""
BASELINE_US = 90 * DAY
_FINEST = 512
"""Bins of the first try over the whole width: about one for every second pixel."""
_MOST_ROWS = 20_000


def session_picture(asker: Asker, app: str, session_id: str, between: tuple[int | None, int | None]) -> SessionPicture:
    """Return what a picture of a session can show.

    Args:
        asker: who asks.
        app, session_id: whose.
        between: event times of a zoom, microseconds since the epoch; None = the session's own.

    Raises:
        Refusal: 404, there is no such session that this asker may see.
    """
    span = session_span(asker, app, session_id)
    since_us = span.first_us if between[0] is None else min(max(between[0], span.first_us), span.last_us)
    until_us = span.end_us if between[1] is None else max(min(between[1], span.end_us), since_us + 1)
    scope = Scope(apps=[app], session_id=session_id, since_us=since_us, until_us=until_us)
    lanes = sorted(asker.reader.lanes(scope, MOST_LANES), key=lambda lane: (lane.first_us, lane.key[0] or ""))
    numbers = {lane.key: number for number, lane in enumerate(lanes)}
    found = asker.reader.session_span(app, session_id, since_us, until_us)
    events = found.events if found else 0
    bins, bin_us = _binned(asker, scope, events, numbers)
    return SessionPicture(
        app=app,
        session_id=session_id,
        since=to_datetime(since_us),
        until=to_datetime(until_us),
        bin_s=bin_us / SECOND,
        events=events,
        dropped=events - sum(one.events for one in bins),
        lanes=_lanes(asker, app, session_id, span.user_id, lanes, span.first_us),
        marks=[_mark(one, numbers[one.key]) for one in bins],
        spans=_spans(bins, numbers),
        alerts=[_alert(asker, record) for record in alerts_of_session(asker, app, session_id)[:MOST_ALERTS]],
        revocations=[
            PictureRevocation(
                revocation_id=one.revocation_id,
                scope=one.scope,
                state=one.state,
                times={state: to_datetime(at_us) for state, at_us in one.times.items()},
            )
            for one in revocations_of_session(asker, app, session_id, span.user_id)[:MOST_REVOCATIONS]
        ],
    )


def _binned(
    asker: Asker, scope: Scope, events: int, numbers: dict[tuple[str | None, ...], int]
) -> tuple[list[Bin], int]:
    """Return at most `MOST_MARKS` bins, and their width in microseconds; 0 where each event is one."""
    if events <= SINGLE_MARKS:
        # One microsecond: what happened at the same instant, in the same lane, is one mark.
        return _kept(asker.reader.bins(scope, 1, bin_all=False, limit=_MOST_ROWS), numbers), 0
    bin_us = max(SECOND, -(-(scope.until_us - scope.since_us) // _FINEST))
    bins = _kept(asker.reader.bins(scope, bin_us, bin_all=False, limit=_MOST_ROWS), numbers)
    if sum(one.type != "validate" for one in bins) > MOST_MARKS // 2:
        bins = _kept(asker.reader.bins(scope, bin_us, bin_all=True, limit=_MOST_ROWS), numbers)
    while len(bins) > MOST_MARKS and bin_us < scope.until_us - scope.since_us:
        bin_us *= 2
        bins = _coarser(bins, scope.since_us, bin_us)
    if len(bins) > MOST_MARKS:
        busiest = sorted(bins, key=lambda one: one.events, reverse=True)[:MOST_MARKS]
        bins = sorted(busiest, key=lambda one: one.first_us)
    return bins, bin_us


def _kept(bins: list[Bin], numbers: dict[tuple[str | None, ...], int]) -> list[Bin]:
    return [one for one in bins if one.key in numbers]


def _coarser(bins: list[Bin], since_us: int, bin_us: int) -> list[Bin]:
    """Return bins of a greater width; what is no validate stays apart as long as validates alone can give way."""
    validates_only = sum(one.type == "validate" for one in bins) > MOST_MARKS // 4
    groups: dict[tuple[object, ...], list[Bin]] = defaultdict(list)
    for one in bins:
        alone = validates_only and one.type != "validate"
        place = one.first_us if alone else (one.first_us - since_us) // bin_us
        groups[one.key, one.type, one.reason, place].append(one)
    merged = [
        msgspec.structs.replace(
            group[0],
            last_us=max(one.last_us for one in group),
            count=sum(one.count for one in group),
            events=sum(one.events for one in group),
        )
        for group in groups.values()
    ]
    return sorted(merged, key=lambda one: one.first_us)


def _mark(one: Bin, lane: int) -> PictureMark:
    return PictureMark(
        lane=lane,
        time=to_datetime(one.first_us),
        end=to_datetime(one.last_us),
        type=one.type,  # type: ignore[arg-type]  # the store holds none but the event types
        reason=one.reason,
        count=one.count,
        events=one.events,
        event_id=one.event_id,
    )


def _spans(bins: Iterable[Bin], numbers: dict[tuple[str | None, ...], int]) -> list[PictureSpan]:
    """Return when each lane was in use; shorter gaps close first where there are too many spans."""
    spans: list[tuple[int, int, int]] = []
    gap_us = GAP_US
    bins = list(bins)
    while True:
        spans = _spans_with(bins, numbers, gap_us)
        if len(spans) <= MOST_SPANS:
            break
        gap_us *= 2
    return [PictureSpan(lane=lane, start=to_datetime(start), end=to_datetime(end)) for lane, start, end in spans]


def _spans_with(bins: list[Bin], numbers: dict[tuple[str | None, ...], int], gap_us: int) -> list[tuple[int, int, int]]:
    current: dict[int, tuple[int, int]] = {}
    spans = []
    for one in bins:
        lane = numbers[one.key]
        start_us, end_us = current.get(lane, (one.first_us, one.first_us))
        if one.first_us - end_us >= gap_us:
            spans.append((lane, start_us, end_us))
            start_us = one.first_us
        current[lane] = (start_us, max(end_us, one.last_us))
    spans += [(lane, start_us, end_us) for lane, (start_us, end_us) in current.items()]
    return sorted((lane, start_us, end_us) for lane, start_us, end_us in spans if end_us > start_us)


def _lanes(
    asker: Asker, app: str, session_id: str, user_id: str | None, lanes: list[Lane], first_us: int
) -> list[PictureLane]:
    networks, devices = _baseline(asker, app, session_id, user_id, lanes, first_us)
    return [
        PictureLane(
            lane=number,
            network=lane.network,
            country=lane.country,
            asn=lane.asn,
            network_type=lane.network_type,
            device_id=lane.device_id,
            agent_family=lane.agent_family,
            agent_os=lane.agent_os,
            device_class=lane.device_class,
            first=to_datetime(lane.first_us),
            last=to_datetime(lane.last_us),
            events=lane.events,
            known=lane.network in networks or lane.device in devices,
        )
        for number, lane in enumerate(lanes)
    ]


def _baseline(
    asker: Asker, app: str, session_id: str, user_id: str | None, lanes: list[Lane], first_us: int
) -> tuple[frozenset[str], frozenset[tuple[str | None, str | None, str | None, str | None]]]:
    """Return the networks and devices that the user had before the session."""
    if user_id is None:
        return frozenset(), frozenset()
    realm = asker.installation.apps.realm_of(app)
    apps = asker.principal.visible(asker.installation.apps_of(realm)) or [app]
    scope = Scope(apps=apps, user_id=user_id, since_us=first_us - BASELINE_US, until_us=first_us)
    return asker.reader.seen_before(scope, session_id, [lane.network for lane in lanes if lane.network is not None])


def _alert(asker: Asker, record: AlertRecord) -> PictureAlert:
    alert = record.alert
    return PictureAlert(
        alert_id=alert.alert_id,
        rule_id=alert.rule_id,
        title=asker.installation.title(alert.rule_id),
        severity=alert.severity,
        status=alert.status,
        time=to_datetime(alert.event_time_us),
        summary=alert.summary,
        event_ids=[item.event_id for item in alert.evidence],
    )
