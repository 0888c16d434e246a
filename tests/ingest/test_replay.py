"""Replay of a file: the final alerts, whatever else the file holds."""

from __future__ import annotations

import gzip
import io
import json
import random
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from detectors.plan import Plan
from ingest import replay as module
from ingest.places import Places
from ingest.replay import Replayed, open_lines, replay
from schemas.instant import SECOND, to_rfc3339
from tests.detectors.story import (
    AMSTERDAM_HOSTING,
    BERLIN,
    CURL,
    FIREFOX,
    NEW_YORK,
    PLACES,
    START_US,
    default_apps,
    login,
    logout,
    refused,
    use,
)
from tests.detectors.test_order import LonelyLogin


def line(told: Any) -> bytes:
    """An event of a story in the wire format."""
    fields = {
        "schema_version": 1,
        "event_id": told.event_id,
        "event_time": to_rfc3339(told.time_us),
        **{
            name: getattr(told, name) for name in ("type", "app", "reason", "session_id", "user_id", "ip", "user_agent")
        },
    }
    return json.dumps(fields).encode() + b"\n"


STOLEN = [line(login("alice", at=0)), line(use("alice", at=60, ip=NEW_YORK, agent=CURL))]
KEPT = [line(login("bob", at=0)), line(logout("bob", at=30)), line(use("bob", at=300))]
HONEST = [line(login("carol", at=0)), line(use("carol", at=15)), line(logout("carol", at=40))]
STREAM = sorted(STOLEN + KEPT + HONEST, key=lambda one: json.loads(one)["event_time"])


def judge(lines: Sequence[bytes], only: Sequence[str] | None = None, places: Places = PLACES) -> Replayed:
    return replay(lines, Plan(only=only), default_apps(), places)


def found(replayed: Replayed) -> list[tuple[str, str | None]]:
    return [(alert.rule_id, alert.user_id) for alert in replayed.alerts]


def test_the_final_alerts_come_in_the_order_of_their_time() -> None:
    assert found(judge([*KEPT, *STOLEN], ["session-hijack", "use-after-destroy"])) == [
        ("session-hijack", "alice"),
        ("use-after-destroy", "bob"),
    ]


def test_only_the_rules_asked_for_are_run() -> None:
    assert found(judge(STREAM, ["use-after-destroy"])) == [("use-after-destroy", "bob")]


def test_an_honest_user_raises_nothing() -> None:
    assert judge(HONEST).alerts == []


def test_events_are_placed_as_in_the_pipeline() -> None:
    (alert,) = judge(STOLEN, ["session-hijack"]).alerts
    assert alert.network == "198.51.100.0/24"


@pytest.mark.parametrize("chunk", [1, 2, 5_000])
def test_the_size_of_a_batch_makes_no_difference(monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    expected = judge(STREAM).alerts
    monkeypatch.setattr(module, "CHUNK", chunk)
    assert judge(STREAM).alerts == expected


@pytest.mark.parametrize("seed", range(10))
def test_a_shuffled_file_gives_the_same_ids(seed: int) -> None:
    # Inside the bound of disorder, three minutes: a day of a file is longer, its neighbours are not.
    close = [*STOLEN, *HONEST, line(use("alice", at=90, ip=AMSTERDAM_HOSTING)), line(use("carol", at=35))]
    shuffled = random.Random(seed).sample(close, len(close))
    assert {alert.alert_id for alert in judge(shuffled).alerts} == {alert.alert_id for alert in judge(close).alerts}
    assert len(judge(close).alerts) > 0


def test_an_alert_that_no_longer_follows_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 1)
    late = line(login("alice", at=59, ip=NEW_YORK, agent=CURL))
    assert found(judge([*STOLEN], ["session-hijack"])) == [("session-hijack", "alice")]
    assert judge([*STOLEN, late], ["session-hijack"]).alerts == []


def test_what_settles_is_decided_at_the_end() -> None:
    # The rule waits 20 s for a use; the file ends with the login.
    plan = Plan(rules={LonelyLogin.id: LonelyLogin})
    assert found(replay(HONEST[:1], plan, default_apps(), PLACES)) == [("lonely-login", "carol")]
    assert found(replay(HONEST[:2], plan, default_apps(), PLACES)) == []


def test_bad_lines_are_told_by_number_and_reason_and_the_rest_is_judged() -> None:
    raw = json.dumps({**json.loads(STOLEN[0]), "session_id": "a-cookie-as-it-is"}).encode()
    replayed = judge([STREAM[0], b"not json\n", b"\n", *STREAM[1:], raw, b"[]"])
    assert replayed.refused == [
        (2, "not_json: at character 0"),
        (len(STREAM) + 3, "raw_token: session_id"),
        (len(STREAM) + 4, "not_object: expected an object, not an array"),
    ]
    assert replayed.alerts == judge(STREAM).alerts


def test_an_id_with_two_times_is_told_by_its_line() -> None:
    other = json.dumps({**json.loads(STREAM[0]), "event_time": to_rfc3339(START_US + SECOND)}).encode()
    replayed = judge([*STREAM, other])
    assert [(number, why.split(":")[0]) for number, why in replayed.refused] == [(len(STREAM) + 1, "id_conflict")]


def test_refused_lines_are_told_in_their_order() -> None:
    other = json.dumps({**json.loads(STREAM[0]), "event_time": to_rfc3339(START_US + SECOND)}).encode()
    replayed = judge([STREAM[0], other, b"not json"])
    assert [number for number, _ in replayed.refused] == [2, 3]


def test_a_file_with_every_line_twice_gives_the_same_alerts() -> None:
    twice = judge([one for one in STREAM for _ in range(2)])
    assert (twice.events, twice.duplicates) == (len(STREAM), len(STREAM))
    assert twice.alerts == judge(STREAM).alerts


def test_an_event_of_tomorrow_is_judged() -> None:
    # An old recording has no arrival; what is ahead of the clock of this machine is a matter of live events.
    fields = json.loads(STREAM[0])
    fields["event_time"] = "2099-12-31T23:59:59Z"
    assert judge([json.dumps(fields).encode()]).events == 1


def test_an_empty_file_holds_nothing() -> None:
    assert judge([]) == Replayed()


def test_progress_is_told() -> None:
    told: list[int] = []
    replay(STREAM, Plan(), default_apps(), PLACES, told.append)
    assert told == [len(STREAM)]


def test_a_plain_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"".join(STREAM))
    with open_lines(str(file)) as lines:
        assert list(lines) == STREAM


def test_a_compressed_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl.gz"
    file.write_bytes(gzip.compress(b"".join(STREAM)))
    with open_lines(str(file)) as lines:
        assert list(lines) == STREAM


def test_a_dash_is_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"".join(STREAM))))
    with open_lines("-") as lines:
        assert list(lines) == STREAM


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), open_lines(str(tmp_path / "none.jsonl")):
        pass


def test_what_stands_in_the_story_is_what_was_meant() -> None:
    assert (PLACES.of(BERLIN).country, PLACES.of(NEW_YORK).country) == ("DE", "US")
    assert json.loads(STOLEN[0])["user_agent"] == FIREFOX


def test_a_hit_that_settles_is_kept_when_its_network_falls_silent_for_days() -> None:
    guessed = [
        line(refused("nobody", at, "unknown_session", ip=NEW_YORK, session=f"guess{at}")) for at in range(0, 80, 2)
    ]
    days_later = [line(login("alice", at=9 * 86_400 + number, session=f"s{number}")) for number in range(3)]
    assert found(judge([*guessed, *days_later], only=["session-enumeration"])) == [("session-enumeration", None)]
