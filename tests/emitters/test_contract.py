"""What the emitter sends is what `schemas/` defines, and what `ingest/` verifies."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from sessionwatch_emitter import Location
from sessionwatch_emitter.event import LARGEST_EVENT, LONGEST_ATTRIBUTE, MAX_ATTRIBUTES

from ingest import signature
from schemas import limits
from schemas.event import REASONS, SESSION_PATTERN, SessionEvent

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text())
CLIENT = {"user": "alice", "ip": "192.0.2.1", "user_agent": "Firefox", "device_id": "d1"}
EVERYWHERE = Location("NL", "Noord-Holland", "Amsterdam", 52.4, 4.9, 64500, "hosting")
OWN = {"attributes": {"plan": "gold", "age": 7, "ratio": 0.5, "paying": True, "none": None}}


@pytest.mark.parametrize(
    ("kind", "reason"), [(kind, reason) for kind, reasons in REASONS.items() for reason in reasons], ids=str
)
def test_every_event_is_one_by_the_schema(make_emitter, arrived, kind: str, reason: str) -> None:
    emitter = make_emitter()
    match kind:
        case "create":
            emitter.created(
                "raw",
                **CLIENT,
                **OWN,
                reason=reason,
                auth_method="password",
                mfa=True,
                idp="keycloak",
                idp_session_id="sid",
                parent="above",
                token_generation=1,
                bound="dbsc",
                action="payout",
                location=EVERYWHERE,
            )
        case "validate":
            emitter.validated("raw", **CLIENT, **OWN, reason=reason, token_generation=2, bound="none", action="email")
        case "fail":
            emitter.failed("raw", **CLIENT, **OWN, reason=reason, user_typed="alice", location=EVERYWHERE)
        case "destroy":
            emitter.destroyed("raw", **CLIENT, **OWN, reason=reason)
    (record,) = arrived(emitter, 1)
    event = SessionEvent.model_validate_json(record.value)
    assert (event.type, event.reason, event.user_id) == (kind, reason, "alice")
    assert event.session_id is not None
    assert re.fullmatch(SESSION_PATTERN, event.session_id)


def test_a_sampled_use_and_a_heartbeat_are_events_by_the_schema(make_emitter, sent) -> None:
    emitter = make_emitter()
    for _ in range(5):
        emitter.validated("raw", **CLIENT)
    for event in sent(emitter, 3, heartbeats=True):
        SessionEvent.model_validate_json(json.dumps(event))


def test_what_the_emitter_lets_through_the_pipeline_takes() -> None:
    assert LARGEST_EVENT == limits.MAX_EVENT_BYTES
    assert (MAX_ATTRIBUTES, LONGEST_ATTRIBUTE) == (limits.MAX_ATTRIBUTES, limits.MAX_TEXT)


def test_the_pipeline_verifies_what_the_emitter_signs(make_emitter, arrived) -> None:
    emitter = make_emitter()
    emitter.created("raw", user="zoë")
    (record,) = arrived(emitter, 1)
    keys = {"k1": emitter.keys.signing_key}
    headers = tuple(record.headers.items())
    assert signature.verify(keys, "bank", record.key, record.value, headers)
    assert not signature.verify(keys, "shop", record.key, record.value, headers)


@pytest.mark.parametrize("vector", VECTORS["signatures"])
def test_the_pipeline_verifies_the_vectors(vector: dict[str, str]) -> None:
    signing_key = next(key["hex"] for key in VECTORS["signing_keys"] if key["app"] == vector["app"])
    key = bytes.fromhex(vector["key_hex"]) if vector["key_hex"] is not None else None
    headers = (("sw-signature", vector["header"].encode()),)
    keys = {vector["key_id"]: bytes.fromhex(signing_key)}
    assert signature.verify(keys, vector["app"], key, bytes.fromhex(vector["value_hex"]), headers)
