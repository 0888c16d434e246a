"""Log lines: for machines or for people, without secrets, without what could harm a reader."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from kafka.protocol.parser import KafkaProtocol
from kafka.protocol.sasl import SaslAuthenticateRequest
from msgspec.json import encode

from response.chat import Chat, ChatText
from schemas.alert import Severity
from sessionwatch.log import LONGEST_TRACEBACK, LONGEST_VALUE, MASK, LogFormat, configure
from store.rows import OutboxMessage
from tests.response.receivers import answering, answers

# Apprise asks for a module that Python 3.13 drops.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

CHAT_TEXT = encode(ChatText(Severity.HIGH, "a title", "a body")).decode()


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


# Arabic letter mark, zero width space, byte order mark, soft hyphen, Mongolian vowel separator, a tag, a private sign.
@pytest.mark.parametrize("sign", [*"\u061c\u200b\ufeff\xad\u180e\U000e0041\ue000\u2028\u202e\r\x9b"])
def test_no_unseen_character_passes(sign: str) -> None:
    assert logged(agent=f"a{sign}b")["agent"] == "a�b"


@given(text=st.text(max_size=50))
def test_every_character_of_a_line_can_be_seen(text: str) -> None:
    line = logged(agent=text, places=[{"city": text}])
    assert line["agent"].isprintable()
    assert line["places"][0]["city"].isprintable()


def failed(error: Exception, log_format: LogFormat = "json") -> str:
    """What is logged about an error that was raised."""
    stream = io.StringIO()
    configure(log_format, stream=stream)
    try:
        raise error
    except type(error):
        structlog.get_logger().exception("failed")
    return stream.getvalue()


def test_a_traceback_is_kept_whole() -> None:
    told = json.loads(failed(KeyError("x" * 1_000)))["exception"]
    assert told.startswith("Traceback (most recent call last):\n")
    assert "x" * 1_000 in told


def test_an_endless_traceback_is_cut_in_its_middle() -> None:
    told = json.loads(failed(ValueError("x" * 100_000 + " in the end")))["exception"]
    assert len(told) == LONGEST_TRACEBACK + 1
    assert told.startswith("Traceback (most recent call last):\n")
    assert told.endswith("x in the end")


@pytest.mark.parametrize("log_format", ["json", "human"])
def test_what_an_error_quotes_cannot_move_the_cursor(log_format: LogFormat) -> None:
    told = failed(ValueError("a\x1b[2J\r\u202eb"), log_format)
    assert "ValueError: a�[2J��b" in told


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
    logging.getLogger("kafka.net.manager").debug("theirs")
    assert [json.loads(line)["event"] for line in stream.getvalue().splitlines()] == ["ours", "theirs"]


def test_who_listens_to_the_client_hears_why_a_broker_did_not_answer() -> None:
    configure("json", stream=io.StringIO())
    heard = io.StringIO()
    listening = logging.StreamHandler(heard)
    logging.getLogger("kafka.net.manager").addHandler(listening)
    try:
        logging.getLogger("kafka.net.manager").warning("connection refused")
    finally:
        logging.getLogger("kafka.net.manager").removeHandler(listening)
    assert heard.getvalue() == "connection refused\n"


@pytest.mark.parametrize("status", [200, 307, 500])
@pytest.mark.parametrize("debug", [False, True])
def test_the_token_of_a_chat_service_is_in_no_line(debug: bool, status: int) -> None:
    stream = io.StringIO()
    configure("json", debug=debug, stream=stream)
    with answering(answers(status, location="/services/hunter2")) as receiver:
        chat = Chat(f"json://127.0.0.1:{receiver.port}/services/hunter2")
        chat.deliver([OutboxMessage("m1", chat.lane, "chat.alert", "a1", "a1", CHAT_TEXT, 0)])
        assert receiver.calls
    assert "hunter2" not in stream.getvalue()


def test_the_token_of_a_chat_service_that_answers_nonsense_is_in_no_line() -> None:
    stream = io.StringIO()
    configure("json", debug=True, stream=stream)
    with answering(answers(200, **{"x y": "nonsense"})) as receiver:
        chat = Chat(f"json://127.0.0.1:{receiver.port}/services/hunter2")
        chat.deliver([OutboxMessage("m1", chat.lane, "chat.alert", "a1", "a1", CHAT_TEXT, 0)])
    assert "hunter2" not in stream.getvalue()


def test_the_password_for_a_broker_is_in_no_line() -> None:
    stream = io.StringIO()
    configure("json", debug=True, stream=stream)
    parser = KafkaProtocol(client_id="x", ident="x")
    request = SaslAuthenticateRequest(b"\0pipeline\0hunter2")
    request.API_VERSION = 1
    parser.send_request(request)
    parser.send_bytes()
    assert "hunter2" not in stream.getvalue()


def test_setting_up_twice_does_not_double_lines() -> None:
    stream = io.StringIO()
    configure("json", stream=stream)
    configure("json", stream=stream)
    structlog.get_logger().info("once")
    assert len(stream.getvalue().splitlines()) == 1
