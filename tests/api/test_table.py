"""Lists as Arrow streams."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pyarrow as pa
import pytest

from sessionwatch.api.table import ARROW
from tests.api.history import STOLEN
from tests.api.installation import Ask

LISTS = [
    "/v1/alerts?limit=200",
    "/v1/sessions",
    f"/v1/sessions/bank/{STOLEN}/events",
    "/v1/users/bank/alice/sessions",
    "/v1/revocations",
    "/v1/dead-letters",
]


def table(ask: Ask, path: str) -> Any:
    answer = ask("GET", path, headers={"accept": ARROW})
    assert answer.headers["content-type"] == ARROW
    return pa.ipc.open_stream(answer.content).read_all()


@pytest.mark.parametrize("path", LISTS)
def test_the_rows_are_those_of_the_json(ask: Ask, path: str) -> None:
    items = ask("GET", path).json()["items"]
    rows = table(ask, path)
    assert rows.num_rows == len(items) > 0
    assert rows.column_names == list(items[0])
    for name in rows.column_names:
        for value, item in zip(rows.column(name).to_pylist(), items, strict=True):
            assert _matches(value, item[name]), name


def test_an_empty_list_has_its_columns(ask: Ask) -> None:
    rows = table(ask, "/v1/alerts?q=nothing-like-this")
    assert (rows.num_rows, "alert_id" in rows.column_names) == (0, True)


def test_instants_are_instants(ask: Ask) -> None:
    assert table(ask, "/v1/sessions").schema.field("first").type == pa.timestamp("us", tz="UTC")


def test_the_next_page_is_linked(ask: Ask) -> None:
    answer = ask("GET", "/v1/alerts?limit=3", headers={"accept": ARROW})
    assert "cursor=" in answer.links["next"]["url"]


def test_json_is_what_everybody_else_gets(ask: Ask) -> None:
    for accept in ("*/*", "text/html", "application/json"):
        answer = ask("GET", "/v1/alerts", headers={"accept": accept})
        assert answer.headers["content-type"] == "application/json"


def _matches(value: Any, expected: Any) -> bool:
    if isinstance(value, datetime):
        return value == datetime.fromisoformat(expected)
    return json.loads(value) == expected if isinstance(expected, dict | list) else value == expected
