from __future__ import annotations

import json
from pathlib import Path

import pytest
from sessionwatch_emitter import SecretError, SessionEmitter
from sessionwatch_emitter.keys import KeyRing, derive_signing_key, hkdf, read_secret

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text())


@pytest.fixture
def keys() -> KeyRing:
    return KeyRing(
        "bank",
        VECTORS["secret"],
        VECTORS["key_id"],
        previous=VECTORS["previous_secrets"],
        sso_secret=VECTORS["sso_secret"],
    )


def test_hkdf_agrees_with_rfc_5869_test_case_3() -> None:
    expected = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"  # RFC 5869, A.3
    assert hkdf(b"\x0b" * 22, b"", 42).hex() == expected


@pytest.mark.parametrize("vector", VECTORS["signing_keys"], ids=lambda vector: vector["app"])
def test_each_app_has_a_signing_key_of_its_own(vector: dict[str, str]) -> None:
    assert derive_signing_key(VECTORS["secret"].encode(), vector["app"]).hex() == vector["hex"]


@pytest.mark.parametrize("vector", VECTORS["session_ids"], ids=lambda vector: vector["raw"][:20])
def test_a_session_has_an_id_under_each_key_the_current_one_first(keys: KeyRing, vector: dict[str, object]) -> None:
    assert list(keys.session_ids(str(vector["raw"]))) == vector["ids"]


def test_a_session_id_is_the_key_id_and_43_characters(keys: KeyRing) -> None:
    prefix, key_id, digest = keys.session_id(b"raw").split("_", 2)
    assert (prefix, key_id, len(digest)) == ("s", "k1", 43)


@pytest.mark.parametrize("vector", VECTORS["parent_ids"], ids=["sign-on", "own"])
def test_a_sign_on_session_is_hashed_by_the_realms_key(keys: KeyRing, vector: dict[str, object]) -> None:
    assert keys.parent_id(str(vector["raw"]), sso=bool(vector["sso"])) == vector["id"]


def test_the_sign_on_itself_hashes_its_sessions_as_the_apps_behind_it_do(keys: KeyRing) -> None:
    sign_on = KeyRing(
        "login", "another secret, of the sign-on alone", sso_secret=VECTORS["sso_secret"], sso_provider=True
    )
    assert sign_on.session_id("raw-sign-on") == keys.parent_id("raw-sign-on", sso=True)


@pytest.mark.parametrize("vector", VECTORS["user_hints"], ids=["plain", "typed otherwise"])
def test_a_hint_does_not_depend_on_case_and_blanks(keys: KeyRing, vector: dict[str, str]) -> None:
    assert keys.user_hint(vector["typed"]) == vector["hint"]


def test_a_hint_is_not_comparable_with_a_session_id(keys: KeyRing) -> None:
    assert keys.user_hint("same text")[5:] != keys.session_id("same text")[5:]


@pytest.mark.parametrize("secret", ["", "short", b"x" * 31])
def test_a_short_secret_is_refused_in_one_line(secret: str | bytes) -> None:
    with pytest.raises(SecretError, match=r"^the secret has \d+ bytes, at least 32 are needed: .*$"):
        SessionEmitter("bank", secret=secret)


def test_a_secret_file_is_read_without_its_line_end(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"k" * 40 + b"\r\n")
    assert read_secret(tmp_path / "key") == b"k" * 40


def test_a_missing_secret_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SecretError, match=r"cannot read the secret file .*nowhere: No such file"):
        SessionEmitter("bank", secret_file=tmp_path / "nowhere")


@pytest.mark.parametrize("key_id", ["", "k_1", "k 1", "k" * 33, "ké"])
def test_a_key_id_must_be_plain(key_id: str) -> None:
    with pytest.raises(SecretError, match="1 to 32 letters, digits or hyphens"):
        KeyRing("bank", "x" * 32, key_id)


def test_nothing_secret_stands_in_a_repr(keys: KeyRing) -> None:
    assert repr(keys) == "KeyRing(key_id='k1')"
