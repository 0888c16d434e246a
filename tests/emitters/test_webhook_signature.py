from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sessionwatch_emitter import SecretError
from sessionwatch_emitter.webhook_signature import in_time, is_signed, read_webhook_secret
from standardwebhooks.webhooks import Webhook

SECRET = "whsec_" + base64.b64encode(b"0" * 32).decode()
KEYS = [read_webhook_secret(SECRET)]


@given(st.text(max_size=200))
def test_what_the_published_library_signs_is_accepted(body: str) -> None:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    encoded = body.encode("utf-8", "replace")
    signature = Webhook(SECRET).sign("msg_1", moment, encoded.decode())
    assert is_signed(KEYS, "msg_1", str(int(moment.timestamp())), encoded, signature)


def test_the_specifications_own_example_is_accepted() -> None:
    # From the specification's test data, as in the published libraries.
    key = read_webhook_secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    signature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    body = b'{"test": 2432232314}'
    assert is_signed([key], "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", body, signature)


def test_one_fitting_signature_of_several_is_enough() -> None:
    signature = Webhook(SECRET).sign("m", datetime.fromtimestamp(7, UTC), "{}")
    assert is_signed(KEYS, "m", "7", b"{}", f"v1,AAAA {signature} v1a,BBBB")


def test_one_fitting_secret_of_two_is_enough() -> None:
    signature = Webhook(SECRET).sign("m", datetime.fromtimestamp(7, UTC), "{}")
    assert is_signed([b"1" * 32, *KEYS], "m", "7", b"{}", signature)


@pytest.mark.parametrize("signatures", ["", "v1", "v1,", "v1,é", "v2,AAAA", "v1,AAAA", ",", "v1,\ud800"])
def test_anything_else_fits_nothing(signatures: str) -> None:
    assert not is_signed(KEYS, "m", "7", b"{}", signatures)


@pytest.mark.parametrize("timestamp", ["1000", "700", "1300"])
def test_five_minutes_either_way_are_in_time(timestamp: str) -> None:
    assert in_time(timestamp, 1000.0)


@pytest.mark.parametrize("timestamp", ["699", "1301", "", "x", "-1000", "1e3", "1000.0", "9" * 5000])
def test_more_than_that_or_no_number_is_not(timestamp: str) -> None:
    assert not in_time(timestamp, 1000.0)


@pytest.mark.parametrize("secret", ["whsec_", "whsec_AAAA", "whsec_***", "whsec_" + "A" * 200])
def test_a_malformed_secret_is_refused_without_being_quoted(secret: str) -> None:
    with pytest.raises(SecretError, match=r"^a webhook secret must (be whsec_ and base64|have 24 to 64 bytes.*)$"):
        read_webhook_secret(secret)
