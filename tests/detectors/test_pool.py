from __future__ import annotations

from detectors.pool import Pool
from detectors.state import State
from detectors.timeline import Item, Timeline


def timeline() -> Timeline:
    def fold(_state: State, _item: Item) -> None:
        """Nothing is folded here."""

    return Timeline("session", fold, 0)


def woken(_key: str, content: bytes) -> Timeline:
    one = timeline()
    one.newest_us = int(content)
    return one


def written(one: Timeline) -> bytes:
    return str(one.newest_us).encode()


def pool_of(trusted_bound: int, untrusted_bound: int) -> Pool:
    return Pool(trusted_bound, untrusted_bound, woken)


def test_a_flood_of_invented_keys_never_evicts_an_authenticated_one() -> None:
    pool = pool_of(trusted_bound=2, untrusted_bound=2)
    pool.touch("victim", timeline(), trusted=True)
    gone = [key for number in range(5) for key, _ in pool.touch(f"invented{number}", timeline(), trusted=False)]
    assert gone == ["invented0", "invented1", "invented2"]
    assert pool.get("victim") is not None


def test_one_authenticated_event_makes_a_key_trusted_for_good() -> None:
    pool = pool_of(trusted_bound=2, untrusted_bound=1)
    known = timeline()
    pool.touch("alice", known, trusted=False)
    pool.touch("alice", known, trusted=True)
    pool.touch("alice", known, trusted=False)
    pool.touch("invented", timeline(), trusted=False)
    assert pool.get("alice") is known
    assert len(pool) == 2


def test_the_key_that_was_not_touched_for_longest_goes_first() -> None:
    pool = pool_of(trusted_bound=2, untrusted_bound=2)
    first = timeline()
    pool.touch("first", first, trusted=True)
    pool.touch("second", timeline(), trusted=True)
    pool.touch("first", first, trusted=True)
    assert [key for key, _ in pool.touch("third", timeline(), trusted=True)] == ["second"]


def test_a_key_that_sleeps_is_held_as_bytes_until_somebody_asks() -> None:
    pool = pool_of(trusted_bound=2, untrusted_bound=2)
    quiet = timeline()
    quiet.newest_us = 7
    pool.touch("quiet", quiet, trusted=True)
    pool.sleep("quiet", 7, written)
    assert list(pool.oldest()) == [("quiet", 7, None)]
    again = pool.get("quiet")
    assert again is not None
    assert again is not quiet
    assert list(pool.oldest()) == [("quiet", 7, again)]


def test_a_key_that_was_heard_of_again_does_not_sleep() -> None:
    pool = pool_of(trusted_bound=2, untrusted_bound=2)
    known = timeline()
    known.newest_us = 8
    pool.touch("known", known, trusted=True)
    pool.sleep("known", 7, written)
    assert pool.get("known") is known


def test_a_key_asleep_can_be_dropped_and_evicted() -> None:
    pool = pool_of(trusted_bound=2, untrusted_bound=2)
    for key in ("first", "second"):
        pool.touch(key, timeline(), trusted=True)
        pool.sleep(key, 0, written)
    assert [key for key, _ in pool.touch("third", timeline(), trusted=True)] == ["first"]
    assert pool.pop("second") is not None
    assert pool.get("second") is None
