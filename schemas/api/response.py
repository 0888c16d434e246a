"""What decides and carries the response: policy, kill switch, outbox, users' verdicts."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import Field, JsonValue, StringConstraints

from schemas.api.alerts import RevocationBrief
from schemas.api.people import Act
from schemas.api.shapes import EXAMPLE_SESSION, Answer, InstantText, Reason, Request, example
from schemas.event import SESSION_PATTERN

LaneName = Annotated[str, StringConstraints(min_length=1, max_length=300)]


class ExplainedLine(Answer):
    """A line of the policy, as it looks at one alert.

    Attributes:
        line: its number, from 1.
        decides: it is the first that matches.
        passed_over: why it does not match; None for one that does.
    """

    line: int
    do: list[str]
    decides: bool
    passed_over: str | None


class StepUpView(Answer):
    """A session whose user was asked to prove who they are."""

    step_up_id: str
    state: str
    asked: datetime
    due: datetime
    ended: datetime | None
    note: str


class AlertPolicy(Answer):
    """Why an alert led to what it did.

    Attributes:
        line: the number of the line that decides; None = the defaults, or the rule's mode.
        why: which of them, in words.
        actions: what it lists that is done.
        withheld: why what it lists is not done to the session or user; empty where it is.
        lines: every line of the policy as it stands now.
        decided: what was decided then, and what became of it: the lines of the audit log.
        guard: what the guard said, in words.
    """

    alert_id: str
    line: int | None
    why: str
    actions: list[str]
    withheld: str
    lines: list[ExplainedLine]
    decided: list[Act]
    guard: list[str]
    revocations: list[RevocationBrief]
    step_ups: list[StepUpView]


class PausedView(Answer):
    """Who has paused the response, when and why."""

    by: str
    reason: str
    at: datetime


class ResponseState(Answer):
    """Whether anything is ended automatically.

    Attributes:
        paused: None = it is not.
        dry_run: revocations are shown and never sent.
        held: revocations that wait for a person.
    """

    paused: PausedView | None
    dry_run: bool
    held: int


class OutboxRow(Answer):
    """A message that leaves, or has left; what it says is not shown, since it may be a message to people.

    Attributes:
        subject: the revocation, step-up or alert that it belongs to; empty for dead letters.
    """

    message_id: str
    lane: str
    kind: str
    subject: str
    state: Literal["pending", "delivered", "parked", "dropped"]
    attempts: int
    created: datetime
    next_try: datetime | None
    finished: datetime | None
    last_error: str


class OutboxPage(Answer):
    """Messages, the last enqueued first."""

    items: list[OutboxRow]
    next: str | None = None


class OutboxRequest(Request):
    """Which messages are tried anew, or given up.

    Attributes:
        message_id: this one; None = all of the lane: every parked one is tried anew, every one that is parked or waits
            is given up.
    """

    model_config = example({"lane": "webhook:bank", "reason": "the receiver was mended"})

    lane: LaneName
    message_id: Annotated[str, StringConstraints(min_length=1, max_length=400)] | None = None
    reason: Reason


class OutboxDone(Answer):
    """How many messages it was done to."""

    lane: str
    messages: int


class VerdictTokenRequest(Request):
    """An app wants to ask an alert's user whether it was them."""

    model_config = example({"alert_id": "11111111-1111-4111-8111-111111111111"})

    alert_id: Annotated[str, StringConstraints(min_length=36, max_length=36)]


class VerdictToken(Answer):
    """What the app shows its user as a link or button: it counts once, and until then."""

    token: str
    alert_id: str
    user_id: str
    until: datetime


class VerdictRequest(Request):
    """What a user has answered.

    Attributes:
        session_id: the hashed session in which the user was asked; null = outside of any, as by mail. It must be said:
            the judged session may not answer for itself.
    """

    model_config = example({"token": "swv1.eyJpZCI6…", "verdict": "no", "session_id": EXAMPLE_SESSION})

    token: Annotated[str, StringConstraints(min_length=1, max_length=4_096)]
    verdict: Literal["yes", "no"]
    session_id: Annotated[str, StringConstraints(pattern=SESSION_PATTERN)] | None = Field()


class VerdictTaken(Answer):
    """What a verdict has led to.

    Attributes:
        incident: the alert that a *no* opens.
        revocation: of all the user's sessions.
    """

    alert_id: str
    verdict: Literal["yes", "no"]
    incident: str | None
    revocation: RevocationBrief | None


class PolicyTrialRequest(Request):
    """A policy to be tried on the past.

    Attributes:
        response: a `[response]` table as the configuration has it, without targets: those in force are asked.
        since: alerts completed since.
    """

    model_config = example(
        {
            "response": {"policy": [{"match": {"severity": ["high"]}, "do": ["notify", "step_up"]}]},
            "since": "2026-11-01T00:00:00Z",
        }
    )

    response: dict[str, JsonValue]
    since: InstantText


class TrialDay(Answer):
    """What a policy would have done on a day (UTC), and how often which reason kept an act from being done."""

    day: date
    alerts: int
    told: int
    sessions: int
    done: dict[str, int]
    held: dict[str, int]
    withheld: dict[str, int]
    why: dict[str, int]


class TrialAct(Answer):
    """What one act of one alert would have come to: done, held for a person, or withheld."""

    at: datetime
    alert_id: str
    rule_id: str
    app: str
    line: int | None
    act: str
    outcome: str
    why: str
    sessions: int


class PolicyTrial(Answer):
    """What a policy would have done; nothing was changed.

    Attributes:
        alerts: looked at.
        complete: False = there were more, and the oldest were left out.
        acts: one by one, at most 500 of them.
    """

    since: datetime
    alerts: int
    complete: bool
    days: list[TrialDay]
    acts: list[TrialAct]
