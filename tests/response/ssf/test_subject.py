"""Which subjects are one: SSF 1.0 section 8.1.3.1."""

from __future__ import annotations

import pytest

from response.ssf.stream import Stream
from response.ssf.subject import check_subject, matches

ALICE = {"format": "iss_sub", "iss": "https://i.example", "sub": "alice"}
BOB = ALICE | {"sub": "bob"}
SESSION = {"format": "opaque", "id": "s1"}


def whole(**members: dict[str, str]) -> dict[str, object]:
    return {"format": "complex", **members}


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (ALICE, ALICE, True),
        (ALICE, BOB, False),
        (whole(user=ALICE), whole(user=ALICE, session=SESSION), True),
        (whole(user=BOB), whole(user=ALICE, session=SESSION), False),
        (whole(user=ALICE, session=SESSION), whole(user=ALICE), True),
        (whole(device=SESSION), whole(user=ALICE), False),
        (ALICE, whole(user=ALICE), False),
    ],
)
def test_subjects_match(one: dict[str, object], other: dict[str, object], expected: bool) -> None:
    assert matches(one, other) is expected
    assert matches(other, one) is expected


@pytest.mark.parametrize(
    "value",
    [
        None,
        [],
        {},
        {"format": "opaque"},
        {"format": "opaque", "id": ""},
        {"format": "opaque", "id": 7},
        {"format": "opaque", "id": "x" * 2_000},
        {"format": "unheard of", "id": "x"},
        {"format": "complex"},
        {"format": "complex", "user": "alice"},
        {"format": "complex", "user": {"format": "complex", "user": ALICE}},
        {"format": "opaque", "id": "x", **{f"more{number}": "x" for number in range(20)}},
    ],
)
def test_what_is_no_subject_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="subject"):
        check_subject(value)


def test_a_stream_leaves_out_the_subjects_that_were_removed() -> None:
    stream = Stream("bank", "s", "poll", removed=(whole(user=BOB),))
    assert stream.excludes(whole(user=BOB, session=SESSION))
    assert not stream.excludes(whole(user=ALICE, session=SESSION))
