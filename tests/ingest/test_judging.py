"""A batch that holds the end of a day: what is said of a session that day is known before the day is ordinary."""

from __future__ import annotations

from collections.abc import Sequence

from detectors.findings.stage import Detection
from detectors.plan import Plan
from detectors.remembered import RememberedDays, inform
from ingest.judging import by_day, judge
from schemas.alert import Alert
from schemas.event import Event
from schemas.instant import DAY, SECOND
from schemas.signal import Signal
from tests.detectors.story import (
    CURL,
    FIREFOX,
    NEW_YORK,
    START_US,
    days_of,
    default_apps,
    login,
    new_detection,
    use,
)

MIDNIGHT = (DAY - START_US % DAY) // SECOND
BEFORE = [
    *days_of("alice", 30),
    login("alice", at=0),
    use("alice", at=MIDNIGHT - 600, ip=NEW_YORK, agent=CURL),
]
THEIRS = login("alice", at=MIDNIGHT + 1200, ip=NEW_YORK, agent=CURL, session="theirs")


def stage(stream: Sequence[Event | Signal]) -> Detection:
    detection = new_detection(Plan(only=["session-hijack", "new-country"]), default_apps())
    inform(detection.engine, stream, RememberedDays())
    return detection


def countries(alerts: Sequence[Alert]) -> list[str | None]:
    return [alert.session_id for alert in alerts if alert.rule_id == "new-country"]


def test_a_stolen_session_teaches_nothing_though_its_day_ends_in_the_same_batch() -> None:
    stream = [*BEFORE, THEIRS]
    found, _ = judge(stage(stream), [], stream)
    assert countries([change.alert for change in found.changes]) == ["s_alice", "s_theirs"]


def test_a_re_run_of_what_is_stored_comes_to_the_same() -> None:
    stream = [*BEFORE, THEIRS]
    found, judged = judge(stage(stream), [], stream)
    stored = [item for part in judged for item in (*part.events, *part.flags)]
    again = stage(stream).process(stored).changes
    assert {(one.kind, one.alert.alert_id) for one in again} == {
        (one.kind, one.alert.alert_id) for one in found.changes
    }


def test_each_alert_is_told_once_whatever_the_days_it_lasts() -> None:
    thief = [use("alice", at=MIDNIGHT + second, ip=NEW_YORK, agent=CURL) for second in (1200, 1260)]
    stream = [*BEFORE, *thief]
    found, judged = judge(stage(stream), [], stream)
    assert len(judged) > 1
    [hijack] = [change for change in found.changes if change.alert.rule_id == "session-hijack"]
    assert (hijack.kind, hijack.alert.hits) == ("raised", 3)


def test_a_part_ends_where_a_later_day_begins_and_the_late_stay_with_their_part() -> None:
    first, second = login("alice", at=0, agent=FIREFOX), login("bob", at=MIDNIGHT)
    late = login("carol", at=1)
    assert list(by_day([first, second, late])) == [[first], [second, late]]
    assert list(by_day([])) == []
