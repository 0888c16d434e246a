"""Auth0's sessions and refresh tokens, against a small tenant that follows the Management API's documents."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from response.outcome import DELIVERED, Outcome
from response.targets.auth0 import Auth0Target
from schemas.instant import SECOND
from store.rows import OutboxMessage
from tests.response.targets.asked import asked
from tests.response.targets.provider import Asked, Provider, Route, Says

SECRET = "the secret of a machine"
NOW_S = 1_790_000_000
NOW = datetime.fromtimestamp(NOW_S, UTC)
ALICE = "auth0|507f1f77bcf86cd799439020"
PAGE = 2


class Tenant(Provider):
    """Sessions and refresh tokens of users, listed two a page."""

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[str, dict[str, Any]] = {"sessions": {}, "tokens": {}}
        self.good = {"token-1"}
        self.issued = 0
        self.life_s = 86400
        self.on("POST", "/oauth/token", self._token)
        self.on("POST", "/api/v2/sessions/{}/revoke", self._signed_in(self._revoke))
        self.on("DELETE", "/api/v2/refresh-tokens/{}", self._signed_in(self._delete_token))
        self.on("GET", "/api/v2/users/{}/sessions", self._signed_in(lambda asked: self._list(asked, "sessions")))
        self.on("GET", "/api/v2/users/{}/refresh-tokens", self._signed_in(lambda asked: self._list(asked, "tokens")))

    def add(self, kind: str, id: str, *, user: str = ALICE, before_s: float = 60, **facts: object) -> None:
        created = NOW - timedelta(seconds=before_s)
        text = created.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        self.held[kind][id] = {"id": id, "user_id": user, "created_at": text, **facts}

    def _token(self, request: Asked) -> Says:
        form = request.form
        if form["client_secret"] != SECRET:
            return Says(401, {"error": "access_denied", "error_description": "Unauthorized"})
        assert form["grant_type"] == "client_credentials"
        assert form["audience"] == f"{self.url}/api/v2/"
        self.issued += 1
        return Says(200, {"access_token": f"token-{self.issued}", "token_type": "Bearer", "expires_in": self.life_s})

    def _signed_in(self, route: Route) -> Route:
        def checked(request: Asked) -> Says:
            if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.good:
                return Says(401, {"statusCode": 401, "error": "Unauthorized", "message": "Expired token received"})
            return route(request)

        return checked

    def _revoke(self, request: Asked) -> Says:
        [id] = request.names
        if self.held["sessions"].pop(id, None) is None:
            return Says(404, {"statusCode": 404, "error": "Not Found", "message": "The session does not exist."})
        tokens = self.held["tokens"]
        self.held["tokens"] = {name: one for name, one in tokens.items() if one.get("session_id") != id}
        return Says(202)

    def _delete_token(self, request: Asked) -> Says:
        return Says(202 if self.held["tokens"].pop(request.names[0], None) else 404)

    def _list(self, request: Asked, kind: str) -> Says:
        user = request.names[0]
        if user not in (ALICE, "auth0|bob"):
            return Says(404, {"statusCode": 404, "error": "Not Found", "message": "The user does not exist."})
        assert int(request.query["take"]) <= 100
        # A checkpoint is the last id of the page before, as it stays right while entries go.
        ids = sorted(id for id, one in self.held[kind].items() if one["user_id"] == user)
        rest = [id for id in ids if id > request.query.get("from", "")]
        page = {kind: [self.held[kind][id] for id in rest[:PAGE]]}
        return Says(200, {**page, "next": rest[PAGE - 1]} if len(rest) > PAGE else page)


@pytest.fixture
def auth0() -> Iterator[Tenant]:
    with Tenant() as running:
        yield running


def target(auth0: Tenant, *, sid: str | None = None, secret: str = SECRET) -> closing[Auth0Target]:
    return closing(
        Auth0Target(
            "idp",
            "bank",
            auth0.url,
            client_id="client",
            secret=secret,
            find_idp_session=lambda _app, _session: sid,
            allow_private=True,
            clock=lambda: NOW_S * SECOND,
        )
    )


def deliver(auth0: Tenant, message: OutboxMessage, **settings: Any) -> Outcome:
    with target(auth0, **settings) as one:
        return one.deliver(message)


def of_user(user: str = ALICE) -> OutboxMessage:
    return asked("user", user_id=user, decided=NOW)


def test_a_session_ends_with_its_refresh_tokens_and_no_other(auth0: Tenant) -> None:
    auth0.add("sessions", "stolen")
    auth0.add("sessions", "mine")
    auth0.add("tokens", "t1", session_id="stolen")
    auth0.add("tokens", "t2", session_id="mine")
    assert deliver(auth0, asked(), sid="stolen") == DELIVERED
    assert (list(auth0.held["sessions"]), list(auth0.held["tokens"])) == (["mine"], ["t2"])


def test_a_second_delivery_changes_nothing(auth0: Tenant) -> None:
    auth0.add("sessions", "stolen")
    with target(auth0, sid="stolen") as one:
        assert [one.deliver(asked()) for _ in range(2)] == [DELIVERED, DELIVERED]


def test_a_session_whose_name_the_app_has_not_told_is_refused(auth0: Tenant) -> None:
    outcome = deliver(auth0, asked(), sid=None)
    assert outcome == Outcome("refused", "the session has no idp_session_id: the app has not told it")
    assert auth0.asked == []


def test_of_what_a_user_holds_that_ends_which_began_before(auth0: Tenant) -> None:
    for number in range(5):
        auth0.add("sessions", f"s{number}")
        auth0.add("tokens", f"t{number}")
    auth0.add("sessions", "s-later", before_s=-60)
    auth0.add("tokens", "t-later", before_s=-60)
    auth0.add("sessions", "bobs", user="auth0|bob")
    assert deliver(auth0, of_user()) == DELIVERED
    assert (sorted(auth0.held["sessions"]), list(auth0.held["tokens"])) == (["bobs", "s-later"], ["t-later"])


def test_a_user_that_is_not_there_is_refused(auth0: Tenant) -> None:
    assert deliver(auth0, of_user("auth0|nobody")) == Outcome("refused", "Auth0 knows no such user")


def test_a_token_is_used_for_many(auth0: Tenant) -> None:
    with target(auth0, sid="any") as one:
        assert [one.deliver(asked()) for _ in range(3)] == [DELIVERED] * 3
    assert auth0.issued == 1


def test_a_token_near_its_end_is_replaced(auth0: Tenant) -> None:
    auth0.life_s = 0
    auth0.good = {"token-1", "token-2"}
    with target(auth0, sid="any") as one:
        assert [one.deliver(asked()) for _ in range(2)] == [DELIVERED] * 2
    assert auth0.issued == 2


def test_a_token_that_has_become_worthless_is_replaced_once(auth0: Tenant) -> None:
    with target(auth0, sid="any") as one:
        one.deliver(asked())
        auth0.good = {"token-2"}
        assert one.deliver(asked()) == DELIVERED
        auth0.good = set()
        assert one.deliver(asked()).detail.startswith("answered 401")
    assert auth0.issued == 3


def test_a_secret_that_is_wrong_is_told_without_being_shown(auth0: Tenant) -> None:
    outcome = deliver(auth0, asked(), sid="any", secret="wrong")
    assert outcome == Outcome("retry", "the token endpoint answered 401")


def test_a_rate_limit_says_when_it_ends(auth0: Tenant) -> None:
    limits = {"x-ratelimit-limit": "2", "x-ratelimit-remaining": "0", "x-ratelimit-reset": str(NOW_S + 12)}
    with target(auth0, sid="any") as one:
        one.deliver(asked())
        auth0.first = [Says(429, {"statusCode": 429, "error": "Too Many Requests"}, limits)]
        assert one.deliver(asked()) == Outcome("retry", "answered 429", 12 * SECOND)


def test_a_rate_limit_of_the_token_endpoint_is_kept_too(auth0: Tenant) -> None:
    auth0.first = [Says(429, None, {"Retry-After": "9"})]
    assert deliver(auth0, asked(), sid="any") == Outcome("retry", "the token endpoint answered 429", 9 * SECOND)


@pytest.mark.parametrize("nonsense", [["no", "token"], {"token_type": "Bearer"}, None])
def test_an_answer_that_is_no_token_is_a_try_that_failed(auth0: Tenant, nonsense: object) -> None:
    auth0.first = [Says(200, nonsense)]
    assert deliver(auth0, asked(), sid="any") == Outcome("retry", "the answer cannot be read")
