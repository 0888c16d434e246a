from __future__ import annotations

from detectors.pool import Pool
from detectors.state import State
from detectors.timeline import Item, Timeline


def timeline() -> Timeline:
    def fold(_state: State, _item: Item) -> None:
        """Nothing is folded here."""

    return Timeline("session", fold, 0)


def test_a_flood_of_invented_keys_never_evicts_an_authenticated_one() -> None:
    pool = Pool(trusted_bound=2, untrusted_bound=2)
    pool.touch("victim", timeline(), trusted=True)
    gone = [key for number in range(5) for key, _ in pool.touch(f"invented{number}", timeline(), trusted=False)]
    assert gone == ["invented0", "invented1", "invented2"]
    assert pool.get("victim") is not None


def test_one_authenticated_event_makes_a_key_trusted_for_good() -> None:
    pool = Pool(trusted_bound=2, untrusted_bound=1)
    known = timeline()
    pool.touch("alice", known, trusted=False)
    pool.touch("alice", known, trusted=True)
    pool.touch("alice", known, trusted=False)
    pool.touch("invented", timeline(), trusted=False)
    assert pool.get("alice") is known
    assert len(pool) == 2


def test_the_key_that_was_not_touched_for_longest_goes_first() -> None:
    pool = Pool(trusted_bound=2, untrusted_bound=2)
    first = timeline()
    pool.touch("first", first, trusted=True)
    pool.touch("second", timeline(), trusted=True)
    pool.touch("first", first, trusted=True)
    assert [key for key, _ in pool.touch("third", timeline(), trusted=True)] == ["second"]
