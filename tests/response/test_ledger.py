from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from response.ledger import Ledger
from schemas.revocation import Revocation
from tests.response.given import APPS


def revocation(number: int) -> Revocation:
    """One of a session of its own."""
    app = ("bank", "shop")[number % 2]
    return Revocation(
        f"r{number}", app, "session", f"s{number}", 1, "why", "policy", "requested", {"requested": number},
        severity=("critical", "high", "medium")[number % 3],
    )  # fmt: skip


@given(st.lists(st.tuples(st.integers(0, 7), st.sampled_from(["held", "sent", "released", "failed"]))))
def test_what_is_held_is_known_by_app_and_in_order(steps: list[tuple[int, str]]) -> None:
    ledger = Ledger(APPS)
    rows = [revocation(number) for number in range(8)]
    for row in rows:
        ledger.add(row)
    for number, state in steps:
        rows[number].enter(state, 100)  # type: ignore[arg-type]
        ledger.changed(rows[number])
    held = [row for row in rows if row.state == "held"]
    assert ledger.held() == sorted(held, key=lambda row: (int(row.revocation_id[1:]) % 3, row.times["requested"]))
    for app in ("bank", "shop"):
        assert ledger.number_held(app) == sum(row.app == app for row in held)
