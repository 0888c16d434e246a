"""Signing keys: for their owner alone, replaced in time, published a while longer."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from response.ssf.keys import KeyRing, KeysUnusable
from schemas.instant import DAY


class Time:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now_us = 1_795_000_000_000_000

    def __call__(self) -> int:
        return self.now_us


def ring(folder: Path, clock: Time, algorithm: str = "ES256") -> KeyRing:
    return KeyRing(folder / "keys", algorithm, lifetime_us=90 * DAY, overlap_us=7 * DAY, clock=clock)  # type: ignore[arg-type]


def published(keys: KeyRing) -> list[object]:
    return [key["kid"] for key in keys.published()["keys"]]


def test_keys_belong_to_their_owner_alone(tmp_path: Path) -> None:
    ring(tmp_path, Time()).current()
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    assert [stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "keys").iterdir()] == [0o600]


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    clock = Time()
    ring(tmp_path, clock).current()
    (file,) = (tmp_path / "keys").iterdir()
    file.chmod(0o644)
    ring(tmp_path, clock).current()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_restart_goes_on_with_the_same_key(tmp_path: Path) -> None:
    clock = Time()
    assert ring(tmp_path, clock).current().kid == ring(tmp_path, clock).current().kid


def test_what_is_published_holds_nothing_private(tmp_path: Path) -> None:
    (key,) = ring(tmp_path, Time(), "RS256").published()["keys"]
    assert key.keys() == {"kty", "n", "e", "kid", "alg", "use"}


def test_a_key_is_replaced_and_stays_published_for_its_time(tmp_path: Path) -> None:
    clock = Time()
    keys = ring(tmp_path, clock)
    first = keys.current().kid
    clock.now_us += 90 * DAY
    second = keys.current().kid
    assert published(keys) == [second, first]
    clock.now_us += 7 * DAY
    assert published(keys) == [second]
    assert len(list((tmp_path / "keys").iterdir())) == 1


def test_a_restart_forgets_no_key_that_is_still_needed(tmp_path: Path) -> None:
    clock = Time()
    first = ring(tmp_path, clock).current().kid
    clock.now_us += 91 * DAY
    second = ring(tmp_path, clock).current().kid
    assert published(ring(tmp_path, clock)) == [second, first]


def test_another_algorithm_is_a_new_key(tmp_path: Path) -> None:
    clock = Time()
    first = ring(tmp_path, clock, "RS256").current()
    clock.now_us += 1
    second = ring(tmp_path, clock, "ES256")
    assert second.current().algorithm == "ES256"
    assert published(second)[1] == first.kid


def test_a_broken_file_is_named_and_not_shown(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "1.x.json").write_text('{"made_us": 1, "jwk": {"kty": "RSA", "d": "secret"}}')
    with pytest.raises(KeysUnusable, match=r"1\.x\.json holds no signing key") as refused:
        ring(tmp_path, Time()).current()
    assert "secret" not in str(refused.value)


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("")
    with pytest.raises(KeysUnusable, match="the folder of signing keys"):
        ring(tmp_path, Time()).current()
