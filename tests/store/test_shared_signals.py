"""Shared signals in the store: streams, tokens taken, and the sessions that a provider's word is about."""

from __future__ import annotations

import uuid

import pytest

from schemas.event import Event
from schemas.instant import DAY, HOUR, MINUTE
from store.reader import Reader
from store.rows import IdpSession, ReceivedRow, StreamRow
from store.writer import Writer

NOW = 1_795_000_000_000_000
SINCE = NOW - DAY


def use(
    session_id: str,
    ago_us: int,
    *,
    app: str = "bank",
    user_id: str = "alice",
    type: str = "validate",
    idp: str | None = None,
) -> Event:
    return Event(
        event_id=str(uuid.uuid4()), time_us=NOW - ago_us, type=type, app=app, session_id=session_id, user_id=user_id,
        idp_session_id=idp,
    )  # fmt: skip


def test_a_stream_is_replaced_and_goes(writer: Writer, reader: Reader) -> None:
    for content, expected in (("{}", ["{}"]), ('{"a":1}', ['{"a":1}']), (None, [])):
        with writer.transaction():
            writer.save_streams([StreamRow("bank", content)], NOW)
        assert reader.ssf_streams() == expected


def test_a_token_that_was_taken_is_known_by_transmitter_and_jti(writer: Writer, reader: Reader) -> None:
    with writer.transaction():
        writer.append_received([ReceivedRow("idp", "j", "digest", NOW)])
    assert reader.received_set("idp", "j") == ("digest", NOW)
    assert reader.received_set("other", "j") is None


def test_tokens_are_remembered_for_longer_than_they_are_taken(writer: Writer, reader: Reader) -> None:
    with writer.transaction():
        writer.append_received([ReceivedRow("idp", str(days), "d", NOW - days * DAY) for days in (0, 7, 9)])
    writer.retain(NOW - HOUR)
    assert [reader.received_set("idp", days) is not None for days in ("0", "7", "9")] == [True, True, False]


def test_the_sessions_of_a_provider_are_found_by_its_name_for_them(writer: Writer, reader: Reader) -> None:
    begun = use("s1", HOUR, type="create", idp="idp-1")
    last = use("s1", MINUTE)
    with writer.transaction():
        writer.append_events([
            begun, last, use("s2", HOUR, idp="idp-2"), use("s3", MINUTE, app="shop", idp="idp-1"),
            use("s4", HOUR, idp="idp-1"), use("s4", MINUTE, type="destroy"), use("s5", 2 * DAY, idp="idp-1"),
        ])  # fmt: skip
    found = reader.provider_sessions(["bank"], SINCE, 10, idp_session_id="idp-1", user_id=None)
    assert found == [IdpSession("bank", "s1", "alice", begun.time_us, last.time_us, last.event_id)]


def test_the_sessions_of_a_user_are_those_that_have_not_ended(writer: Writer, reader: Reader) -> None:
    with writer.transaction():
        writer.append_events([
            use("s1", HOUR), use("s2", MINUTE, app="mail"), use("s3", MINUTE, user_id="bob"),
            use("s4", HOUR), use("s4", MINUTE, type="destroy"),
        ])  # fmt: skip
    found = reader.provider_sessions(["bank", "mail"], SINCE, 10, idp_session_id=None, user_id="alice")
    assert [one.session_id for one in found] == ["s2", "s1"]


def test_nobody_named_is_not_everybody(reader: Reader) -> None:
    with pytest.raises(ValueError, match="a session or a user"):
        reader.provider_sessions(["bank"], SINCE, 10, idp_session_id=None, user_id=None)


def test_the_name_of_a_session_at_the_provider_is_the_newest_that_the_app_has_told(
    writer: Writer, reader: Reader
) -> None:
    with writer.transaction():
        writer.append_events([use("s1", HOUR, idp="old"), use("s1", MINUTE, idp="new"), use("s1", 0), use("s2", 0)])
    assert reader.idp_session_of("bank", "s1", SINCE) == "new"
    assert reader.idp_session_of("bank", "s2", SINCE) is None
