"""A running pipeline, asked through its API."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, TypeVar
from urllib.parse import quote

import httpx
import msgspec
from pydantic import BaseModel, ValidationError

from schemas.api import (
    AlertDetail,
    AlertPage,
    AlertPatch,
    AlertPolicy,
    AppPolicyAudit,
    AuditCheck,
    AuditCheckpoints,
    AuditPage,
    CampaignDetail,
    CampaignPage,
    DeadLetterPage,
    DigestView,
    DrillBegun,
    DrillRequest,
    DrillView,
    MissedDrill,
    MissedDrillAlert,
    NameErased,
    NameErasure,
    OutboxDone,
    OutboxPage,
    OutboxRequest,
    PolicyTrial,
    PolicyTrialRequest,
    Problem,
    ReasonRequest,
    Redriven,
    RedriveRequest,
    ResponseState,
    RevocationDetail,
    RevocationPage,
    RevokePreview,
    RevokeRequest,
    RevokeSubject,
    RuleList,
    SessionPage,
    UserPage,
)
from schemas.api.reruns import Rerun, RerunRequest
from schemas.event import Event
from schemas.instant import to_rfc3339
from schemas.signal import Signal
from sessionwatch.api.answers.history import decode_page
from sessionwatch.errors import CommandError

TIMEOUT = httpx.Timeout(30.0, connect=2.0)
"""Seconds. A redrive of ten thousand messages has a longer one of its own."""
REDRIVE_TIMEOUT_S = 600.0

Parameters = Mapping[str, str | int | bool | Sequence[str] | None]
AnswerT = TypeVar("AnswerT", bound=BaseModel)


class NotRunning(CommandError):
    """Nothing answers where the pipeline's API would."""


class Remote:
    """Asks a pipeline's API.

    Args:
        address: such as ``http://127.0.0.1:8400``.
        token: of whoever asks; its holder's name stands in the audit log.

    Raises:
        NotRunning: nothing answers there.
        CommandError: the API does not take the token.
    """

    def __init__(self, address: str, token: str | None) -> None:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        # Never by a proxy of the environment: the address is this machine's, and the token goes nowhere else.
        self._client = httpx.Client(base_url=address, headers=headers, timeout=TIMEOUT, trust_env=False)
        self._address = address
        try:
            self._knock(token)
        except CommandError:
            self._client.close()
            raise

    def alerts(self, parameters: Parameters) -> AlertPage:
        """Return a page of alerts."""
        return self._ask(AlertPage, "GET", "/v1/alerts", parameters)

    def alert(self, alert_id: str) -> AlertDetail:
        """Return an alert whole."""
        return self._ask(AlertDetail, "GET", f"/v1/alerts/{quote(alert_id, safe='')}")

    def triage(self, alert_id: str, patch: AlertPatch) -> AlertDetail:
        """Write down what a person makes of an alert."""
        return self._ask(AlertDetail, "PATCH", f"/v1/alerts/{quote(alert_id, safe='')}", body=patch)

    def campaigns(self, parameters: Parameters) -> CampaignPage:
        """Return a page of campaigns."""
        return self._ask(CampaignPage, "GET", "/v1/campaigns", parameters)

    def campaign(self, campaign_id: str) -> CampaignDetail:
        """Return a campaign with its members."""
        return self._ask(CampaignDetail, "GET", f"/v1/campaigns/{quote(campaign_id, safe='')}")

    def sessions(self, parameters: Parameters) -> SessionPage:
        """Return a page of sessions."""
        return self._ask(SessionPage, "GET", "/v1/sessions", parameters)

    def users(self, parameters: Parameters) -> UserPage:
        """Return a page of users, the highest risk first."""
        return self._ask(UserPage, "GET", "/v1/users", {**parameters, "order": "risk"})

    def dead_letters(self, parameters: Parameters) -> DeadLetterPage:
        """Return a page of refused messages."""
        return self._ask(DeadLetterPage, "GET", "/v1/dead-letters", parameters)

    def preview(self, wanted: RevokeSubject) -> RevokePreview:
        """Return what a revocation would do."""
        return self._ask(RevokePreview, "POST", "/v1/revocations/preview", body=wanted)

    def revoke(self, wanted: RevokeRequest) -> RevocationDetail:
        """End a session."""
        return self._ask(RevocationDetail, "POST", "/v1/revocations", body=wanted)

    def release(self, revocation_id: str, reason: str) -> RevocationDetail:
        """Take a revocation back."""
        path = f"/v1/revocations/{quote(revocation_id, safe='')}/release"
        return self._ask(RevocationDetail, "POST", path, body=ReasonRequest(reason=reason))

    def revocations(self, parameters: Parameters) -> RevocationPage:
        """Return a page of revocations."""
        return self._ask(RevocationPage, "GET", "/v1/revocations", parameters)

    def settle(self, revocation_id: str, verb: Literal["approve", "drop"], reason: str) -> RevocationDetail:
        """Let a held revocation go, or decide that it is not to go."""
        path = f"/v1/revocations/{quote(revocation_id, safe='')}/{verb}"
        return self._ask(RevocationDetail, "POST", path, body=ReasonRequest(reason=reason))

    def alert_policy(self, alert_id: str) -> AlertPolicy:
        """Return why an alert led to what it did."""
        return self._ask(AlertPolicy, "GET", f"/v1/alerts/{quote(alert_id, safe='')}/policy")

    def policy_trial(self, wanted: PolicyTrialRequest) -> PolicyTrial:
        """Return what a policy would have done."""
        return self._ask(PolicyTrial, "POST", "/v1/policy/test", body=wanted, timeout_s=REDRIVE_TIMEOUT_S)

    def rules(self) -> RuleList:
        """Return the rules in force, and how they do."""
        return self._ask(RuleList, "GET", "/v1/rules")

    def app_policy(self, app: str) -> AppPolicyAudit:
        """Return how an app keeps to what it declares."""
        return self._ask(AppPolicyAudit, "GET", f"/v1/apps/{quote(app, safe='')}/policy")

    def digest(self, kind: str) -> DigestView:
        """Return what the lead's next digest would say."""
        return self._ask(DigestView, "GET", f"/v1/digests/{quote(kind, safe='')}")

    def send_digest(self, kind: str) -> DigestView:
        """Have the lead mailed a digest now; return what it says."""
        return self._ask(DigestView, "POST", f"/v1/digests/{quote(kind, safe='')}/send")

    def response_state(self) -> ResponseState:
        """Return whether anything is ended automatically."""
        return self._ask(ResponseState, "GET", "/v1/response")

    def pause(self, reason: str) -> ResponseState:
        """Stop everything that happens automatically."""
        return self._ask(ResponseState, "POST", "/v1/response/pause", body=ReasonRequest(reason=reason))

    def resume(self, reason: str) -> ResponseState:
        """Let it go on."""
        return self._ask(ResponseState, "POST", "/v1/response/resume", body=ReasonRequest(reason=reason))

    def outbox(self, parameters: Parameters) -> OutboxPage:
        """Return a page of messages."""
        return self._ask(OutboxPage, "GET", "/v1/outbox", parameters)

    def outbox_retry(self, wanted: OutboxRequest) -> OutboxDone:
        """Have messages tried anew."""
        return self._ask(OutboxDone, "POST", "/v1/outbox/retry", body=wanted)

    def outbox_drop(self, wanted: OutboxRequest) -> OutboxDone:
        """Give messages up."""
        return self._ask(OutboxDone, "POST", "/v1/outbox/drop", body=wanted)

    def audit(self, parameters: Parameters) -> AuditPage:
        """Return a page of the audit log."""
        return self._ask(AuditPage, "GET", "/v1/audit", parameters)

    def audit_checkpoints(self) -> AuditCheckpoints:
        """Return what was signed of the audit log."""
        return self._ask(AuditCheckpoints, "GET", "/v1/audit/checkpoints")

    def audit_check(self, keys: Sequence[str], head: str | None) -> AuditCheck:
        """Return whether the audit log is as it was written."""
        parameters: Parameters = {"key": list(keys), "head": head}
        return self._ask(AuditCheck, "GET", "/v1/audit/verify", parameters, timeout_s=REDRIVE_TIMEOUT_S)

    def erase_name(self, wanted: NameErasure) -> NameErased:
        """Have the audit log forget a name."""
        return self._ask(NameErased, "POST", "/v1/audit/erasures", body=wanted)

    def redrive(self, wanted: RedriveRequest) -> Redriven:
        """Send refused messages through again."""
        path = "/v1/dead-letters/redrive"
        return self._ask(Redriven, "POST", path, body=wanted, timeout_s=REDRIVE_TIMEOUT_S)

    def history(self, since_us: int) -> Iterator[Event | Signal]:
        """Return what was stored since an instant, microseconds since the epoch, in the order of ingestion.

        Page by page: the pipeline only reads, and it is judged here.
        """
        after: int | None = None
        while True:
            parameters: dict[str, str | int] = {"since": to_rfc3339(since_us)}
            if after is not None:
                parameters["after"] = after
            try:
                answer = self._client.get("/v1/history", params=parameters)
            except httpx.HTTPError as error:
                raise CommandError(f"the pipeline at {self._address} broke off ({type(error).__name__})") from error
            if answer.is_error:
                raise CommandError(_told(answer))
            try:
                items, after = decode_page(answer.content)
            except msgspec.MsgspecError:
                raise CommandError(f"the pipeline at {self._address} is of another version") from None
            yield from items
            if after is None:
                return

    def begin_drill(self, wanted: DrillRequest) -> DrillBegun:
        """Begin a fire drill."""
        return self._ask(DrillBegun, "POST", "/v1/drills", body=wanted)

    def drill(self, drill: str) -> DrillView:
        """Return what a fire drill has led to so far."""
        return self._ask(DrillView, "GET", f"/v1/drills/{quote(drill, safe='')}")

    def missed_drill(self, wanted: MissedDrill) -> MissedDrillAlert:
        """Raise the alert that a fire drill was missed."""
        return self._ask(MissedDrillAlert, "POST", "/v1/drills/missed", body=wanted)

    def rerun(self, wanted: RerunRequest) -> Rerun:
        """Raise what was missed."""
        return self._ask(Rerun, "POST", "/v1/reruns", body=wanted, timeout_s=REDRIVE_TIMEOUT_S)

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def _knock(self, token: str | None) -> None:
        try:
            status = self._client.get("/v1/me").status_code
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise NotRunning(f"no pipeline answers at {self._address}") from error
        except httpx.HTTPError as error:
            why = f"does not answer as a pipeline does ({type(error).__name__})"
            raise CommandError(f"{self._address} {why}") from error
        if status == httpx.codes.UNAUTHORIZED:
            has = "does not take this token" if token else "wants a token"
            raise CommandError(f"the pipeline at {self._address} {has}: give one by --token-file")

    def _ask(
        self,
        kind: type[AnswerT],
        method: str,
        path: str,
        parameters: Parameters | None = None,
        body: BaseModel | None = None,
        timeout_s: float | None = None,
    ) -> AnswerT:
        given = {name: value for name, value in (parameters or {}).items() if value is not None}
        content = None if body is None else body.model_dump_json(exclude_none=True)
        headers = {} if content is None else {"content-type": "application/json"}
        timeout = TIMEOUT if timeout_s is None else httpx.Timeout(timeout_s, connect=2.0)
        try:
            answer = self._client.request(method, path, params=given, content=content, headers=headers, timeout=timeout)
        except httpx.HTTPError as error:
            raise CommandError(f"the pipeline at {self._address} broke off ({type(error).__name__})") from error
        if answer.is_error:
            raise CommandError(_told(answer))
        try:
            return kind.model_validate_json(answer.content)
        except ValidationError:
            raise CommandError(f"the pipeline at {self._address} is of another version") from None


def _told(answer: httpx.Response) -> str:
    try:
        problem = Problem.model_validate_json(answer.content)
    except ValidationError:
        return f"the pipeline answers {answer.status_code} without saying why"
    places = "; ".join(f"{place.where}: {place.what}" for place in problem.errors)
    return f"{problem.detail or problem.title}{f' ({places})' if places else ''}"
