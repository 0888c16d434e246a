"""The signature of a record, as the pipeline checks it."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.signature import HEADER, sign, verify

KEY = b"k" * 32
OLD = b"o" * 32
KEYS = {"k2": KEY, "k1": OLD}


def header(
    key_id: str = "k2", key: bytes = KEY, app: str = "bank", of: tuple[bytes | None, bytes] = (b"a", b"{}")
) -> bytes:
    return b"v1," + key_id.encode() + b"," + base64.b64encode(sign(key, app, *of))


def valid(*contents: bytes, app: str = "bank", of: tuple[bytes | None, bytes] = (b"a", b"{}")) -> bool:
    return verify(KEYS, app, *of, tuple((HEADER, content) for content in contents))


def test_the_apps_own_signature_is_valid() -> None:
    assert valid(header())


def test_while_keys_are_replaced_the_old_one_is_valid_too() -> None:
    assert valid(header("k1", OLD))


def test_a_record_without_a_key_can_be_signed() -> None:
    assert valid(header(of=(None, b"{}")), of=(None, b"{}"))


def test_other_headers_are_passed_over() -> None:
    assert verify(KEYS, "bank", b"a", b"{}", (("trace", b"x"), (HEADER, header())))


def test_no_header_is_no_signature() -> None:
    assert not valid()


def test_the_first_signature_decides() -> None:
    assert not valid(b"v1,k2,AAAA", header())


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(header("k3"), id="unknown key id"),
        pytest.param(header("k1"), id="another key's id"),
        pytest.param(header(key=b"x" * 32), id="another key"),
        pytest.param(header(app="shop"), id="another app"),
        pytest.param(header(of=(b"b", b"{}")), id="another record key"),
        pytest.param(header(of=(b"a", b"[]")), id="another value"),
        pytest.param(header(of=(b"a{", b"}")), id="a byte moved from value to key"),
        pytest.param(header()[:-4], id="cut"),
        pytest.param(header() + b"AAAA", id="longer"),
        pytest.param(header().replace(b"v1", b"v2"), id="another version"),
        pytest.param(header() + b",x", id="a part too many"),
        pytest.param(b"v1,k2", id="no signature in it"),
        pytest.param(b"v1,k2,", id="an empty one"),
        pytest.param(b"v1,k2,*", id="no base64"),
        pytest.param(b"v1,k2,\xff\xff", id="no ASCII"),
        pytest.param(b"", id="empty"),
    ],
)
def test_anything_else_is_not(content: bytes) -> None:
    assert not valid(content)


def test_an_app_name_cannot_lend_bytes_to_the_record_key() -> None:
    assert not valid(header(app="ban", of=(b"ka", b"{}")))


@given(st.binary(max_size=80))
def test_any_header_is_just_invalid(content: bytes) -> None:
    assert not valid(content)


@given(st.integers(0, 31), st.integers(1, 255))
def test_a_changed_byte_is_seen(place: int, change: int) -> None:
    mac = bytearray(sign(KEY, "bank", b"a", b"{}"))
    mac[place] ^= change
    assert not valid(b"v1,k2," + base64.b64encode(mac))
