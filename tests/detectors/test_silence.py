"""An app that falls silent: when it is told, when it is not, and that order and restarts change nothing of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from detectors.findings.stage import Detection
from detectors.plan import Plan, RuleSetting
from detectors.remembered import RememberedDays
from detectors.rules import BUILTIN
from detectors.rules.source_silent import SourceSilentParameters
from detectors.silence import MAX_UNDECLARED
from schemas.alert import Alert, AlertChange, Severity, alert_id
from schemas.app import AppPolicy, Apps
from schemas.event import Event
from schemas.instant import DAY, HOUR, MINUTE, SECOND
from schemas.signal import Signal
from store.rows import SnapshotRow
from tests.detectors.story import event, final_alerts, new_detection

Item = Event | Signal
MONDAY_S = -(1_793_520_000 % 604_800) + 4 * 86_400
"""A Monday, midnight UTC, in seconds after the start of the stories."""
MINUTE_S, HOUR_S, DAY_S = 60, 3_600, 86_400
WEEK_S = 7 * DAY_S


def stage(setting: RuleSetting | None = None, *, declared: Iterable[str] = ("bank", "shop")) -> Detection:
    plan = Plan({} if setting is None else {"source-silent": setting}, rules=BUILTIN, only=["source-silent"])
    return new_detection(plan, Apps({name: AppPolicy(name, realm=name) for name in declared}))


def beats(app: str, begin_s: float, end_s: float, every_s: float = 300, **attributes: int) -> Iterator[Event]:
    """Heartbeats of an app, from the first second to just before the last."""
    at = begin_s
    while at < end_s:
        yield event(
            "heartbeat", "", MONDAY_S + at, None, None, session="x", app=app, attributes=dict(attributes) or None
        )
        at += every_s


def tick(at_s: float) -> Signal:
    time_us = (1_793_520_000 + MONDAY_S) * SECOND + round(at_s * SECOND)
    return Signal(f"tick:{time_us}", time_us, "tick")


def merged(*streams: Iterable[Event]) -> list[Event]:
    return sorted((one for stream in streams for one in stream), key=lambda one: (one.time_us, one.event_id))


def silences(*items: Item, setting: RuleSetting | None = None) -> list[Alert]:
    detection = stage(setting)
    changes = [detection.process(items[a : a + 500]).changes for a in range(0, len(items), 500)]
    return list(final_alerts(changes).values())


def minutes_after(alert: Alert, at_s: float) -> int:
    return (alert.event_time_us - tick(at_s).time_us) // MINUTE


TWO_DAYS = 2 * DAY_S


def test_an_app_that_falls_silent_while_others_go_on() -> None:
    (found,) = silences(*merged(beats("shop", 0, TWO_DAYS), beats("bank", 0, TWO_DAYS + 5 * HOUR_S)))
    assert (found.rule_id, found.key_kind, found.key_value, found.app) == ("source-silent", "app", "shop", "shop")
    assert str(found.severity) == "high"
    # Twelve minutes of sixty have an event: twenty were due after a hundred.
    assert minutes_after(found, TWO_DAYS) == pytest.approx(100, abs=6)


def test_time_moves_by_ticks_too() -> None:
    stream = list(beats("shop", 0, TWO_DAYS))
    assert not silences(*stream)
    assert silences(*stream, tick(TWO_DAYS + 3 * HOUR_S))


def test_an_app_that_is_heard_of_every_minute_is_missed_sooner() -> None:
    stream = merged(beats("shop", 0, TWO_DAYS, 30), beats("bank", 0, TWO_DAYS + HOUR_S))
    (found,) = silences(*stream)
    assert minutes_after(found, TWO_DAYS) == pytest.approx(21, abs=2)


def test_what_its_rhythm_allows_is_no_silence() -> None:
    assert not silences(*merged(beats("shop", 0, TWO_DAYS), beats("bank", 0, TWO_DAYS + 90 * MINUTE_S)))


def office(weeks: int, *, until_s: float | None = None) -> Iterator[Event]:
    """Working days from eight to six, an event every two minutes."""
    for day in range(weeks * 7):
        if day % 7 < 5:
            begin = day * DAY_S + 8 * HOUR_S
            yield from (
                one
                for one in beats("shop", begin, begin + 10 * HOUR_S, 120)
                if until_s is None or one.time_us < tick(until_s).time_us
            )


def test_nights_and_weekends_of_an_office_are_its_rhythm() -> None:
    assert not silences(*merged(office(3), beats("bank", 0, 3 * WEEK_S, 600)))


def test_a_working_day_without_a_word_is_told_in_its_morning() -> None:
    third_monday = 2 * WEEK_S
    (found,) = silences(*merged(office(3, until_s=third_monday), beats("bank", 0, third_monday + DAY_S, 600)))
    assert 8 * 60 + 30 <= minutes_after(found, third_monday) <= 8 * 60 + 50


def test_after_a_holiday_the_rhythm_of_that_day_comes_back_by_and_by() -> None:
    """The least of the last weeks counts: what was quiet once may be quiet again."""
    holiday = [
        one for one in office(4) if not tick(2 * WEEK_S).time_us <= one.time_us < tick(2 * WEEK_S + DAY_S).time_us
    ]
    found = silences(*merged(holiday, beats("bank", 0, 4 * WEEK_S, 600)))
    assert len(found) == 1
    assert "it speaks again" in found[0].summary


def test_a_new_app_is_only_learned_from() -> None:
    assert not silences(*merged(beats("shop", 0, DAY_S), beats("bank", 0, 2 * DAY_S, 600)))


def test_after_a_week_few_events_are_enough() -> None:
    hourly = beats("shop", 0, WEEK_S + HOUR_S, HOUR_S)
    (found,) = silences(*merged(hourly, beats("bank", 0, WEEK_S + 2 * DAY_S, 600)))
    assert minutes_after(found, WEEK_S) / 60 == pytest.approx(20, abs=2)


def test_one_alert_a_silence_and_the_next_is_another() -> None:
    shop = merged(beats("shop", 0, TWO_DAYS), beats("shop", TWO_DAYS + 4 * HOUR_S, TWO_DAYS + 8 * HOUR_S))
    found = silences(*merged(shop, beats("bank", 0, TWO_DAYS + DAY_S)))
    assert len(found) == 2
    assert "it speaks again" in found[0].summary
    assert "it speaks again" not in found[1].summary


def test_when_it_speaks_again_the_alert_says_how_long_it_was_silent() -> None:
    shop = merged(beats("shop", 0, TWO_DAYS), beats("shop", TWO_DAYS + 4 * HOUR_S, TWO_DAYS + 5 * HOUR_S))
    (found,) = silences(*merged(shop, beats("bank", 0, TWO_DAYS + 5 * HOUR_S)))
    assert "for 245 minutes" in found.summary
    assert [one.fact for one in found.evidence] == [
        "the last event before the silence",
        "the first event after the silence",
    ]


def test_what_its_emitter_had_dropped_is_told() -> None:
    shop = merged(beats("shop", 0, TWO_DAYS - HOUR_S), beats("shop", TWO_DAYS - HOUR_S, TWO_DAYS, dropped_validate=70))
    (found,) = silences(*merged(shop, beats("bank", 0, TWO_DAYS + 5 * HOUR_S)))
    assert "70 events dropped" in found.summary


def test_events_that_come_hours_late_are_a_sign_of_life() -> None:
    """A spool that is read out says that the app is there, whatever the events' own times are."""
    live = merged(beats("shop", 0, TWO_DAYS), beats("bank", 0, TWO_DAYS))
    spooled = beats("shop", TWO_DAYS, TWO_DAYS + 600, 10)
    stream: list[Item] = [*live]
    for one in beats("bank", TWO_DAYS, TWO_DAYS + 5 * HOUR_S):
        stream += [one, next(spooled)]
    assert not silences(*stream)


def test_thresholds_are_parameters_by_app() -> None:
    quick = RuleSetting(SourceSilentParameters.model_validate({"missed": 4, "shortest": "5m"}))
    stream = merged(beats("shop", 0, TWO_DAYS), beats("bank", 0, TWO_DAYS + HOUR_S))
    assert not silences(*stream)
    assert len(silences(*stream, setting=RuleSetting(by_app={"shop": quick}))) == 1
    assert not silences(*stream, setting=RuleSetting(by_app={"bank": quick}))


def test_switched_off_it_says_nothing() -> None:
    stream = merged(beats("shop", 0, TWO_DAYS), beats("bank", 0, TWO_DAYS + 5 * HOUR_S))
    assert not silences(*stream, setting=RuleSetting(mode="off"))


def test_a_tick_is_wanted_only_when_it_decides_something() -> None:
    detection = stage()
    detection.process(list(beats("shop", 0, TWO_DAYS)))
    detection.process([tick(TWO_DAYS + 20 * MINUTE_S)])
    at = tick(TWO_DAYS).time_us
    assert not detection.wants_tick(at + 30 * MINUTE)
    assert detection.wants_tick(at + 3 * HOUR)
    detection.process([tick(TWO_DAYS + 3 * HOUR_S)])
    assert not detection.wants_tick(at + 5 * HOUR)


def test_what_waits_for_time_to_move_asks_for_a_tick() -> None:
    detection = stage()
    detection.process(list(beats("shop", 0, TWO_DAYS)))
    assert detection.wants_tick(tick(TWO_DAYS).time_us + 15 * MINUTE)


def test_invented_apps_push_out_only_each_other() -> None:
    detection = stage()
    invented = [
        event("validate", "u", MONDAY_S, None, None, app=f"app{number}") for number in range(3 * MAX_UNDECLARED)
    ]
    shop = list(beats("shop", 0, TWO_DAYS))
    detection.process([*shop, *invented])
    rows = [row for row in detection.take_rows() if row.kind == "findings rhythm" and row.content is not None]
    assert len(rows) == MAX_UNDECLARED + 1
    assert detection.process([tick(TWO_DAYS + 3 * HOUR_S)]).changes


@st.composite
def streams(draw: st.DrawFn) -> list[tuple[Item, float]]:
    """Two days of two apps with gaps, each event told up to three minutes late."""
    chance = Random(draw(st.integers(0, 2**20)))
    told: list[tuple[Item, float]] = []
    for app in ("bank", "shop"):
        gaps = [(chance.uniform(1, 3) * DAY_S, chance.uniform(0, 6) * HOUR_S) for _ in range(3)]
        for one in beats(app, chance.uniform(0, 60), 3 * DAY_S, 200):
            at = (one.time_us - tick(0).time_us) / SECOND
            if not any(begin <= at < begin + length for begin, length in gaps):
                told.append((one, chance.uniform(0, 170)))
    return told


def _in_order(stream: list[tuple[Item, float]]) -> list[Item]:
    return [item for item, _ in sorted(stream, key=lambda one: (one[0].time_us, one[0].event_id))]  # type: ignore[union-attr]


def _as_told(stream: list[tuple[Item, float]]) -> list[Item]:
    return [item for item, _ in sorted(stream, key=lambda one: one[0].time_us + one[1] * SECOND)]


END = tick(4 * DAY_S)


def _judge(items: Sequence[Item], cuts: Iterable[int] = ()) -> dict[str, Alert]:
    detection = stage()
    bounds = [0, *sorted(min(cut, len(items)) for cut in cuts), len(items)]
    found = [detection.process(items[a:b]).changes for a, b in pairwise(bounds)]
    return final_alerts([*found, detection.process([END]).changes])


@settings(max_examples=15, deadline=None)
@for_all(streams(), st.lists(st.integers(0, 2_600), max_size=30))
def test_neither_order_nor_batches_matter(stream: list[tuple[Item, float]], cuts: list[int]) -> None:
    assert _judge(_as_told(stream), cuts) == _judge(_in_order(stream))


@settings(max_examples=15, deadline=None)
@for_all(streams(), st.lists(st.tuples(st.integers(0, 2_600), st.booleans()), min_size=1, max_size=5))
def test_neither_kills_nor_restarts_matter(stream: list[tuple[Item, float]], kills: list[tuple[int, bool]]) -> None:
    items = _as_told(stream)
    detection, done, snapshotted = stage(), 0, 0
    rows: dict[tuple[str, str], SnapshotRow] = {}
    found: list[list[AlertChange]] = []
    for position, take in sorted(kills):
        until = min(position, len(items))
        found.append(detection.process(items[done:until]).changes)
        done = max(done, until)
        if take:
            rows.update({(row.kind, row.key): row for row in detection.take_rows()})
            snapshotted = done
        detection = stage()
        detection.restore(rows.values(), BUILTIN, lambda _seqs: {}, RememberedDays().user_days)
        again = final_alerts([detection.process(items[snapshotted:done]).changes])
        assert again.keys() <= final_alerts(found).keys()
    found += [detection.process(items[done:]).changes, detection.process([END]).changes]
    assert final_alerts(found) == _judge(_in_order(stream))


def test_the_streams_hold_silences() -> None:
    counts: list[int] = []

    @settings(max_examples=10, deadline=None, database=None, derandomize=True)
    @for_all(streams())
    def look(stream: list[tuple[Item, float]]) -> None:
        counts.append(len(_judge(_in_order(stream))))

    look()
    assert sum(counts) >= 10


def test_its_id_names_the_silence() -> None:
    (found,) = silences(*beats("shop", 0, TWO_DAYS), tick(TWO_DAYS + 3 * HOUR_S))
    last = (tick(TWO_DAYS).time_us - 300 * SECOND) // MINUTE
    assert found.alert_id == alert_id("source-silent", "shop", "shop", str(last))
    assert last * MINUTE < tick(TWO_DAYS).time_us < (last + DAY // MINUTE) * MINUTE


def test_where_the_rules_are_others_the_rhythm_and_the_silence_are_still_known() -> None:
    """The events of the last days are told once more, and neither end the silence nor are heard twice."""
    stream = list(beats("shop", 0, TWO_DAYS))
    before = stage()
    raised = before.process([*stream, tick(TWO_DAYS + 3 * HOUR_S)]).changes
    after = stage(RuleSetting(severity=Severity.MEDIUM))
    after.adopt_lasting(before.take_rows())
    assert not after.process([*stream[-200:], tick(TWO_DAYS + 4 * HOUR_S)]).changes
    back = beats("shop", TWO_DAYS + 4 * HOUR_S, TWO_DAYS + 5 * HOUR_S)
    (change,) = after.process(list(back)).changes
    assert change.alert.alert_id == raised[0].alert.alert_id
    assert "it speaks again" in change.alert.summary
    assert {"findings rhythm", "findings clock"} <= {row.kind for row in after.take_rows()}
