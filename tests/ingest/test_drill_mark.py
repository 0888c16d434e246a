"""The mark of a fire drill on its way in: kept where it counts, cleaned where it does not."""

from __future__ import annotations

import json
import uuid

import pytest

from ingest.decode import Decoder, decode_event
from ingest.record import Record
from schemas.app import Apps
from schemas.drill import DrillKey
from schemas.instant import MINUTE, parse_rfc3339

KEY = DrillKey(bytes(32))
NOON_US = parse_rfc3339("2026-11-01T12:00:00Z")
MARK = KEY.sign("stolen-cookie", "bank", NOON_US + MINUTE)
FORGED = MARK[:-5] + ("x" if MARK[-5] != "x" else "y") + MARK[-4:]


def wire(user_id: str | None = "sw-drill-1", drill: str = MARK) -> bytes:
    event = {
        "schema_version": 1, "event_id": str(uuid.uuid4()), "event_time": "2026-11-01T12:00:00Z", "type": "fail",
        "reason": "bad_credentials", "app": "bank", "user_id": user_id, "drill": drill,
    }  # fmt: skip
    return json.dumps(event).encode()


def test_a_mark_that_counts_is_kept() -> None:
    event = decode_event(wire(), KEY)
    assert (event.drill, event.input_flags) == (MARK, ())


@pytest.mark.parametrize(
    ("user_id", "drill"),
    [("alice", MARK), (None, MARK), ("sw-drill-1", FORGED), ("sw-drill-1", "d1")],
    ids=["a real user", "nobody", "forged", "no mark at all"],
)
def test_any_other_is_cleaned_and_the_event_stays(user_id: str | None, drill: str) -> None:
    event = decode_event(wire(user_id, drill), KEY)
    assert (event.drill, event.input_flags) == (None, ("drill:unsigned",))


def test_where_there_is_no_key_no_mark_counts() -> None:
    assert decode_event(wire()).drill is None


def test_the_pipeline_knows_its_own_drills() -> None:
    record = Record("session-events", 0, 0, None, wire(), (), NOON_US // 1000)
    ([event], []) = Decoder(Apps(), KEY).decode([record], NOON_US)
    assert event.drill == MARK
