from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from response.act_links import LIFE_US, LinkExpired, LinkKey, LinkRefused
from schemas.instant import parse_rfc3339
from schemas.link import LINK_ACTS

KEY, OTHER = LinkKey(b"k" * 32, "https://watch.example"), LinkKey(b"o" * 32, "https://watch.example")
ALERT = "99999999-9999-4999-8999-999999999999"
NOW = parse_rfc3339("2026-11-25T03:10:00.5Z")


def token(act: str = "acknowledge", message: str = "m1", now_us: int = NOW) -> str:
    return KEY.links(message, LINK_ACTS, ALERT, now_us)[act].partition("#")[2]


@pytest.mark.parametrize("act", LINK_ACTS)
def test_a_link_names_alert_and_act(act: str) -> None:
    link = KEY.read(token(act), NOW)
    assert (link.act, link.alert_id) == (act, ALERT)


def test_the_token_stands_in_the_fragment() -> None:
    assert KEY.links("m1", ["take"], ALERT, NOW)["take"].startswith("https://watch.example/act#swl1")


def test_it_is_short_and_without_signs_that_a_chat_takes_for_markup() -> None:
    assert len(token()) <= 92
    assert token().isalnum()


def test_it_lives_half_an_hour() -> None:
    assert KEY.read(token(), NOW + LIFE_US - 1).until_us >= NOW + LIFE_US
    with pytest.raises(LinkExpired, match="30 minutes are over"):
        KEY.read(token(), NOW + LIFE_US + 1_000_000)


def test_a_message_told_again_has_the_same_links() -> None:
    assert KEY.read(token(), NOW).id == KEY.read(token(now_us=NOW + LIFE_US), NOW).id


def test_other_messages_and_acts_have_others() -> None:
    ids = {KEY.read(token(act, message), NOW).id for act in LINK_ACTS for message in ("m1", "m2")}
    assert len(ids) == 2 * len(LINK_ACTS)


def test_there_are_links_for_what_is_wanted_alone() -> None:
    few = LinkKey(b"k" * 32, "https://watch.example", ["acknowledge", "take"])
    assert list(few.links("m1", ["take", "revoke_session"], ALERT, NOW)) == ["take"]


def test_another_key_takes_none() -> None:
    with pytest.raises(LinkRefused, match="was changed"):
        OTHER.read(token(), NOW)


@given(place=st.integers(4, len(token()) - 1), sign=st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_a_changed_token_is_refused(place: int, sign: str) -> None:
    changed = token()[:place] + sign + token()[place + 1 :]
    if changed != token():
        with pytest.raises(LinkRefused):
            KEY.read(changed, NOW)


@given(st.text(max_size=120))
def test_what_is_no_token_is_refused(text: str) -> None:
    for made in (text, f"swl1{text}"):
        with pytest.raises(LinkRefused):
            KEY.read(made, NOW)


def test_no_message_repeats_the_token() -> None:
    with pytest.raises(LinkRefused) as refused:
        OTHER.read(token(), NOW)
    assert token()[4:] not in str(refused.value)


def test_the_key_shows_nowhere() -> None:
    assert "kkk" not in repr(KEY)


def test_a_key_of_another_length_is_none() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        LinkKey(uuid.uuid4().bytes, "https://watch.example")
