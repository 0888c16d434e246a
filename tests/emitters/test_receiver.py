from __future__ import annotations

import base64
import io
import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from sessionwatch_emitter import (
    Revocation,
    RevocationList,
    RevocationReceiver,
    SecretError,
    SessionEmitter,
    SessionWatchMiddleware,
)
from standardwebhooks.webhooks import Webhook

from .test_revocation_list import spoil

SECRET = "whsec_" + base64.b64encode(b"0" * 32).decode()
OLD_SECRET = "whsec_" + base64.b64encode(b"1" * 32).decode()
RAW = "raw-session"


def signed(body: bytes, message_id: str = "msg_1", secret: str = SECRET, age: float = 0) -> dict[str, str]:
    moment = datetime.fromtimestamp(time.time() - age, UTC)
    return {
        "Webhook-Id": message_id,
        "Webhook-Timestamp": str(int(moment.timestamp())),
        "Webhook-Signature": Webhook(secret).sign(message_id, moment, body.decode()),
    }


@pytest.fixture
def emitter(make_emitter, revocations: RevocationList) -> SessionEmitter:
    return make_emitter(revocations=revocations, sample_interval=1000)


@pytest.fixture
def receiver(emitter: SessionEmitter, revocations: RevocationList) -> RevocationReceiver:
    return RevocationReceiver(revocations, emitter, secrets=[SECRET, OLD_SECRET])


@pytest.fixture
def message(emitter: SessionEmitter):
    """Builds the body of a message, as the pipeline writes it."""

    def build(kind: str = "session.revoked", **changes: Any) -> bytes:
        data = {
            "revocation_id": "7d1f0f6e-0c5e-5a0b-9d8e-0f3f9c1f6a11",
            "app": "bank",
            "session_id": emitter.keys.session_id(RAW),
            "user_id": "alice",
            "scope": "session",
            "sequence": 1,
            "reason": "session-hijack",
            "alert_id": None,
            "rule_id": "session-hijack",
            "severity": "critical",
            **changes,
        }
        return json.dumps({"type": kind, "timestamp": "2026-11-24T23:00:00.000000Z", "data": data}).encode()

    return build


def refused(revocations: RevocationList, emitter: SessionEmitter) -> bool:
    return revocations.refusal([emitter.keys.session_id(RAW)]) is not None


def test_a_signed_revocation_is_carried_out(receiver, message, revocations, emitter) -> None:
    body = message()
    assert receiver.receive(signed(body), body).status == 200
    assert refused(revocations, emitter)


def test_a_revocation_is_told_at_once_by_its_hashed_id(receiver, message, emitter, sent) -> None:
    body = message()
    receiver.receive(signed(body), body)
    (event,) = sent(emitter, 1)
    assert (event["type"], event["reason"], event["session_id"], event["user_id"]) == (
        "destroy",
        "revoked",
        emitter.keys.session_id(RAW),
        "alice",
    )


def test_a_message_signed_by_the_other_secret_is_taken_too(receiver, message) -> None:
    body = message()
    assert receiver.receive(signed(body, secret=OLD_SECRET), body).status == 200


def test_the_same_message_again_answers_200_and_changes_nothing(receiver, message, revocations, emitter) -> None:
    body, release = message(), message("session.released", sequence=2)
    receiver.receive(signed(body), body)
    receiver.receive(signed(release, "msg_2"), release)
    assert receiver.receive(signed(body), body).status == 200
    assert not refused(revocations, emitter)
    assert emitter.counters["destroyed"] == 1


def test_a_late_message_cannot_undo_a_release(receiver, message, revocations, emitter) -> None:
    release, late = message("session.released", sequence=2), message(sequence=1)
    receiver.receive(signed(release, "msg_2"), release)
    answer = receiver.receive(signed(late, "msg_3"), late)
    assert (answer.status, answer.body) == (200, b"stale\n")
    assert not refused(revocations, emitter)


def test_the_next_accepted_use_after_a_revocation_is_told_at_once(receiver, message, emitter, sent) -> None:
    emitter.validated(RAW, user="alice")
    body = message()
    receiver.receive(signed(body), body)
    emitter.validated(RAW, user="alice")
    assert [event["type"] for event in sent(emitter, 3)] == ["validate", "destroy", "validate"]


def test_the_next_accepted_use_in_another_process_is_told_at_once(
    receiver, message, make_emitter, tmp_path, sent
) -> None:
    worker = make_emitter(revocations=RevocationList(tmp_path / "revocations.sqlite"), sample_interval=1000)
    worker.validated(RAW, user="alice")
    body = message()
    receiver.receive(signed(body), body)
    worker.validated(RAW, user="alice")
    assert worker.counters["swallowed"] == 0


@pytest.mark.parametrize("age", [301, -301])
def test_a_message_out_of_time_is_refused(receiver, message, age: int) -> None:
    body = message()
    assert receiver.receive(signed(body, age=age), body).status == 401


def test_a_changed_body_is_refused(receiver, message, revocations, emitter) -> None:
    body = message()
    assert receiver.receive(signed(body), body + b" ").status == 401
    assert not refused(revocations, emitter)


def test_a_message_by_a_stranger_is_refused(receiver, message) -> None:
    body = message()
    stranger = "whsec_" + base64.b64encode(b"2" * 32).decode()
    assert receiver.receive(signed(body, secret=stranger), body).status == 401


@pytest.mark.parametrize("missing", ["Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"])
def test_a_message_without_a_header_is_refused(receiver, message, missing: str) -> None:
    body = message()
    headers = signed(body)
    del headers[missing]
    assert receiver.receive(headers, body).status == 400


def test_a_message_to_another_app_is_refused(receiver, message, revocations, emitter) -> None:
    body = message(app="shop")
    assert receiver.receive(signed(body), body).status == 422
    assert not refused(revocations, emitter)


@pytest.mark.parametrize(
    "changes",
    [
        {"session_id": "raw value"},
        {"session_id": None},
        {"session_id": 7},
        {"sequence": "1"},
        {"sequence": True},
        {"sequence": -1},
        {"sequence": 2**63},
        {"revocation_id": None},
        {"app": None},
    ],
)
def test_a_malformed_message_is_answered_with_400(receiver, message, changes: dict[str, Any]) -> None:
    body = message(**changes)
    assert receiver.receive(signed(body), body).status == 400


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"{", b'{"type": "session.revoked"}', b"[" * 30_000, b'"\\ud800"']
)
def test_what_is_no_message_is_answered_with_400(receiver, body: bytes) -> None:
    assert receiver.receive(signed(body), body).status == 400


@pytest.mark.parametrize("moment", ["yesterday", "2026-11-24T23:00:00", ""])
def test_a_message_without_a_proper_time_is_answered_with_400(receiver, message, moment: str) -> None:
    body = message().replace(b"2026-11-24T23:00:00.000000Z", moment.encode())
    assert receiver.receive(signed(body), body).status == 400


def test_an_unknown_type_is_answered_with_422(receiver, message) -> None:
    body = message("session.exploded")
    assert receiver.receive(signed(body), body).status == 422


def test_a_body_of_more_than_64_kib_is_answered_with_413(receiver, message) -> None:
    body = message(reason="x" * 70_000)
    assert receiver.receive(signed(body), body).status == 413


def test_a_user_scope_needs_the_middlewares_callbacks(receiver, message) -> None:
    body = message(scope="user", session_id=None)
    assert receiver.receive(signed(body), body).status == 422


def test_a_user_scope_ends_what_began_before_the_revocation(receiver, message, emitter, revocations) -> None:
    SessionWatchMiddleware(lambda *_: [], emitter, user_of=lambda _: None, started_of=lambda _: None)
    body = message(scope="user", session_id=None)
    assert receiver.receive(signed(body), body).status == 200
    moment_us = int(datetime.fromisoformat("2026-11-24T23:00:00Z").timestamp() * 1e6)
    asked = [revocations.refusal([], user_id="alice", started_us=moment_us + later) for later in (-1, 0)]
    assert [refusal is not None for refusal in asked] == [True, False]


def test_a_step_up_without_a_callback_is_answered_with_422(receiver, message) -> None:
    body = message("session.step_up_required")
    assert receiver.receive(signed(body), body).status == 422


def test_a_step_up_is_asked_for_once(emitter, revocations, message) -> None:
    asked: list[str | None] = []
    receiver = RevocationReceiver(
        revocations, emitter, secrets=[SECRET], on_step_up=lambda step_up: asked.append(step_up.session_id)
    )
    body = message("session.step_up_required")
    assert [receiver.receive(signed(body), body).status for _ in range(2)] == [200, 200]
    assert asked == [emitter.keys.session_id(RAW)]


def test_a_step_up_that_failed_may_be_tried_again(emitter, revocations, message) -> None:
    outcomes = iter([RuntimeError("not now"), None])

    def ask(_: object) -> None:
        if (failure := next(outcomes)) is not None:
            raise failure

    receiver = RevocationReceiver(revocations, emitter, secrets=[SECRET], on_step_up=ask)
    body = message("session.step_up_required")
    assert [receiver.receive(signed(body), body).status for _ in range(2)] == [500, 200]


def test_a_list_that_cannot_be_written_asks_for_another_try(receiver, message, revocations, tmp_path) -> None:
    spoil(revocations, tmp_path / "revocations.sqlite")
    body = message()
    assert receiver.receive(signed(body), body).status == 503


@pytest.mark.parametrize("secrets", [[], ["whsec_short"]])
def test_a_receiver_needs_a_proper_secret(revocations, emitter, secrets: list[str]) -> None:
    with pytest.raises(SecretError):
        RevocationReceiver(revocations, emitter, secrets=secrets)


def test_no_secret_stands_in_the_repr(receiver) -> None:
    assert repr(receiver) == "RevocationReceiver('bank')"


def over_wsgi(receiver: RevocationReceiver, body: bytes, **environ: str) -> tuple[str, bytes]:
    statuses: list[str] = []
    headers = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in signed(body).items()}
    request = {
        "REQUEST_METHOD": "POST",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        **headers,
        **environ,
    }
    answer = receiver.wsgi(request, lambda status, _headers: statuses.append(status))  # type: ignore[arg-type]
    return statuses[0], b"".join(answer)


def test_it_can_be_mounted_as_a_wsgi_app(receiver, message, revocations, emitter) -> None:
    assert over_wsgi(receiver, message()) == ("200 OK", b"applied\n")
    assert refused(revocations, emitter)


@pytest.mark.parametrize(
    ("environ", "status"),
    [
        ({"REQUEST_METHOD": "GET"}, "405 Method Not Allowed"),
        ({"CONTENT_LENGTH": ""}, "411 Length Required"),
        ({"CONTENT_LENGTH": "65537"}, "413 Request Entity Too Large"),
        ({"CONTENT_LENGTH": "-1"}, "411 Length Required"),
    ],
)
def test_what_is_no_post_of_a_message_is_refused(receiver, message, environ: dict[str, str], status: str) -> None:
    assert over_wsgi(receiver, message(), **environ)[0] == status


LOCK = {"scope": "login", "session_id": None, "until": "2099-01-01T00:00:00Z"}


def test_a_locked_login_is_refused_until_its_time(make_emitter, tmp_path, message) -> None:
    now = [time.time()]
    revocations = RevocationList(tmp_path / "list.db", judges_logins=True, clock=lambda: now[0])
    receiver = RevocationReceiver(revocations, make_emitter(), secrets=[SECRET])
    until = datetime.fromtimestamp(now[0] + 900, UTC)
    body = message("session.login_locked", **{**LOCK, "until": until.isoformat()})
    assert receiver.receive(signed(body), body).status == 200
    assert revocations.login_locked_until("alice") == pytest.approx(until.timestamp())
    assert revocations.login_locked_until("bob") is None
    now[0] += 901
    assert revocations.login_locked_until("alice") is None


def test_a_locked_login_leaves_sessions_alone(make_emitter, tmp_path, message) -> None:
    revocations = RevocationList(tmp_path / "list.db", judges_logins=True)
    receiver = RevocationReceiver(revocations, make_emitter(), secrets=[SECRET])
    body = message("session.login_locked", **LOCK)
    receiver.receive(signed(body), body)
    assert revocations.refusal(["s_k1_x"], user_id="alice", started_us=0) is None


def test_a_released_login_is_open_and_a_late_retry_does_not_lock_it_again(make_emitter, tmp_path, message) -> None:
    revocations = RevocationList(tmp_path / "list.db", judges_logins=True)
    receiver = RevocationReceiver(revocations, make_emitter(), secrets=[SECRET])
    lock = message("session.login_locked", **LOCK)
    release = message("session.released", scope="login", session_id=None, sequence=2)
    for number, body in enumerate((lock, release, lock)):
        assert receiver.receive(signed(body, f"msg_{number}"), body).status == 200
    assert revocations.login_locked_until("alice") is None


def test_an_app_that_does_not_ask_cannot_lock_a_login(receiver: RevocationReceiver, message) -> None:
    body = message("session.login_locked", **LOCK)
    assert receiver.receive(signed(body), body).status == 422


def test_an_app_may_lock_a_login_itself(make_emitter, revocations: RevocationList, message) -> None:
    locked = []
    receiver = RevocationReceiver(revocations, make_emitter(), secrets=[SECRET], on_login_locked=locked.append)
    body = message("session.login_locked", **LOCK)
    assert [receiver.receive(signed(body), body).status for _ in range(2)] == [200, 200]
    [one] = locked
    assert (one.user_id, one.until_us) == ("alice", int(datetime(2099, 1, 1, tzinfo=UTC).timestamp() * 1e6))


def test_an_app_that_locks_a_login_itself_is_told_when_it_is_let_go(
    make_emitter, revocations: RevocationList, message
) -> None:
    released: list[Revocation] = []
    receiver = RevocationReceiver(revocations, make_emitter(), secrets=[SECRET], on_login_released=released.append)
    release = message("session.released", scope="login", session_id=None, sequence=2)
    assert [receiver.receive(signed(release), release).status for _ in range(2)] == [200, 200]
    [one] = released
    assert (one.scope, one.user_id) == ("login", "alice")


def test_a_late_release_of_an_earlier_lock_is_left_alone(make_emitter, revocations: RevocationList, message) -> None:
    released: list[Revocation] = []
    receiver = RevocationReceiver(
        revocations, make_emitter(), secrets=[SECRET], on_login_locked=released.append,
        on_login_released=released.append,
    )  # fmt: skip
    lock = message("session.login_locked", **{**LOCK, "sequence": 3})
    release = message("session.released", scope="login", session_id=None, sequence=2)
    for number, body in enumerate((lock, release)):
        assert receiver.receive(signed(body, f"msg_{number}"), body).status == 200
    assert [one.type for one in released] == ["session.login_locked"]


def test_a_release_that_the_app_could_not_carry_out_is_tried_again(
    make_emitter, revocations: RevocationList, message
) -> None:
    tries: list[str] = []

    def released(revocation: Revocation) -> None:
        tries.append(revocation.subject)
        if len(tries) == 1:
            raise RuntimeError("the directory is away")

    receiver = RevocationReceiver(revocations, make_emitter(), secrets=[SECRET], on_login_released=released)
    release = message("session.released", scope="login", session_id=None, sequence=2)
    assert [receiver.receive(signed(release), release).status for _ in range(2)] == [500, 200]
    assert tries == ["alice", "alice"]


@pytest.mark.parametrize("until", [None, "soon", "2099-01-01T00:00:00"])
def test_a_lock_without_an_end_is_refused(receiver: RevocationReceiver, message, until: str | None) -> None:
    body = message("session.login_locked", **{**LOCK, "until": until})
    assert receiver.receive(signed(body), body).status == 400


NOTICE = {
    "type": "user.notice",
    "timestamp": "2026-11-02T08:00:00Z",
    "data": {
        "notice_id": "n1", "app": "bank", "user_id": "alice", "notice": "new_device", "at": "2026-11-02T08:00:00Z",
        "country": "NL", "city": None, "agent": "Firefox",
    },
}  # fmt: skip


def test_a_notice_goes_to_the_apps_own_channel_once(make_emitter, revocations: RevocationList) -> None:
    told = []
    receiver = RevocationReceiver(revocations, make_emitter(), secrets=[SECRET], on_notice=told.append)
    body = json.dumps(NOTICE).encode()
    assert [receiver.receive(signed(body), body).status for _ in range(2)] == [200, 200]
    [one] = told
    assert (one.user_id, one.notice, one.country, one.city, one.agent) == ("alice", "new_device", "NL", None, "Firefox")


def test_an_app_without_a_channel_says_so(receiver: RevocationReceiver) -> None:
    body = json.dumps(NOTICE).encode()
    assert receiver.receive(signed(body), body).status == 422


def test_a_notice_to_another_app_is_refused(make_emitter, revocations: RevocationList) -> None:
    receiver = RevocationReceiver(revocations, make_emitter(), secrets=[SECRET], on_notice=lambda _notice: None)
    body = json.dumps({**NOTICE, "data": {**NOTICE["data"], "app": "shop"}}).encode()
    assert receiver.receive(signed(body), body).status == 422


@pytest.mark.parametrize("at", [None, "today", "2026-11-02T08:00:00"])
def test_a_notice_without_an_instant_is_refused(make_emitter, revocations: RevocationList, at: str | None) -> None:
    receiver = RevocationReceiver(revocations, make_emitter(), secrets=[SECRET], on_notice=lambda _notice: None)
    body = json.dumps({**NOTICE, "data": {**NOTICE["data"], "at": at}}).encode()
    assert receiver.receive(signed(body), body).status == 400
