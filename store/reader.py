"""Everything that can be asked of the store, on one cursor."""

from __future__ import annotations

from store.duplicates import Duplicates
from store.findings import Findings
from store.recovery import Recovery
from store.sessions import Sessions


class Reader(Recovery, Duplicates, Sessions, Findings):
    """A cursor of one thread, made by `Database.reader`: sees committed state, never waits for the writer."""
