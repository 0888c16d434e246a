"""The API as the pages see it: one method a question, answers as `schemas.api` models, errors as `dashboard.errors`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from urllib.parse import quote
from uuid import uuid4

import httpx
from pydantic import BaseModel, ValidationError

from dashboard.errors import ApiRefusedError, ApiSilentError, ForbiddenError, SignedOutError, UnknownError
from schemas.alert import Severity
from schemas.api import (
    AlertDetail,
    AlertFacts,
    AlertPage,
    AlertPatch,
    CampaignDetail,
    CampaignPage,
    EventPage,
    GuardBudgets,
    LiveGroupPage,
    Me,
    OnCallView,
    OpenStepUps,
    OutboxDone,
    OutboxPage,
    OutboxRequest,
    Problem,
    ReasonRequest,
    ResponseState,
    RevocationDetail,
    RevocationPage,
    RevokePreview,
    RevokeRequest,
    RevokeSubject,
    SessionDetail,
    SessionPage,
    SessionPicture,
    SignedIn,
    SystemView,
)

ADDRESS_VARIABLE = "SESSIONWATCH_API_URL"
DEFAULT_ADDRESS = "http://127.0.0.1:8400"
TIMEOUT = httpx.Timeout(10.0, connect=2.0)
"""The API answers reads within its own bound; a write is answered after its commit."""

_Refusal = type[ApiRefusedError]
_REFUSALS: dict[int, _Refusal] = {401: SignedOutError, 403: ForbiddenError, 404: UnknownError}
_Answer = TypeVar("_Answer", bound=BaseModel)
_Parameters = Mapping[str, str | int | Sequence[str] | None]


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """Which alerts are asked for.

    Attributes:
        statuses, severities: any of these; empty = all.
        owner: who has taken it; None = anybody and nobody.
        text: in user, session, network, rule or summary.
    """

    statuses: tuple[str, ...] = ()
    severities: tuple[Severity, ...] = ()
    owner: str | None = None
    text: str = ""


def address() -> str:
    """Return the API's address, as `sessionwatch dashboard` gives it."""
    return os.environ.get(ADDRESS_VARIABLE, DEFAULT_ADDRESS).rstrip("/")


def connections() -> httpx.Client:
    """Return a pool of connections to the API, for every person of this process."""
    return httpx.Client(base_url=address(), timeout=TIMEOUT, trust_env=False, follow_redirects=False)


class Api:
    """The API, spoken to with one person's token.

    Args:
        connections: shared by everybody.
        token: of the person; None before signing in.

    Every method raises ApiSilentError, or ApiRefusedError and its kin.
    """

    def __init__(self, connections: httpx.Client, token: str | None = None) -> None:
        self._connections = connections
        self._token = token

    def sign_in(self, code: str) -> SignedIn:
        """Exchange a one-time code for a token."""
        return self._ask(SignedIn, "POST", "/v1/sign-in", body={"code": code})

    def sign_out(self) -> None:
        """Have the token of a sign-in by code forgotten; one of the configuration stays valid."""
        self._send("POST", "/v1/sign-out")

    def me(self) -> Me:
        """Return who the token speaks for."""
        return self._ask(Me, "GET", "/v1/me")

    def system(self) -> SystemView:
        """Return how the pipeline is."""
        return self._ask(SystemView, "GET", "/v1/system")

    def alert_facts(self) -> AlertFacts:
        """Return the figures above the queue."""
        return self._ask(AlertFacts, "GET", "/v1/alerts/facts")

    def alerts(self, asked: AlertFilter, limit: int, cursor: str | None = None) -> AlertPage:
        """Return a page of alerts, the most severe first, and among those the newest event."""
        parameters: _Parameters = {
            "order": "severity",
            "status": asked.statuses,
            "severity": asked.severities,
            "owner": asked.owner,
            "q": asked.text or None,
            "limit": limit,
            "cursor": cursor,
        }
        return self._ask(AlertPage, "GET", "/v1/alerts", parameters)

    def alert(self, alert_id: str) -> AlertDetail:
        """Return one alert, whole."""
        return self._ask(AlertDetail, "GET", f"/v1/alerts/{_segment(alert_id)}")

    def decide(self, alert_id: str, patch: AlertPatch) -> AlertDetail:
        """Change what people made of an alert; returns it as it is then."""
        body = patch.model_dump(mode="json", exclude_defaults=True)
        return self._ask(AlertDetail, "PATCH", f"/v1/alerts/{_segment(alert_id)}", body=body)

    def sessions(self, user_id: str, limit: int) -> SessionPage:
        """Return the sessions used last, of one user or (empty) of all."""
        return self._ask(SessionPage, "GET", "/v1/sessions", {"user": user_id or None, "limit": limit})

    def live_sessions(
        self,
        limit: int,
        *,
        app: str | None = None,
        user_id: str | None = None,
        network: str | None = None,
        cursor: str | None = None,
    ) -> SessionPage:
        """Return a page of the sessions that are in use, the last used first; of these alone where they are named."""
        parameters: _Parameters = {
            "live": "true",
            "app": app,
            "user": user_id,
            "network": network,
            "limit": limit,
            "cursor": cursor,
        }
        return self._ask(SessionPage, "GET", "/v1/sessions", parameters)

    def live_groups(self, by: str, app: str | None = None) -> LiveGroupPage:
        """Return who is in, counted by user, network or app."""
        return self._ask(LiveGroupPage, "GET", "/v1/sessions/live", {"by": by, "app": app})

    def campaigns(self, limit: int) -> CampaignPage:
        """Return the campaigns that were active last."""
        return self._ask(CampaignPage, "GET", "/v1/campaigns", {"limit": limit})

    def campaign(self, campaign_id: str) -> CampaignDetail:
        """Return a campaign with its members."""
        return self._ask(CampaignDetail, "GET", f"/v1/campaigns/{_segment(campaign_id)}")

    def session(self, app: str, session_id: str) -> SessionDetail:
        """Return a session's facts."""
        return self._ask(SessionDetail, "GET", _session(app, session_id))

    def picture(self, app: str, session_id: str) -> SessionPicture:
        """Return what a picture of a session shows."""
        return self._ask(SessionPicture, "GET", f"{_session(app, session_id)}/picture")

    def events(
        self,
        app: str,
        session_id: str,
        *,
        limit: int,
        cursor: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> EventPage:
        """Return a page of a session's events, the oldest first."""
        parameters: _Parameters = {
            "limit": limit,
            "cursor": cursor,
            "since": None if since is None else since.isoformat(),
            "until": None if until is None else until.isoformat(),
        }
        return self._ask(EventPage, "GET", f"{_session(app, session_id)}/events", parameters)

    def preview(self, subject: RevokeSubject) -> RevokePreview:
        """Return what a revocation would end."""
        return self._ask(RevokePreview, "POST", "/v1/revocations/preview", body=subject.model_dump(mode="json"))

    def revoke(self, request: RevokeRequest) -> RevocationDetail:
        """End a session or a user's sessions; answered after its commit."""
        body = request.model_dump(mode="json", exclude_none=True)
        headers = {"Idempotency-Key": str(uuid4())}
        return self._ask(RevocationDetail, "POST", "/v1/revocations", body=body, headers=headers)

    def revocation(self, revocation_id: str) -> RevocationDetail:
        """Return a revocation, whole."""
        return self._ask(RevocationDetail, "GET", f"/v1/revocations/{_segment(revocation_id)}")

    def held(self, limit: int) -> RevocationPage:
        """Return the revocations that wait for a person, the last decided first."""
        return self._ask(RevocationPage, "GET", "/v1/revocations", {"state": "held", "limit": limit})

    def budgets(self) -> GuardBudgets:
        """Return what the last hour has used of the guard's budgets."""
        return self._ask(GuardBudgets, "GET", "/v1/response/budgets")

    def step_ups(self) -> OpenStepUps:
        """Return the users who are being asked to prove who they are."""
        return self._ask(OpenStepUps, "GET", "/v1/step-ups")

    def on_call(self) -> OnCallView:
        """Return who is told when nobody answers, and of what."""
        return self._ask(OnCallView, "GET", "/v1/on-call")

    def switch(self, verb: str, reason: str) -> ResponseState:
        """Pause or resume everything that happens automatically; answered after its commit."""
        body = ReasonRequest(reason=reason).model_dump(mode="json")
        return self._ask(ResponseState, "POST", f"/v1/response/{_segment(verb)}", body=body)

    def outbox(self, lane: str, states: Sequence[str], limit: int) -> OutboxPage:
        """Return a lane's messages in these states, the last enqueued first."""
        return self._ask(OutboxPage, "GET", "/v1/outbox", {"lane": lane, "state": states, "limit": limit})

    def move_messages(self, verb: str, lane: str, reason: str) -> OutboxDone:
        """Have a lane's parked messages tried anew (`retry`), or all that wait given up (`drop`)."""
        body = OutboxRequest(lane=lane, reason=reason).model_dump(mode="json")
        return self._ask(OutboxDone, "POST", f"/v1/outbox/{_segment(verb)}", body=body)

    def settle(self, revocation_id: str, settlement: str, reason: str) -> RevocationDetail:
        """Approve, drop, release or retry a revocation; answered after its commit."""
        path = f"/v1/revocations/{_segment(revocation_id)}/{_segment(settlement)}"
        return self._ask(RevocationDetail, "POST", path, body=ReasonRequest(reason=reason).model_dump(mode="json"))

    def _ask(
        self,
        answer: type[_Answer],
        method: str,
        path: str,
        parameters: _Parameters | None = None,
        *,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> _Answer:
        response = self._send(method, path, parameters, body=body, headers=headers)
        try:
            return answer.model_validate_json(response.content)
        except ValidationError as reason:
            raise ApiSilentError(f"the API's answer to {path} is of another version") from reason

    def _send(
        self,
        method: str,
        path: str,
        parameters: _Parameters | None = None,
        *,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        asked = {name: value for name, value in (parameters or {}).items() if value not in (None, ())}
        sent = {"Accept": "application/json", **(headers or {})}
        if self._token is not None:
            sent["Authorization"] = f"Bearer {self._token}"
        try:
            response = self._connections.request(method, path, params=asked, json=body, headers=sent)
        except (httpx.TransportError, httpx.InvalidURL) as reason:
            raise ApiSilentError(f"the API at {address()} does not answer ({type(reason).__name__})") from reason
        if not response.is_success:
            raise _refusal(response)
        return response


def _refusal(response: httpx.Response) -> ApiRefusedError | ApiSilentError:
    try:
        problem = Problem.model_validate_json(response.content)
    except ValidationError:
        return ApiSilentError(f"the API answers {response.status_code} without saying why")
    places = "; ".join(f"{place.where}: {place.what}" for place in problem.errors)
    line = " · ".join(part for part in (problem.detail or problem.title, places) if part)
    return _REFUSALS.get(response.status_code, ApiRefusedError)(response.status_code, line)


def _session(app: str, session_id: str) -> str:
    return f"/v1/sessions/{_segment(app)}/{_segment(session_id)}"


def _segment(name: str) -> str:
    return quote(name, safe="")
