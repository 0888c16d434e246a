"""Many alerts in one batch: what each costs must not grow with their number."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from ingest.batch import Batch
from response.clock import now_us
from response.ledger import Ledger
from schemas.event import Event
from schemas.revocation import Revocation
from tests.response.given import Pipeline, alert, raised, use

Start = Callable[..., Pipeline]
NUMBER = 50


class Counted(list[Event]):
    """Events that count how often they are read through."""

    def __init__(self, events: list[Event]) -> None:
        super().__init__(events)
        self.readings = 0

    def __iter__(self) -> Iterator[Event]:
        self.readings += 1
        return super().__iter__()


@pytest.mark.parametrize("dry_run", [True, False])
def test_neither_events_nor_what_is_held_is_searched_for_each(
    pipeline: Start, monkeypatch: pytest.MonkeyPatch, dry_run: bool
) -> None:
    sorted_through: list[int] = []
    held = Ledger.held

    def counted(ledger: Ledger) -> list[Revocation]:
        sorted_through.append(len(ledger))
        return held(ledger)

    monkeypatch.setattr(Ledger, "held", counted)
    one = pipeline(dry_run=dry_run, number=0)
    sessions = [f"s_{number}" for number in range(NUMBER)]
    batch = Batch(now_us(), events=Counted([use(session) for session in sessions]))
    batch.changes = raised(*(alert(session_id=session) for session in sessions))
    one.responder.respond(batch)
    assert len(batch.revocations) == NUMBER
    assert batch.events.readings <= 1  # type: ignore[attr-defined]
    assert sorted_through == []
