"""Tokens of an identity provider: a good one is taken, and damaged ones are refused, each for what is wrong with it."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from response.ssf.jwks import KeySet
from response.ssf.verify import MAX_TOKEN_BYTES, SetRefused, SetVerifier
from tests.response.ssf.given import (
    AUDIENCE,
    ISSUER,
    JWKS,
    NOW,
    NOW_S,
    OTHER_RSA,
    RSA,
    SESSION_REVOKED,
    b64,
    claims,
    clock,
    es256,
    good,
    header,
    hs256,
    rs256,
    rsa_jwk,
    signing_input,
)

DAY_S = 86_400
RISK = "https://schemas.openid.net/secevent/caep/event-type/risk-level-change"
PEM = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
DER = RSA.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def verifier(jwks: bytes = JWKS) -> SetVerifier:
    return SetVerifier(ISSUER, AUDIENCE, KeySet(lambda: jwks, "idp", clock=clock), clock=clock)


def test_a_good_token_says_what_happened_to_whom() -> None:
    received = verifier().verify(good())
    assert (received.jti, received.event_type) == ("jti-1", SESSION_REVOKED)
    assert received.happened_us == NOW - 6_000_000
    assert received.sub_id["session"] == {"format": "opaque", "id": "idp-1"}


@pytest.mark.parametrize(
    "token",
    [
        es256(header(alg="ES256", kid="e1"), claims()),
        rs256(header(typ="application/SECEVENT+JWT"), claims()),
        rs256(header(), claims(aud=["https://other.example.com", AUDIENCE])),
        rs256(header(), claims(txn="t-1")),
        rs256(header(), claims(events={"https://example.com/an-event-of-its-own": {}})),
        rs256(header(), claims(iat=NOW_S + 30)),
        rs256(header(), claims(iat=NOW_S - DAY_S)),
    ],
    ids=["ES256", "typ in full", "several audiences", "txn", "other event", "clock ahead", "a day old"],
)
def test_what_the_profile_allows_is_taken(token: bytes) -> None:
    assert verifier().verify(token).jti == "jti-1"


def tampered() -> bytes:
    head, _, signature = good().split(b".")
    body = b64(json.dumps(claims(jti="jti-2")).encode()).encode()
    return b".".join((head, body, signature))


def spare_bits() -> bytes:
    """The same signature, written with other bits behind its last byte."""
    token = good()
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return token[:-1] + alphabet[alphabet.index(token[-1:]) + 1 :][:1]


DAMAGED = {
    "alg none": (f"{signing_input(header(alg='none'), claims())}.".encode(), "invalid_request"),
    "alg none with a signature": (rs256(header(alg="none"), claims()), "invalid_key"),
    "alg None in another case": (rs256(header(alg="NonE"), claims()), "invalid_key"),
    "alg missing": (rs256(header(alg=None), claims()), "invalid_key"),
    "alg not allowed": (rs256(header(alg="RS512"), claims()), "invalid_key"),
    "HS256 with the public key as PEM": (hs256(header(alg="HS256"), claims(), PEM), "invalid_key"),
    "HS256 with the public key as DER": (hs256(header(alg="HS256"), claims(), DER), "invalid_key"),
    "HS256 with the published modulus": (hs256(header(alg="HS256"), claims(), rsa_jwk()["n"].encode()), "invalid_key"),
    "ES256 said of an RSA key": (rs256(header(alg="ES256"), claims()), "invalid_key"),
    "RS256 said of a curve's key": (rs256(header(kid="e1"), claims()), "invalid_key"),
    "signed by somebody else": (rs256(header(), claims(), OTHER_RSA), "invalid_key"),
    "unknown kid": (rs256(header(kid="r2"), claims()), "invalid_key"),
    "no kid": (rs256(header(kid=None), claims()), "invalid_key"),
    "kid that is no text": (rs256(header(kid=["r1"]), claims()), "invalid_key"),
    "own key in jwk": (rs256(header(jwk=rsa_jwk("r1", OTHER_RSA)), claims(), OTHER_RSA), "invalid_key"),
    "own key by jku": (rs256(header(jku="https://evil.example.com/jwks"), claims(), OTHER_RSA), "invalid_key"),
    "own key by x5u": (rs256(header(x5u="https://evil.example.com/cert"), claims()), "invalid_key"),
    "own key in x5c": (rs256(header(x5c=["MIIB"]), claims()), "invalid_key"),
    "crit": (rs256(header(crit=["exp"]), claims()), "invalid_key"),
    "unencoded payload": (rs256(header(b64=False), claims()), "invalid_key"),
    "wrong typ": (rs256(header(typ="JWT"), claims()), "invalid_request"),
    "typ of a logout token": (rs256(header(typ="logout+jwt"), claims()), "invalid_request"),
    "no typ": (rs256(header(typ=None), claims()), "invalid_request"),
    "wrong issuer": (rs256(header(), claims(iss=f"{ISSUER}/")), "invalid_issuer"),
    "no issuer": (rs256(header(), claims(iss=None)), "invalid_issuer"),
    "wrong audience": (rs256(header(), claims(aud="https://other.example.com")), "invalid_audience"),
    "no audience": (rs256(header(), claims(aud=None)), "invalid_audience"),
    "audience that only begins so": (rs256(header(), claims(aud=f"{AUDIENCE}.evil.example")), "invalid_audience"),
    "exp present": (rs256(header(), claims(exp=NOW_S + 300)), "invalid_request"),
    "sub present": (rs256(header(), claims(sub="alice")), "invalid_request"),
    "old": (rs256(header(), claims(iat=NOW_S - 3 * DAY_S)), "invalid_request"),
    "issued in the future": (rs256(header(), claims(iat=NOW_S + 3_600)), "invalid_request"),
    "issued in milliseconds": (rs256(header(), claims(iat=NOW_S * 1_000)), "invalid_request"),
    "no iat": (rs256(header(), claims(iat=None)), "invalid_request"),
    "iat that is a text": (rs256(header(), claims(iat=str(NOW_S))), "invalid_request"),
    "iat that is true": (rs256(header(), claims(iat=True)), "invalid_request"),
    "no jti": (rs256(header(), claims(jti=None)), "invalid_request"),
    "jti with a line break": (rs256(header(), claims(jti="a\nb")), "invalid_request"),
    "two events": (rs256(header(), claims(events={SESSION_REVOKED: {}, RISK: {}})), "invalid_request"),
    "no event": (rs256(header(), claims(events={})), "invalid_request"),
    "events that are a list": (rs256(header(), claims(events=[SESSION_REVOKED])), "invalid_request"),
    "no events": (rs256(header(), claims(events=None)), "invalid_request"),
    "no subject": (rs256(header(), claims(sub_id=None)), "invalid_request"),
    "subject of no format": (rs256(header(), claims(sub_id={"id": "idp-1"})), "invalid_request"),
    "complex in complex": (
        rs256(header(), claims(sub_id={"format": "complex", "user": {"format": "complex"}})),
        "invalid_request",
    ),
    "tampered claims": (tampered(), "invalid_key"),
    "signature written otherwise": (spare_bits(), "invalid_request"),
    "bad base64": (b"!" + good()[1:], "invalid_request"),
    "padding": (good() + b"==", "invalid_request"),
    "line break at the end": (good() + b"\n", "invalid_request"),
    "two parts": (good().rpartition(b".")[0], "invalid_request"),
    "encrypted form": (b".".join([*good().split(b"."), b"YQ", b"YQ"]), "invalid_request"),
    "no JSON": (rs256("{", json.dumps(claims())), "invalid_request"),
    "claims that are a list": (rs256(header(), "[]"), "invalid_request"),
    "a claim twice": (rs256(header(), json.dumps(claims())[:-1] + ', "jti": "jti-2"}'), "invalid_request"),
    "not finite": (rs256(header(), '{"iat": NaN}'), "invalid_request"),
    "nested without end": (rs256(header(), '{"a":' * 3_000), "invalid_request"),
    "oversized": (rs256(header(), claims(txn="x" * MAX_TOKEN_BYTES)), "invalid_request"),
    "nothing": (b"", "invalid_request"),
    "no ASCII": ("ü.ü.ü".encode(), "invalid_request"),
}


@pytest.mark.parametrize(("token", "code"), DAMAGED.values(), ids=DAMAGED.keys())
def test_a_damaged_token_is_refused(token: bytes, code: str) -> None:
    with pytest.raises(SetRefused) as refused:
        verifier().verify(token)
    assert refused.value.err == code


@pytest.mark.parametrize(("token", "code"), DAMAGED.values(), ids=DAMAGED.keys())
def test_a_refusal_does_not_repeat_the_token(token: bytes, code: str) -> None:
    with pytest.raises(SetRefused) as refused:
        verifier().verify(token)
    for word in ("alice", "idp-1", "evil.example"):
        assert word not in refused.value.description


@given(st.binary(max_size=200))
def test_no_bytes_end_in_anything_but_a_refusal(content: bytes) -> None:
    with pytest.raises(SetRefused):
        verifier().verify(content)


GOOD = good()


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 255))
def test_a_token_with_any_byte_changed_is_refused(place: int, change: int) -> None:
    changed = bytearray(GOOD)
    changed[place] ^= change
    with pytest.raises(SetRefused):
        verifier().verify(bytes(changed))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(["iss", "aud", "iat", "jti", "sub_id", "events"]), JSON)
def test_signed_nonsense_is_taken_or_refused_and_never_an_error(name: str, value: object) -> None:
    with suppress(SetRefused):
        verifier().verify(rs256(header(), {**claims(), name: value}))


@given(st.sampled_from(["alg", "typ", "kid", "jwk", "cty"]), JSON)
def test_a_header_of_nonsense_is_taken_or_refused_and_never_an_error(name: str, value: object) -> None:
    with suppress(SetRefused):
        verifier().verify(rs256({**header(), name: value}, claims()))


def test_a_key_set_gives_no_way_to_a_symmetric_key() -> None:
    shared = b"0" * 32
    jwks = json.dumps({"keys": [rsa_jwk(), {"kty": "oct", "kid": "s1", "alg": "HS256", "k": b64(shared)}]}).encode()
    with pytest.raises(SetRefused, match="invalid_key"):
        verifier(jwks).verify(hs256(header(alg="HS256", kid="s1"), claims(), shared))


def test_a_short_key_is_none() -> None:
    short = rsa.generate_private_key(public_exponent=65537, key_size=1024)
    jwks = json.dumps({"keys": [rsa_jwk("short", short), rsa_jwk()]}).encode()
    with pytest.raises(SetRefused, match="invalid_key"):
        verifier(jwks).verify(rs256(header(kid="short"), claims(), short))


def test_a_key_for_encryption_verifies_nothing() -> None:
    jwks = json.dumps({"keys": [rsa_jwk("enc") | {"use": "enc"}, rsa_jwk()]}).encode()
    with pytest.raises(SetRefused, match="invalid_key"):
        verifier(jwks).verify(rs256(header(kid="enc"), claims()))


def test_the_same_claims_have_the_same_digest_however_they_are_signed() -> None:
    first, again = (es256(header(alg="ES256", kid="e1"), claims()) for _ in range(2))
    assert first != again
    assert verifier().verify(first).digest == verifier().verify(again).digest
