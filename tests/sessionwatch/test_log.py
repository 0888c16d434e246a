"""Log lines: for machines or for people, without secrets, without what could harm a reader."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from sessionwatch.log import LONGEST_VALUE, MASK, configure


@pytest.fixture(autouse=True)
def _restore_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def logged(**values: Any) -> dict[str, Any]:
    stream = io.StringIO()
    configure("json", stream=stream)
    structlog.get_logger().info("happened", **values)
    line: dict[str, Any] = json.loads(stream.getvalue())
    return line


def test_a_line_is_one_json_object_with_level_and_time() -> None:
    line = logged(app="bank")
    assert (line["event"], line["level"], line["app"]) == ("happened", "info", "bank")
    assert line["timestamp"].endswith("Z")


def test_lines_for_people_are_no_json() -> None:
    stream = io.StringIO()
    configure("human", stream=stream)
    structlog.get_logger().warning("happened", app="bank")
    assert "happened" in stream.getvalue()
    assert "app=bank" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


def test_off_a_terminal_lines_are_json() -> None:
    stream = io.StringIO()
    configure("auto", stream=stream)
    structlog.get_logger().info("happened")
    assert json.loads(stream.getvalue())["event"] == "happened"


@pytest.mark.parametrize(
    "key",
    ["secret", "session_token", "sasl_plain_password", "Cookie", "authorization", "signing_key", "api_key"],
)
def test_values_under_a_secrets_name_are_masked(key: str) -> None:
    assert logged(**{key: "hunter2"})[key] == MASK


def test_secrets_inside_other_values_are_masked() -> None:
    line = logged(settings={"group": "x", "ssl_password": "hunter2"}, headers=[{"Cookie": "hunter2"}])
    assert line["settings"] == {"group": "x", "ssl_password": MASK}
    assert line["headers"] == [{"Cookie": MASK}]


def test_a_password_in_an_address_is_masked() -> None:
    assert logged(url="https://user:hunter2@bank.example/x")["url"] == f"https://{MASK}@bank.example/x"


def test_a_long_text_is_cut() -> None:
    assert logged(agent="x" * 5_000)["agent"] == "x" * LONGEST_VALUE + "…"


def test_control_and_bidi_characters_are_taken_out() -> None:
    assert logged(agent="a\x1b[2J\n\u202eb\ud800")["agent"] == "a�[2J��b�"


def test_a_traceback_is_kept_whole() -> None:
    stream = io.StringIO()
    configure("json", stream=stream)
    try:
        raise KeyError("x" * 1_000)
    except KeyError:
        structlog.get_logger().exception("failed")
    line = json.loads(stream.getvalue())
    assert "\n" in line["exception"]
    assert "x" * 1_000 in line["exception"]


@pytest.mark.parametrize("library", ["kafka.consumer", "uvicorn.error", "apprise"])
def test_libraries_are_heard_from_warning_on(library: str) -> None:
    stream = io.StringIO()
    configure("json", stream=stream)
    logging.getLogger(library).info("chatter")
    logging.getLogger(library).warning("trouble at %s", "https://user:hunter2@x.example")
    line = json.loads(stream.getvalue())
    assert (line["logger"], line["level"]) == (library, "warning")
    assert line["event"] == f"trouble at https://{MASK}@x.example"


def test_every_try_at_a_dead_broker_is_not_worth_a_line() -> None:
    stream = io.StringIO()
    configure("json", stream=stream)
    logging.getLogger("kafka.net.connection").error("Connection failed")
    assert stream.getvalue() == ""


def test_debug_shows_what_is_otherwise_left_out() -> None:
    stream = io.StringIO()
    configure("json", debug=True, stream=stream)
    structlog.get_logger().debug("ours")
    logging.getLogger("kafka.net.connection").debug("theirs")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["ours", "theirs"]


def test_setting_up_twice_does_not_double_lines() -> None:
    stream = io.StringIO()
    configure("json", stream=stream)
    configure("json", stream=stream)
    structlog.get_logger().info("once")
    assert len(stream.getvalue().splitlines()) == 1
