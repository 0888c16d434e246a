"""Who asks, and what may be read for the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sessionwatch.api.installation import Installation
from sessionwatch.api.principal import Principal
from store.reader import Reader


@dataclass(frozen=True, slots=True)
class Asker:
    """One question's surroundings.

    Attributes:
        read: returns the reader of the calling thread.
    """

    principal: Principal
    installation: Installation
    read: Callable[[], Reader]

    @property
    def reader(self) -> Reader:
        """The calling thread's reader."""
        return self.read()

    def now_us(self) -> int:
        """Return the pipeline's clock, microseconds since the epoch."""
        return self.installation.clock()

    def sees(self, app: str) -> bool:
        """Say whether anything of an app may be told."""
        return self.principal.sees(app)
