"""What the routes share: everything behind the API, as one value on the application."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from schemas.api import Redriven
from sessionwatch.api.acts import Acts
from sessionwatch.api.installation import Installation
from sessionwatch.api.pulse import Beat
from sessionwatch.api.rates import Rates
from sessionwatch.api.tokens import Tokens
from store.reader import Reader
from store.rows import DeadLetter


@dataclass(frozen=True, slots=True)
class Service:
    """What answers are made with.

    Attributes:
        read: returns the reader of the calling thread.
        acts: hands commands to the pipeline.
        beat: how the pipeline is doing.
        redrive: sends dead letters through again.
        rates: requests of each token; `guesses`: wrong tokens and codes from each address.
    """

    installation: Installation
    tokens: Tokens
    read: Callable[[], Reader]
    acts: Acts
    beat: Callable[[], Beat]
    redrive: Callable[[list[DeadLetter]], Redriven]
    rates: Rates
    guesses: Rates
