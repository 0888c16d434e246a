"""`sessionwatch:` in a rule: what only this engine asks for."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from detectors.parameters import Duration
from detectors.rule import RuleKey
from detectors.sigma.documents import Document
from detectors.sigma.errors import SigmaRefused
from schemas.alert import Mode
from schemas.instant import DAY, SECOND

Step = Annotated[str, Field(min_length=1, max_length=500)]


class RuleOptions(BaseModel):
    """What a rule may say under `sessionwatch`.

    Attributes:
        key: what an alert is about; left out, it follows from group-by.
        dedup: how long further hits are the same alert, microseconds; nothing to sessions, which get one each.
        mode: instead of what the status leads to.
        runbook: two or three steps: what to look at, what would make it benign, what to do.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    key: RuleKey | None = None
    dedup: Annotated[Duration, Field(ge=SECOND, le=DAY)] | None = None
    mode: Mode | None = None
    runbook: Annotated[tuple[Step, ...], Field(min_length=2, max_length=3)] | None = None


def read_options(document: Document) -> RuleOptions:
    """Return the options of a rule.

    Raises:
        SigmaRefused: with the key that is wrong.
    """
    try:
        return RuleOptions.model_validate(document.content.get("sessionwatch") or {})
    except ValidationError as error:
        problems = []
        for detail in error.errors(include_url=False):
            where = ("sessionwatch", *detail["loc"])
            known = ", ".join(RuleOptions.model_fields)
            message = f"unknown key; known here: {known}" if detail["type"] == "extra_forbidden" else detail["msg"]
            problems.append(document.problem(where, message))
        raise SigmaRefused(problems) from None
