"""What the response waits for, and what bounds it: budgets, step-ups under way, people on call."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from schemas.alert import Severity
from schemas.api.alerts import AlertRow
from schemas.api.shapes import Answer


class BudgetView(Answer):
    """One of the guard's budgets, in sessions of the last hour.

    Attributes:
        app: whose sessions; None = those of all apps together.
        live: the live sessions that a share is of (their median of the last 24 hours); None = it is a plain number.
    """

    name: Literal[
        "max_per_hour",
        "max_share_per_hour",
        "people",
        "user verdicts",
        "max_per_hour_in_all",
        "max_share_per_hour_in_all",
    ]
    app: str | None
    used: int
    limit: float
    live: float | None


class GuardBudgets(Answer):
    """How much of its budgets the guard has used, and who is ended by people alone.

    Attributes:
        counted: when; what is older than half a minute is counted anew.
        protected_users, privileged_users: how many the configuration names.
    """

    counted: datetime
    items: list[BudgetView]
    protected_users: int
    privileged_users: int


class OpenStepUp(Answer):
    """A user who is being asked to prove who they are.

    Attributes:
        state: asked, or delivered: the app has taken the question.
        due: until when; then the session is ended, or its end waits for a person.
        held_because: why a person would have to decide, as things stand now; None = it would end by itself, as far as
            a budget of the guard has room.
    """

    step_up_id: str
    app: str
    session_id: str
    user_id: str | None
    alert_id: str
    rule_id: str
    title: str
    state: Literal["asked", "delivered"]
    asked: datetime
    due: datetime
    held_because: str | None


class OpenStepUps(Answer):
    """Step-ups under way, the first asked first."""

    items: list[OpenStepUp]


class OnCallStepView(Answer):
    """After a time without an answer the next people are told.

    Attributes:
        after_s: since the alert was raised, seconds.
        chats: by their names in the configuration.
    """

    after_s: float
    chats: list[str]
    severities: list[Severity]


class OnCallAlert(Answer):
    """An alert that nobody has answered.

    Attributes:
        told: steps that are over.
        next: when the next people are told; None = all were.
        chats: who they are.
    """

    alert: AlertRow
    told: int
    next: datetime | None
    chats: list[str]


class OnCallView(Answer):
    """Who is told when nobody answers, and of what: the most severe first, 100 at most."""

    steps: list[OnCallStepView]
    items: list[OnCallAlert]
