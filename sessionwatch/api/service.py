"""What the routes share: everything behind the API, as one value on the application."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from response.act_links import LinkKey
from response.trial import Reach
from response.verdicts import VerdictKey
from schemas.api import Redriven
from schemas.drill import DrillKey
from sessionwatch.api.acts import Acts
from sessionwatch.api.budgets import Budgets
from sessionwatch.api.installation import Installation
from sessionwatch.api.pulse import Beat
from sessionwatch.api.rates import Rates
from sessionwatch.api.ssf.hub import Hub
from sessionwatch.api.tokens import Tokens
from sessionwatch.api.visits import Visits
from store.audit_key import AuditKey
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
        drills: signs fire drills.
        ssf: shared signals; None = there are none.
        links: reads the links of chat messages; None = there are none.
        verdicts: signs the tokens of users' verdicts.
        reach: says what the targets can do.
        budgets: counts what the guard has used.
        open_breakers: returns by lane when its next probe is made, of those whose receiver only fails.
        audit_key: by which the audit log is checked.
        visits: notes who came in, and who was turned away.
        rates: requests of each token; `guesses`: wrong tokens and codes from each address.
    """

    installation: Installation
    tokens: Tokens
    read: Callable[[], Reader]
    acts: Acts
    beat: Callable[[], Beat]
    redrive: Callable[[list[DeadLetter]], Redriven]
    drills: DrillKey
    verdicts: VerdictKey
    reach: Reach
    budgets: Budgets
    open_breakers: Callable[[], Mapping[str, int]]
    audit_key: AuditKey
    visits: Visits
    rates: Rates
    guesses: Rates
    ssf: Hub | None = None
    links: LinkKey | None = None
