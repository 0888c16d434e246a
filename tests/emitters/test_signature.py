from __future__ import annotations

import json
from pathlib import Path

import pytest
from sessionwatch_emitter.keys import derive_signing_key
from sessionwatch_emitter.signature import header_value, sign, signed_bytes, verify

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text())
SIGNING_KEY = derive_signing_key(VECTORS["secret"].encode(), "bank")


@pytest.mark.parametrize("vector", VECTORS["signatures"])
def test_the_vectors_are_signed_as_written(vector: dict[str, str]) -> None:
    signing_key = derive_signing_key(VECTORS["secret"].encode(), vector["app"])
    key = bytes.fromhex(vector["key_hex"]) if vector["key_hex"] is not None else None
    value = bytes.fromhex(vector["value_hex"])
    header = header_value(vector["key_id"], sign(signing_key, vector["app"], key, value))
    assert header.decode() == vector["header"]
    assert verify(signing_key, vector["key_id"], vector["app"], key, value, header)


def test_parts_are_preceded_by_their_length() -> None:
    assert signed_bytes("ab", b"c", b"") == b"\0\0\0\2ab\0\0\0\1c\0\0\0\0"


def test_bytes_cannot_move_from_the_key_to_the_value() -> None:
    assert sign(SIGNING_KEY, "bank", b"ab", b"c") != sign(SIGNING_KEY, "bank", b"a", b"bc")


@pytest.mark.parametrize(
    ("key_id", "app", "key", "value"),
    [
        ("k2", "bank", b"alice", b"{}"),
        ("k1", "shop", b"alice", b"{}"),
        ("k1", "bank", b"bob", b"{}"),
        ("k1", "bank", None, b"{}"),
        ("k1", "bank", b"alice", b"{ }"),
    ],
)
def test_a_change_anywhere_is_seen(key_id: str, app: str, key: bytes | None, value: bytes) -> None:
    header = header_value("k1", sign(SIGNING_KEY, "bank", b"alice", b"{}"))
    assert not verify(SIGNING_KEY, key_id, app, key, value, header)


@pytest.mark.parametrize("header", [b"", b"v1", b"v1,k1", b"v1,k1,", b"v1,k1,???", b"v2,k1,AAAA", b"\xff,\xff"])
def test_a_malformed_header_verifies_nothing(header: bytes) -> None:
    assert not verify(SIGNING_KEY, "k1", "bank", None, b"{}", header)
