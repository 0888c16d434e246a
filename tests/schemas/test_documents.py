"""The generated documents are current, valid, and say what the code does."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

import schemas
from ingest.decode import decode_event
from response.dead_letter_topic import dead_letter_messages
from response.targets.webhook import read_signers, signature_headers
from schemas.alert import Alert, AlertView, Evidence, Severity
from schemas.documents import MODELS, asyncapi, documents, json_schema, to_yaml, write
from schemas.refusal import Reason, Refused
from schemas.revocation import Revocation, RevocationView, UserNoticeBody, WebhookBody, WebhookData
from store.rows import DeadLetter, OutboxMessage
from tests.ingest.wire import GOOD, NOON_US, wire
from tests.response.receivers import SECRET

FOLDER = Path(schemas.__file__).parent


def valid(name: str, instance: object) -> bool:
    return bool(Draft202012Validator(json_schema(name)).is_valid(instance))


@pytest.mark.parametrize(("path", "text"), documents().items(), ids=documents())
def test_the_committed_document_is_current(path: str, text: str) -> None:
    assert (FOLDER / path).read_text(encoding="utf-8") == text, "run `make docs`"


def test_no_document_is_left_from_before() -> None:
    written = {path.relative_to(FOLDER).as_posix() for path in (FOLDER / "json").iterdir()}
    assert written == {path for path in documents() if path.startswith("json/")}


def test_they_can_be_written_anywhere(tmp_path: Path) -> None:
    write(tmp_path)
    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")} == set(documents())


@pytest.mark.parametrize("name", MODELS)
def test_every_schema_is_one_of_its_draft(name: str) -> None:
    Draft202012Validator.check_schema(json_schema(name))


def test_every_schema_has_an_id_of_its_own() -> None:
    assert len({json_schema(name)["$id"] for name in MODELS}) == len(MODELS)


def test_yaml_reads_back_as_what_it_was_made_from() -> None:
    assert yaml.safe_load(to_yaml(asyncapi())) == asyncapi()


@pytest.mark.parametrize("word", ["yes", "null", "1.0", "- a", "a: b", "é", "", "#", " a", "a\nb", "0x1", "~"])
def test_yaml_keeps_a_text_a_text(word: str) -> None:
    assert yaml.safe_load(to_yaml({word: [word, {"a": word, "b": []}, {}, 1, None, True]})) == {
        word: [word, {"a": word, "b": []}, {}, 1, None, True]
    }


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    document = asyncapi()
    inside = re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(document))
    assert inside
    for reference in inside:
        node: Any = document
        for part in reference.split("/"):
            node = node[part]
    outside = re.findall(r'"\$ref": "(\./[^"]+)"', json.dumps(document))
    assert [path for path in outside if not (FOLDER / path).is_file()] == []


def test_the_dead_letter_topic_is_described_as_it_is_written() -> None:
    letter = DeadLetter("session-events", 0, 7, NOON_US, Reason.NOT_JSON, "at character 0", 3, "ab" * 32, b"???")
    (message,) = dead_letter_messages([letter], "session-events-dlq", NOON_US)
    described = asyncapi()["components"]["messages"]["deadLetter"]["payload"]["schema"]
    assert set(json.loads(message.payload)) == set(described["properties"])
    Draft202012Validator(described).validate(json.loads(message.payload))


NOBODY = {"session_id": None, "user_id": None}
SAID: list[tuple[str, dict[str, Any], bool]] = [
    ("a use", GOOD, True),
    ("null fields", {**GOOD, "mfa": None, "attributes": None}, True),
    ("an unknown scalar", {**GOOD, "tenant": "north"}, True),
    ("a logout of everything", {**GOOD, "type": "destroy", "reason": "logout_all", "session_id": None}, True),
    ("a failure before a session", {**GOOD, "type": "fail", "session_id": None}, True),
    ("no session", {**GOOD, "session_id": None}, False),
    ("a logout of nothing", {**GOOD, "type": "destroy", "reason": "logout", "session_id": None}, False),
    ("a logout of nobody", {**GOOD, **NOBODY, "type": "destroy", "reason": "logout_all"}, False),
    ("a raw token", {**GOOD, "session_id": "5f2b0c9e7a4d41d6"}, False),
    ("another version", {**GOOD, "schema_version": 2}, False),
    ("an unknown type", {**GOOD, "type": "logon"}, False),
    ("a bad app", {**GOOD, "app": "The Bank"}, False),
    ("nested attributes", {**GOOD, "attributes": {"a": {}}}, False),
    ("33 attributes", {**GOOD, "attributes": {f"a{n}": n for n in range(33)}}, False),
    ("a text as a count", {**GOOD, "count": "3"}, False),
    ("no id", {name: value for name, value in GOOD.items() if name != "event_id"}, False),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "right"), [pytest.param(*case, id=what) for what, *case in SAID])
def test_the_schema_and_the_decoder_agree(fields: dict[str, Any], right: bool) -> None:
    assert valid("event", fields) is right
    if right:
        decode_event(json.dumps(fields).encode())
    else:
        with pytest.raises(Refused):
            decode_event(json.dumps(fields).encode())


def test_the_schema_asks_for_what_a_client_can_choose_to_be_cut() -> None:
    # The decoder cuts it instead of refusing it.
    assert not valid("event", {**GOOD, "user_agent": "a" * 1_025})
    assert decode_event(wire(user_agent="a" * 1_025)).input_flags == ("user_agent:cleaned",)


def test_an_alert_is_one_by_its_schema() -> None:
    alert = Alert(
        "id", "session-hijack", 1, Severity.HIGH, "alert", "bank", "session", "s_a", NOON_US, NOON_US, NOON_US,
        "moved", (Evidence("e", NOON_US, "here"),), {"country": "DE"},
    )  # fmt: skip
    Draft202012Validator(json_schema("alert")).validate(AlertView.of(alert).model_dump(mode="json"))


def test_a_revocation_is_one_by_its_schema() -> None:
    revocation = Revocation(
        "id", "bank", "session", "s_a", 1, "stolen", "policy", "sent", {"requested": NOON_US, "sent": NOON_US}
    )
    Draft202012Validator(json_schema("revocation")).validate(RevocationView.of(revocation).model_dump(mode="json"))


def test_a_users_notice_is_one_by_its_schema() -> None:
    data = {
        "notice_id": "id", "app": "bank", "user_id": "alice", "notice": "new_device", "at": "2026-11-01T12:00:00Z",
        "country": "DE", "city": None, "agent": "Firefox",
    }  # fmt: skip
    body = UserNoticeBody.model_validate({"type": "user.notice", "timestamp": "2026-11-01T12:00:00Z", "data": data})
    Draft202012Validator(json_schema("user-notice")).validate(body.model_dump(mode="json"))


@pytest.mark.parametrize("message", ["webhook", "userNotice", "revocation"])
def test_what_leaves_is_described_with_the_headers_that_sign_it(message: str) -> None:
    described = asyncapi()["components"]["messages"][message]["headers"]["required"]
    one = OutboxMessage("m1", "webhook:bank", "session.revoked", "bank:session:s_a", "r1", "{}", NOON_US)
    sent = signature_headers(read_signers("bank", [SECRET]), one, NOON_US)
    assert set(described) == set(sent)


def test_a_webhook_body_is_one_by_its_schema() -> None:
    fields = dict.fromkeys(WebhookData.model_fields) | {
        "revocation_id": "id", "app": "bank", "scope": "session", "sequence": 1, "reason": "stolen",
    }  # fmt: skip
    body = WebhookBody.model_validate({"type": "session.revoked", "timestamp": "2026-11-01T12:00:00Z", "data": fields})
    Draft202012Validator(json_schema("webhook")).validate(body.model_dump(mode="json"))
