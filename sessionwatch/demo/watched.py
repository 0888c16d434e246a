"""The pipeline in a thread of its own, and what can be seen of it after each commit."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from ingest.batch import Batch
from schemas.alert import Alert
from schemas.revocation import LIVE_STATES, State
from sessionwatch.assembly import build
from sessionwatch.config import Settings
from sessionwatch.demo.facts import now_us
from sessionwatch.errors import is_expected

STOP_S = 5.0
CALM_S = 0.4
LONGEST_DRAIN_S = 3.0


@dataclass(frozen=True, slots=True)
class RevocationState:
    """How far a revocation has come: a copy, since the pipeline moves its own on."""

    session_id: str
    app: str
    state: State
    note: str


@dataclass(frozen=True, slots=True)
class Committed:
    """What one batch has brought, at the moment of its commit.

    Attributes:
        at_us: microseconds since the epoch.
        events: how many were stored.
        begun: how many of them began a session.
        alerts: raised in it, or made worse.
        revocations: moved in it.
    """

    at_us: int
    events: int
    begun: int
    alerts: tuple[Alert, ...]
    revocations: tuple[RevocationState, ...]


@dataclass(frozen=True, slots=True)
class PipelineEnded:
    """The pipeline has failed."""

    why: str


@dataclass(frozen=True, slots=True)
class Totals:
    """What the store holds at the end.

    Attributes:
        revocations: how many, by state.
        ended: the sessions that were taken away, or were being, by their hashed ids.
    """

    events: int = 0
    alerts: int = 0
    dead_letters: int = 0
    revocations: dict[str, int] = field(default_factory=dict)
    ended: frozenset[str] = frozenset()


class WatchedPipeline:
    """A whole pipeline, running from the start of the context to its end.

    Args:
        settings: the configuration.
        tell: told of each commit, in the pipeline's thread.

    Raises:
        StoreError, SourceError, ResponseError, ListenError: it cannot be built.
    """

    def __init__(self, settings: Settings, tell: Callable[[Committed | PipelineEnded], None]) -> None:
        self._tell = tell
        self._changed_us = now_us()
        self._running = build(settings, watch=self._watch)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pipeline")

    @property
    def api_port(self) -> int:
        """Where the API is served."""
        return self._running.api_port

    def sign_in_code(self) -> str:
        """Return a code that signs in to the console once, within 60 s."""
        return self._running.sign_in_code("demo", "admin")

    def drain(self) -> None:
        """Wait until what is on its way has been stored: nothing has come for a moment."""
        began_us = now_us()
        calm = threading.Event()
        while now_us() - max(self._changed_us, began_us) < CALM_S * 1e6:
            if now_us() - began_us > LONGEST_DRAIN_S * 1e6:
                return
            calm.wait(0.05)

    def totals(self) -> Totals:
        """Count what is stored."""
        reader = self._running.reader()
        try:
            counts = reader.counts()
            revocations = reader.revocations(limit=100_000)
        finally:
            reader.close()
        by_state: dict[str, int] = {}
        for revocation in revocations:
            by_state[revocation.state] = by_state.get(revocation.state, 0) + 1
        return Totals(
            counts["events"],
            counts["alerts"],
            counts["dead_letters"],
            by_state,
            frozenset(row.subject for row in revocations if row.state in LIVE_STATES),
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._running.wake()
        self._thread.join(STOP_S)
        self._running.close()

    def _run(self) -> None:
        try:
            self._running.run(self._stop)
        except Exception as error:  # noqa: BLE001 - the border of a thread: the demo has to hear of it
            why = str(error).splitlines()[0] if is_expected(error) else f"{type(error).__name__}: {error}"
            self._tell(PipelineEnded(why))

    def _watch(self, batch: Batch) -> None:
        self._changed_us = at_us = now_us()
        self._tell(
            Committed(
                at_us,
                len(batch.events),
                sum(event.type == "create" for event in batch.events),
                tuple(change.alert for change in batch.changes if change.kind in ("raised", "escalated")),
                tuple(RevocationState(row.subject, row.app, row.state, row.note) for row in batch.revocations),
            )
        )
