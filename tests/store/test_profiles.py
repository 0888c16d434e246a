"""The days of users: kept for three months, the newest for longer, and read for many users at once."""

from __future__ import annotations

import pytest

from store.errors import WriterMisused
from store.reader import Reader
from store.retention import NEWEST_DAY_KEPT, USER_DAYS_KEPT
from store.rows import UserDay
from store.writer import Writer

ALICE, BOB = ("bank", "alice"), ("bank", "bob")


def row(day: int, user: tuple[str, str] = ALICE, successes: int = 3, content: bytes = b"\x90") -> UserDay:
    return UserDay(*user, day, 1, successes, content)


def save(writer: Writer, *days: UserDay) -> None:
    with writer.transaction():
        writer.save_user_days(days)


def found(reader: Reader, *users: tuple[str, str], before: int = 1_000) -> list[tuple[str, str, int]]:
    return sorted((day.realm, day.user_id, day.day) for day in reader.user_days(dict.fromkeys(users, before)))


def test_days_come_back_as_they_were_for_many_users_at_once(writer: Writer, reader: Reader) -> None:
    days = [row(10), row(11, content=bytes(range(256))), row(11, BOB)]
    save(writer, *days)
    back = reader.user_days({ALICE: 20, BOB: 20})
    assert sorted(back, key=lambda day: (day.user_id, day.day)) == days


def test_each_user_has_a_day_before_which_days_count(writer: Writer, reader: Reader) -> None:
    save(writer, row(10), row(11), row(10, BOB), row(11, BOB))
    back = reader.user_days({ALICE: 11, BOB: 12})
    assert sorted((day.user_id, day.day) for day in back) == [("alice", 10), ("bob", 10), ("bob", 11)]


def test_a_name_in_another_realm_is_another_person(writer: Writer, reader: Reader) -> None:
    save(writer, row(10), row(10, ("shop", "alice")))
    assert found(reader, ALICE) == [("bank", "alice", 10)]


def test_beyond_the_horizon_the_newest_day_alone_is_read(writer: Writer, reader: Reader) -> None:
    save(writer, row(10), row(11), row(11, BOB), row(390, BOB))
    assert found(reader, ALICE, BOB, before=400) == [("bank", "alice", 11), ("bank", "bob", 390)]


def test_nobody_asked_for_is_nobody_found(writer: Writer, reader: Reader) -> None:
    save(writer, row(10))
    assert reader.user_days({}) == []
    assert found(reader, ("bank", "nobody")) == []


@pytest.mark.parametrize("order", [(3, 9), (9, 3)])
@pytest.mark.parametrize("together", [True, False])
def test_of_two_of_one_day_the_fuller_stands(
    writer: Writer, reader: Reader, order: tuple[int, int], together: bool
) -> None:
    days = [row(10, successes=successes) for successes in order]
    for batch in [days] if together else [[day] for day in days]:
        save(writer, *batch)
    assert [day.successes for day in reader.user_days({ALICE: 20})] == [9]


def test_what_is_taken_back_was_never_there(writer: Writer, reader: Reader) -> None:
    def broken() -> None:
        with writer.transaction():
            writer.save_user_days([row(10)])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        broken()
    assert found(reader, ALICE) == []


def test_days_go_after_three_months_and_the_newest_after_a_year(writer: Writer, reader: Reader) -> None:
    save(writer, row(10), row(11), row(10, BOB), row(200, BOB))
    assert writer.retain_user_days(10 + NEWEST_DAY_KEPT) == 2
    assert found(reader, ALICE, BOB) == [("bank", "alice", 11), ("bank", "bob", 200)]
    assert writer.retain_user_days(12 + NEWEST_DAY_KEPT) == 1
    assert found(reader, ALICE, BOB) == [("bank", "bob", 200)]


def test_inside_three_months_nothing_goes(writer: Writer, reader: Reader) -> None:
    save(writer, row(10), row(11))
    assert writer.retain_user_days(10 + USER_DAYS_KEPT) == 0
    assert len(found(reader, ALICE, before=12)) == 2


def test_once_a_day_is_enough(writer: Writer) -> None:
    writer.retain_user_days(200)
    save(writer, row(10), row(11))
    assert writer.retain_user_days(200) == 0
    assert writer.retain_user_days(201) == 1


def test_without_a_transaction_nothing_is_written(writer: Writer) -> None:
    with pytest.raises(WriterMisused):
        writer.save_user_days([row(10)])
