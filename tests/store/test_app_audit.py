"""How long an app's revocations took, with misses as infinite."""

from __future__ import annotations

import math

from schemas.instant import SECOND
from schemas.revocation import Revocation, State
from store.database import Database


def took(number: int, state: State, **seconds: float) -> Revocation:
    """A revocation that entered states so many seconds after its request."""
    times = {name: int(at * SECOND) + 1 for name, at in {"requested": 0.0, "sent": 0.0, **seconds}.items()}
    return Revocation(str(number), "bank", "session", f"s_{number}", 1, "", "policy", state, times)


def save(database: Database, *revocations: Revocation) -> None:
    writer = database.writer()
    with writer.transaction():
        writer.save_revocations(revocations)


def test_the_median_and_p99_are_from_the_request_to_the_proof(database: Database) -> None:
    save(database, *[took(n, "confirmed", confirmed=n) for n in range(1, 100)])
    found = database.reader().time_to_revoke("bank", 0)
    assert (found.sent, found.confirmed, found.missed) == (99, 99, 0)
    assert (found.median_us, found.p99_us) == (50 * SECOND, 99 * SECOND)


def test_a_miss_is_infinite(database: Database) -> None:
    save(
        database,
        took(1, "confirmed", confirmed=1),
        took(2, "failed", failed=9),
        took(3, "failed", confirmed=1, failed=2),
    )
    found = database.reader().time_to_revoke("bank", 0)
    assert (found.confirmed, found.missed) == (1, 2)
    assert math.isinf(found.median_us or 0)


def test_what_is_not_proven_yet_is_no_figure(database: Database) -> None:
    save(database, took(1, "delivered", delivered=1), took(2, "confirmed", confirmed=2))
    found = database.reader().time_to_revoke("bank", 0)
    assert (found.sent, found.confirmed, found.missed, found.median_us) == (2, 1, 0, 2 * SECOND)


def test_what_was_never_sent_is_none(database: Database) -> None:
    held = took(1, "held", held=0)
    del held.times["sent"]
    save(database, held)
    assert database.reader().time_to_revoke("bank", 0).sent == 0
