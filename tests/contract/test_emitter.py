"""The emitter, an application of its own, held to the contract: its records are what the pipeline wants."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker
from sessionwatch_emitter import Location
from sessionwatch_emitter.event import Record as Sent
from sessionwatch_emitter.event import build_record
from sessionwatch_emitter.keys import KeyRing

from ingest import signature
from ingest.decode import Decoder
from ingest.record import Record
from schemas.app import AppPolicy, Apps
from schemas.documents import json_schema
from schemas.event import EVENT_TYPES, REASONS, SESSION_PATTERN, SessionEvent
from tests.ingest.wire import NOON_US

VECTORS = json.loads((Path(__file__).parents[1] / "emitters" / "vectors.json").read_text())
KEYS = KeyRing("bank", VECTORS["secret"], VECTORS["key_id"], sso_secret=VECTORS["sso_secret"])
APPS = Apps({"bank": AppPolicy("bank", realm="bank", signing_keys={KEYS.key_id: KEYS.signing_key})})
EVENT = Draft202012Validator(json_schema("event"), format_checker=FormatChecker())

FULL: dict[str, Any] = {
    "reason": "login",
    "session_id": KEYS.session_id("raw-session-value"),
    "user_id": "alice",
    "ip": "2001:db8::1",
    "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "device_id": "laptop",
    "auth_method": "password",
    "mfa": True,
    "idp": "keycloak",
    "idp_session_id": "6f1c",
    "parent_session_id": KEYS.parent_id("raw-sign-on", sso=True),
    "token_generation": 1,
    "count": 3,
    "gap_min_ms": 12.5,
    "gap_dev_ms": 0.0,
    "bound": "dbsc",
    "action": "payout",
    "attributes": {"plan": "gold", "age": 7, "ratio": 0.5, "paying": True, "none": None},
    **Location("NL", "Noord-Holland", "Amsterdam", 52.4, 4.9, 64500, "hosting").fields(),
}
HINT = KEYS.user_hint("alice@example.org")
SENT: dict[str, tuple[str, dict[str, Any]]] = {
    **{f"{kind} {reason}": (kind, {**FULL, "reason": reason}) for kind in REASONS for reason in REASONS[kind]},
    "failure of a typed name": ("fail", {"reason": "bad_credentials", "user_hint": HINT, "ip": "192.0.2.1"}),
    "heartbeat": ("heartbeat", {"attributes": {"sent": 1}}),
    "as little as possible": ("validate", {"session_id": FULL["session_id"]}),
    "texts of the world": ("validate", {**FULL, "user_id": "zoë 王", "user_agent": "\U0001f98a \u202e"}),
}


def sent(name: str) -> Sent:
    kind, fields = SENT[name]
    return build_record("bank", KEYS, kind, NOON_US, fields)


def received(one: Sent) -> Record:
    return Record("session-events", 0, 0, one.key, one.value, one.headers, NOON_US // 1000)


@pytest.mark.parametrize("name", SENT)
def test_what_is_sent_is_valid_by_the_published_schema(name: str) -> None:
    EVENT.validate(json.loads(sent(name).value))


@pytest.mark.parametrize("name", SENT)
def test_what_is_sent_is_decoded_signed_and_without_a_flag(name: str) -> None:
    (events, letters) = Decoder(APPS).decode([received(sent(name))], NOON_US)
    assert letters == []
    assert [(event.input_flags, event.signed, event.time_us) for event in events] == [((), True, NOON_US)]


def test_every_field_arrives_as_it_was_sent() -> None:
    ((event,), _) = Decoder(APPS).decode([received(sent("create login"))], NOON_US)
    places = {name: getattr(event.place, name) for name in FULL if hasattr(event.place, name)}
    assert {name: getattr(event, name) for name in FULL if hasattr(event, name)} | places == FULL


def test_nothing_is_sent_that_the_contract_does_not_know() -> None:
    assert [name for name in SENT if not json.loads(sent(name).value).keys() <= SessionEvent.model_fields.keys()] == []


def test_every_type_is_among_the_examples() -> None:
    assert {kind for kind, _ in SENT.values()} == set(EVENT_TYPES)


@pytest.mark.parametrize("text", ["a" * 100_000, "\ud83d", "a\x00b", '"}', "\u2028"])
def test_what_a_client_chooses_gets_through_whatever_it_is(text: str) -> None:
    hostile = {**FULL, "user_agent": text[:4_096], "device_id": text[:4_096], "ip": text[:4_096]}
    (events, letters) = Decoder(APPS).decode(
        [received(build_record("bank", KEYS, "validate", NOON_US, hostile))], NOON_US
    )
    assert (len(events), letters) == (1, [])


def test_hashes_have_the_form_that_the_contract_asks_for() -> None:
    hashes = [KEYS.session_id(raw) for raw in ("", "a", "\ud800", "x" * 10_000)]
    assert [one for one in hashes if not re.fullmatch(SESSION_PATTERN, one)] == []


@pytest.mark.parametrize("vector", VECTORS["signatures"], ids=lambda vector: f"{vector['app']} {vector['key_hex']}")
def test_the_pipeline_verifies_the_fixed_examples(vector: dict[str, Any]) -> None:
    keys = {one["app"]: bytes.fromhex(one["hex"]) for one in VECTORS["signing_keys"]}
    key = None if vector["key_hex"] is None else bytes.fromhex(vector["key_hex"])
    value, headers = bytes.fromhex(vector["value_hex"]), ((signature.HEADER, vector["header"].encode()),)
    assert signature.verify({vector["key_id"]: keys[vector["app"]]}, vector["app"], key, value, headers)
