"""Entra's revokeSignInSessions, against a small tenant that follows the documents of Microsoft Graph."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from response.outcome import DELIVERED, Outcome
from response.targets.entra import EntraTarget
from schemas.instant import SECOND
from store.rows import OutboxMessage
from tests.response.targets.asked import asked
from tests.response.targets.provider import Asked, Provider, Says

ALICE = "87d349ed-44d7-43e1-9a83-5f2406dee5bd"
TENANT = "bank.example"
SECRET = "the secret of an application"


class Graph(Provider):
    """A tenant with one user, and a sign-in service at the same address."""

    def __init__(self) -> None:
        super().__init__()
        self.valid_from = {ALICE: 0, "alice@bank.example": 0}
        self.role = True
        self.on("POST", f"/{TENANT}/oauth2/v2.0/token", self._token)
        self.on("POST", "/v1.0/users/{}/revokeSignInSessions", self._revoke)

    def _token(self, request: Asked) -> Says:
        assert request.form["scope"] == f"{self.url}/.default"
        if request.form["client_secret"] != SECRET:
            return Says(401, {"error": "invalid_client", "error_description": "AADSTS7000215"})
        return Says(200, {"token_type": "Bearer", "expires_in": 3599, "access_token": "good"})

    def _revoke(self, request: Asked) -> Says:
        assert request.headers["authorization"] == "Bearer good"
        if not self.role:
            return error(403, "Authorization_RequestDenied")
        if request.names[0] not in self.valid_from:
            return error(404, "Request_ResourceNotFound")
        self.valid_from[request.names[0]] += 1
        return Says(200, {"@odata.context": f"{self.url}/v1.0/$metadata#Edm.Boolean", "value": True})


def error(status: int, code: str, **headers: str) -> Says:
    return Says(status, {"error": {"code": code, "message": "…"}}, headers)


@pytest.fixture
def graph() -> Iterator[Graph]:
    with Graph() as running:
        yield running


def deliver(graph: Graph, message: OutboxMessage, secret: str = SECRET) -> Outcome:
    target = EntraTarget(
        "idp", "bank", tenant=TENANT, client_id="application", secret=secret, url=graph.url, login_url=graph.url,
        allow_private=True,
    )  # fmt: skip
    with closing(target):
        return target.deliver(message)


def of(user: str) -> OutboxMessage:
    return asked("user", user_id=user)


@pytest.mark.parametrize("name", [ALICE, "alice@bank.example"])
def test_a_users_sessions_end(graph: Graph, name: str) -> None:
    assert deliver(graph, of(name)) == DELIVERED
    assert graph.valid_from[name] == 1


def test_one_session_is_not_asked_for(graph: Graph) -> None:
    assert deliver(graph, asked()) == Outcome("refused", "this target cannot be told session.revoked of a session")
    assert graph.asked == []


def test_a_user_that_is_not_there_is_refused(graph: Graph) -> None:
    assert deliver(graph, of("nobody")) == Outcome("refused", "Entra knows no such user")


def test_a_right_that_is_missing_is_told(graph: Graph) -> None:
    graph.role = False
    outcome = deliver(graph, of(ALICE))
    assert outcome == Outcome("retry", "answered 403: see whether the credentials and their rights are still good")


def test_a_secret_that_has_run_out_is_told(graph: Graph) -> None:
    assert deliver(graph, of(ALICE), "old") == Outcome("retry", "the token endpoint answered 401")


def test_throttling_says_how_long(graph: Graph) -> None:
    graph.first = [Says(200, {"access_token": "good", "expires_in": 3599})]
    graph.first.append(error(429, "TooManyRequests", **{"Retry-After": "10"}))
    assert deliver(graph, of(ALICE)) == Outcome("retry", "answered 429", 10 * SECOND)


def test_an_answer_that_denies_it_is_a_try_that_failed(graph: Graph) -> None:
    graph.first = [Says(200, {"access_token": "good", "expires_in": 3599}), Says(200, {"value": False})]
    assert deliver(graph, of(ALICE)) == Outcome("retry", "Entra answered that the sessions were not revoked")
