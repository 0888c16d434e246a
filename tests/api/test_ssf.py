"""Shared signals by real HTTP against a real pipeline: a receiver's stream, polling, and a provider's pushes."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from sessionwatch.api.ssf import routes as ssf_routes
from tests.api.installation import Installation, emit_use, wait
from tests.api.sharing import BASE, OTHER_TOKEN, PUSH_TOKEN, RECEIVER_TOKEN, revoke
from tests.response.ssf.given import ISSUER, SESSION_REVOKED, claims, header, rs256
from tests.response.ssf.profile import parts, problems

PUSH, POLL = "urn:ietf:rfc:8935", "urn:ietf:rfc:8936"


@pytest.fixture
def bank(sharing: Installation) -> Iterator[httpx.Client]:
    """The receiver `bank`, without any stream at first."""
    with httpx.Client(
        base_url=f"{sharing.url}/ssf", headers={"authorization": f"Bearer {RECEIVER_TOKEN}"}, timeout=30
    ) as client:
        for stream in client.get("/streams").json():
            client.delete("/streams", params={"stream_id": stream["stream_id"]})
        yield client


def made(bank: httpx.Client, **body: Any) -> str:
    """A stream of the bank's, and its id."""
    answer = bank.post("/streams", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["stream_id"])


def poll(bank: httpx.Client, stream_id: str, **body: Any) -> dict[str, str]:
    answer = bank.post(f"/poll/{stream_id}", json={"returnImmediately": True, **body})
    assert answer.status_code == 200, answer.text
    return answer.json()["sets"]  # type: ignore[no-any-return]


def state(sharing: Installation, revocation_id: str) -> str:
    with sharing.client() as admin:
        return str(admin.get(f"/v1/revocations/{revocation_id}").json()["state"])


def published(sharing: Installation) -> dict[str, Any]:
    return httpx.get(f"{sharing.url}/ssf/jwks.json").json()  # type: ignore[no-any-return]


def test_the_metadata_says_where_things_are(sharing: Installation) -> None:
    found = httpx.get(f"{sharing.url}/.well-known/ssf-configuration").json()
    assert found["spec_version"] == "1_0"
    assert found["issuer"] == BASE
    assert found["jwks_uri"] == f"{BASE}/ssf/jwks.json"
    assert found["delivery_methods_supported"] == [PUSH, POLL]
    assert found["authorization_schemes"] == [{"spec_urn": "urn:ietf:rfc:6750"}]
    assert found["default_subjects"] == "ALL"
    assert found["critical_subject_members"] == ["session", "user"]
    paths = {route.path for route in ssf_routes.ssf_routes()}
    ends = [name for name in found if name.endswith("_endpoint")]
    assert len(ends) == 5
    assert all(found[name].removeprefix(BASE) in paths for name in ends)


def test_public_keys_alone_are_published(sharing: Installation) -> None:
    answer = httpx.get(f"{sharing.url}/ssf/jwks.json")
    assert answer.headers["content-type"] == "application/jwk-set+json"
    (key,) = answer.json()["keys"]
    assert key.keys() == {"kty", "crv", "x", "y", "kid", "alg", "use"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        (method, route.path)
        for route in ssf_routes.ssf_routes()
        if route.path.startswith("/ssf/") and route.path not in ssf_routes.OPEN_PATHS and "events" not in route.path
        for method in sorted((route.methods or set()) - {"HEAD"})
    ],
)
def test_without_a_receivers_token_nothing_is_told(sharing: Installation, method: str, path: str) -> None:
    answer = httpx.request(method, sharing.url + path.format(stream_id="x"), timeout=30)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_providers_token_is_no_receivers(sharing: Installation) -> None:
    headers = {"authorization": f"Bearer {PUSH_TOKEN}"}
    assert httpx.get(f"{sharing.url}/ssf/streams", headers=headers).status_code == 401


def test_an_api_token_manages_no_stream(sharing: Installation) -> None:
    with sharing.client() as admin:
        assert admin.get("/ssf/streams").status_code == 401


def test_a_receivers_token_opens_nothing_else(sharing: Installation, bank: httpx.Client) -> None:
    assert httpx.get(f"{sharing.url}/v1/alerts", headers=bank.headers).status_code == 401


def test_a_stream_is_made_and_shown(bank: httpx.Client) -> None:
    stream_id = made(bank, delivery={"method": POLL}, events_requested=[SESSION_REVOKED, "x"], description="ours")
    (listed,) = bank.get("/streams").json()
    assert listed == bank.get("/streams", params={"stream_id": stream_id}).json()
    assert listed == {
        "stream_id": stream_id,
        "iss": BASE,
        "aud": "https://bank.example.com",
        "delivery": {"method": POLL, "endpoint_url": f"{BASE}/ssf/poll/{stream_id}"},
        "events_supported": [SESSION_REVOKED],
        "events_requested": [SESSION_REVOKED, "x"],
        "events_delivered": [SESSION_REVOKED],
        "min_verification_interval": 30,
        "description": "ours",
    }


def test_a_receiver_has_one_stream(bank: httpx.Client) -> None:
    made(bank)
    assert bank.post("/streams", json={}).status_code == 409


def test_the_stream_of_another_receiver_does_not_exist(sharing: Installation, bank: httpx.Client) -> None:
    stream_id = made(bank)
    with httpx.Client(base_url=f"{sharing.url}/ssf", headers={"authorization": f"Bearer {OTHER_TOKEN}"}) as other:
        asked = {"stream_id": stream_id}
        assert other.get("/streams").json() == []
        assert other.get("/streams", params=asked).status_code == 404
        assert other.delete("/streams", params=asked).status_code == 404
        assert other.post("/status", json=asked | {"status": "disabled"}).status_code == 404
        assert other.post(f"/poll/{stream_id}", json={"returnImmediately": True}).status_code == 404


def test_a_patch_changes_what_it_names(bank: httpx.Client) -> None:
    stream_id = made(
        bank, delivery={"method": PUSH, "endpoint_url": "https://bank.example.com/events"}, description="a"
    )
    changed = bank.patch("/streams", json={"stream_id": stream_id, "description": "b"}).json()
    assert (changed["description"], changed["delivery"]["method"]) == ("b", PUSH)


def test_a_put_writes_it_anew(bank: httpx.Client) -> None:
    stream_id = made(
        bank, delivery={"method": PUSH, "endpoint_url": "https://bank.example.com/events"}, description="a"
    )
    changed = bank.put("/streams", json={"stream_id": stream_id}).json()
    assert (changed["description"], changed["delivery"]["method"]) == ("", POLL)


def test_what_is_the_transmitters_cannot_be_changed(bank: httpx.Client) -> None:
    stream_id = made(bank)
    assert bank.patch("/streams", json={"stream_id": stream_id, "iss": "https://evil.example"}).status_code == 400
    assert bank.patch("/streams", json={"stream_id": stream_id, "aud": "https://evil.example"}).status_code == 400
    assert bank.patch("/streams", json={"stream_id": stream_id, "iss": BASE}).status_code == 200


def test_the_authorization_that_a_receiver_gave_is_never_shown(bank: httpx.Client) -> None:
    stream_id = made(
        bank,
        delivery={
            "method": PUSH, "endpoint_url": "https://bank.example.com/events", "authorization_header": "Bearer hush",
        },
    )  # fmt: skip
    assert "hush" not in bank.get("/streams", params={"stream_id": stream_id}).text


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example.com/",
        "http://bank.example.com/events",
        "https://169.254.169.254/",
        "https://bank.example.com/events/../x",
        None,
    ],
)
def test_events_are_pushed_only_where_the_operator_allows(bank: httpx.Client, url: str | None) -> None:
    answer = bank.post("/streams", json={"delivery": {"method": PUSH, "endpoint_url": url}})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{", b'{"delivery": 1}', b'{"delivery": {"method": "carrier pigeon"}}', b"\xff"]
)
def test_a_body_that_is_none_is_refused(bank: httpx.Client, content: bytes) -> None:
    assert bank.post("/streams", content=content).status_code == 400


def test_a_deleted_stream_is_gone(bank: httpx.Client) -> None:
    asked = {"stream_id": made(bank)}
    assert bank.delete("/streams", params=asked).status_code == 204
    assert bank.get("/streams", params=asked).status_code == 404
    assert bank.delete("/streams", params=asked).status_code == 404


def test_a_status_is_set_with_its_reason(bank: httpx.Client) -> None:
    stream_id = made(bank)
    assert bank.get("/status", params={"stream_id": stream_id}).json() == {"stream_id": stream_id, "status": "enabled"}
    told = {"stream_id": stream_id, "status": "paused", "reason": "maintenance"}
    assert bank.post("/status", json=told).json() == told
    assert bank.get("/status", params={"stream_id": stream_id}).json() == told
    assert bank.post("/status", json=told | {"status": "asleep"}).status_code == 400


def test_a_revocation_is_polled_until_it_is_acknowledged(sharing: Installation, bank: httpx.Client) -> None:
    stream_id = made(bank)
    revocation_id = revoke(sharing, emit_use(sharing, "s_polled"))
    ((jti, token),) = poll(bank, stream_id).items()
    assert problems(token, published(sharing), BASE, "https://bank.example.com") == []
    _, said = parts(token)
    assert (said["jti"], said["txn"]) == (jti, revocation_id)
    assert said["sub_id"]["session"] == {"format": "opaque", "id": "s_polled"}
    # Not acknowledged, it comes again, the same.
    assert parts(poll(bank, stream_id)[jti])[1] == said
    assert state(sharing, revocation_id) == "sent"
    assert poll(bank, stream_id, ack=[jti]) == {}
    assert state(sharing, revocation_id) == "delivered"


def test_a_token_that_the_receiver_does_not_take_is_a_failed_revocation(
    sharing: Installation, bank: httpx.Client
) -> None:
    stream_id = made(bank)
    revocation_id = revoke(sharing, emit_use(sharing, "s_refused"))
    (jti,) = poll(bank, stream_id)
    assert poll(bank, stream_id, setErrs={jti: {"err": "invalid_key", "description": "who are you?"}}) == {}
    assert state(sharing, revocation_id) == "failed"


def test_a_poll_can_be_limited_and_says_that_there_is_more(sharing: Installation, bank: httpx.Client) -> None:
    stream_id = made(bank)
    for name in ("s_first", "s_second"):
        revoke(sharing, emit_use(sharing, name))
    answer = bank.post(f"/poll/{stream_id}", json={"maxEvents": 1, "returnImmediately": True}).json()
    assert (len(answer["sets"]), answer["moreAvailable"]) == (1, True)
    nothing = bank.post(f"/poll/{stream_id}", json={"maxEvents": 0}).json()
    assert nothing == {"sets": {}, "moreAvailable": True}
    poll(bank, stream_id, ack=list(poll(bank, stream_id)))


def test_a_poll_may_wait_for_what_comes(sharing: Installation, bank: httpx.Client) -> None:
    stream_id = made(bank)
    session = emit_use(sharing, "s_awaited")
    later = threading.Timer(0.3, revoke, (sharing, session))
    later.start()
    sets = bank.post(f"/poll/{stream_id}", json={}).json()["sets"]
    later.join()
    assert len(sets) == 1
    poll(bank, stream_id, ack=list(sets))


def test_what_is_paused_waits_and_comes_afterwards(sharing: Installation, bank: httpx.Client) -> None:
    stream_id = made(bank)
    bank.post("/status", json={"stream_id": stream_id, "status": "paused"})
    revoke(sharing, emit_use(sharing, "s_paused"))
    assert poll(bank, stream_id) == {}
    bank.post("/status", json={"stream_id": stream_id, "status": "enabled"})
    sets = poll(bank, stream_id)
    assert len(sets) == 1
    poll(bank, stream_id, ack=list(sets))


def test_a_removed_subject_is_left_out_and_the_revocation_says_so(sharing: Installation, bank: httpx.Client) -> None:
    stream_id = made(bank)
    frank = {"format": "complex", "user": {"format": "iss_sub", "iss": BASE, "sub": "frank"}}
    body = {"stream_id": stream_id, "subject": frank}
    assert bank.post("/subjects/remove", json=body).status_code == 204
    revocation_id = revoke(sharing, emit_use(sharing, "s_left_out"))
    wait(lambda: state(sharing, revocation_id) == "failed")
    assert poll(bank, stream_id) == {}
    assert bank.post("/subjects/add", json=body).status_code == 200
    revoke(sharing, emit_use(sharing, "s_taken_in"))
    sets = poll(bank, stream_id)
    assert len(sets) == 1
    poll(bank, stream_id, ack=list(sets))


def test_a_subject_that_is_none_is_refused(bank: httpx.Client) -> None:
    body = {"stream_id": made(bank), "subject": {"format": "opaque"}}
    assert bank.post("/subjects/remove", json=body).status_code == 400


def test_a_verification_event_carries_the_receivers_state(bank: httpx.Client) -> None:
    stream_id = made(bank)
    assert bank.post("/verify", json={"stream_id": stream_id, "state": "VGhpcyBpcyBhbg"}).status_code == 204
    ((jti, token),) = poll(bank, stream_id).items()
    _, said = parts(token)
    assert said["events"] == {
        "https://schemas.openid.net/secevent/ssf/event-type/verification": {"state": "VGhpcyBpcyBhbg"}
    }
    assert said["sub_id"] == {"format": "opaque", "id": stream_id}
    assert poll(bank, stream_id, ack=[jti]) == {}
    again = bank.post("/verify", json={"stream_id": stream_id})
    assert again.status_code == 429
    assert int(again.headers["retry-after"]) <= 31


def test_the_operator_pauses_a_stream_and_the_receiver_is_told(sharing: Installation, bank: httpx.Client) -> None:
    stream_id = made(bank, description="ours")
    with sharing.client() as admin:
        wanted = {"status": "paused", "reason": "too many errors"}
        shown = admin.put("/v1/streams/bank/status", json=wanted).json()
        (listed,) = admin.get("/v1/streams").json()["items"]
        assert shown == listed
        assert (shown["receiver"], shown["stream_id"], shown["status"]) == ("bank", stream_id, "paused")
        assert admin.put("/v1/streams/other/status", json=wanted).status_code == 404
    assert bank.get("/status", params={"stream_id": stream_id}).json()["reason"] == "too many errors"
    ((jti, token),) = poll(bank, stream_id).items()
    _, said = parts(token)
    assert said["events"] == {"https://schemas.openid.net/secevent/ssf/event-type/stream-updated": wanted}
    poll(bank, stream_id, ack=[jti])


def test_a_stream_outlives_the_process_that_made_it(sharing: Installation, bank: httpx.Client) -> None:
    stream_id = made(bank, description="kept")
    reader = sharing.running.reader()
    (content,) = reader.ssf_streams()
    reader.close()
    assert json.loads(content)["stream_id"] == stream_id


def push(sharing: Installation, token: bytes, **headers: str) -> httpx.Response:
    told = {"authorization": f"Bearer {PUSH_TOKEN}", "content-type": "application/secevent+jwt"}
    return httpx.post(f"{sharing.url}/ssf/events/idp", content=token, headers=told | headers, timeout=30)


def now_claims(**changes: Any) -> dict[str, Any]:
    return claims(iat=int(time.time()), jti=secrets.token_hex(8), **changes)


def test_a_providers_token_is_taken_with_202_and_an_empty_body(sharing: Installation) -> None:
    answer = push(sharing, rs256(header(), now_claims()))
    assert (answer.status_code, answer.content) == (202, b"")


def test_what_a_provider_says_is_an_alert_that_the_console_shows(sharing: Installation) -> None:
    emit_use(sharing, "s_at_the_idp", "grace")
    user = {"format": "iss_sub", "iss": ISSUER, "sub": "grace"}
    told = {"event_timestamp": int(time.time()) + 1}
    token = rs256(header(), now_claims(sub_id=user, events={SESSION_REVOKED: told}))
    assert push(sharing, token).status_code == 202
    with sharing.client() as admin:
        (alert,) = admin.get("/v1/alerts", params={"rule": "idp-session-revoked", "session": "s_at_the_idp"}).json()[
            "items"
        ]
        assert alert["mode"] == "alert"
        shown = admin.get(f"/v1/alerts/{alert['alert_id']}")
    assert shown.status_code == 200
    assert "The identity provider idp says" in shown.text


@pytest.mark.parametrize(
    ("token", "code"),
    [
        (rs256(header(), claims(iss="https://evil.example")), "invalid_issuer"),
        (rs256(header(), claims(aud="https://evil.example")), "invalid_audience"),
        (rs256(header(kid="unknown"), claims()), "invalid_key"),
        (b"", "invalid_request"),
        (b"x" * 13_000, "invalid_request"),
    ],
    ids=["issuer", "audience", "kid", "empty", "large"],
)
def test_a_bad_token_is_answered_as_the_standard_says(sharing: Installation, token: bytes, code: str) -> None:
    answer = push(sharing, token)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["err"] == code
    assert answer.json().keys() == {"err", "description"}


def test_a_replayed_jti_is_refused(sharing: Installation) -> None:
    said = now_claims()
    assert push(sharing, rs256(header(), said)).status_code == 202
    answer = push(sharing, rs256(header(), said | {"txn": "other"}))
    assert (answer.status_code, answer.json()["err"]) == (400, "invalid_request")


@pytest.mark.parametrize("authorization", ["", "Bearer wrong-0123456789abcdef", f"Basic {PUSH_TOKEN}"])
def test_a_provider_without_its_token_is_not_heard(sharing: Installation, authorization: str) -> None:
    answer = push(sharing, rs256(header(), now_claims()), authorization=authorization)
    assert (answer.status_code, answer.json()["err"]) == (400, "authentication_failed")


def test_another_content_type_is_refused(sharing: Installation) -> None:
    answer = push(sharing, rs256(header(), now_claims()), **{"content-type": "application/jwt"})
    assert (answer.status_code, answer.json()["err"]) == (400, "invalid_request")


def test_a_provider_that_is_not_declared_has_no_endpoint(sharing: Installation) -> None:
    assert httpx.post(f"{sharing.url}/ssf/events/other", content=b"x").status_code == 404


def test_signing_keys_lie_beside_the_store_for_the_owner_alone(sharing: Installation) -> None:
    published(sharing)
    folder = Path(sharing.settings.store.path).parent / "ssf-keys"
    assert [oct(file.stat().st_mode & 0o777) for file in folder.iterdir()] == ["0o600"]
