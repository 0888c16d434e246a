"""Okta's user sessions and Global Token Revocation, against a small organisation that follows their documents."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing

import pytest
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from response.errors import TargetRefused
from response.outcome import DELIVERED, Outcome
from response.targets.okta import OktaTarget, UserName
from schemas.instant import SECOND
from store.rows import OutboxMessage
from tests.response.targets.asked import asked
from tests.response.targets.provider import Asked, Provider, Route, Says

TOKEN = "00QCjAl4MlV-WPXM-an-api-token"
NOW = 1_790_000_000 * SECOND
ALICE = "00ub0oNGTSWTBKOLGLNR"
KEY = ECKey.generate_key("P-256", {"kid": "k1"})
RSA = RSAKey.generate_key(2048, {"kid": "k1"})


def private(key: ECKey | RSAKey) -> str:
    return json.dumps(key.as_dict(private=True))


class Organisation(Provider):
    """Users by id, each with a login and sessions."""

    def __init__(self) -> None:
        super().__init__()
        self.logins = {ALICE: "alice@bank.example", "00ub0oNGTSWTBKOBOB01": "bob@bank.example"}
        self.sessions = dict.fromkeys(self.logins, 2)
        self.key = KEY
        self.granted = ""
        self.on("POST", "/oauth2/v1/token", self._token)
        self.on("GET", "/api/v1/users/{}", self._signed_in(self._user))
        self.on("DELETE", "/api/v1/users/{}/sessions", self._signed_in(self._end))
        self.on("POST", "/oauth2/v1/global-token-revocation", self._signed_in(self._log_out))

    def _token(self, request: Asked) -> Says:
        form = request.form
        assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        self.granted = form["scope"]
        try:
            token = jwt.decode(form["client_assertion"], self.key, algorithms=["RS256", "ES256"])
        except JoseError:
            return Says(401, {"error": "invalid_client"})
        claims = token.claims
        assert token.header["kid"] == "k1"
        assert claims["iss"] == claims["sub"] == form["client_id"] == "0oa1"
        assert (claims["aud"], claims["exp"] - claims["iat"]) == (f"{self.url}/oauth2/v1/token", 300)
        return Says(200, {"token_type": "Bearer", "expires_in": 3600, "access_token": "eyJ", "scope": form["scope"]})

    def _signed_in(self, route: Route) -> Route:
        def checked(request: Asked) -> Says:
            if request.headers.get("authorization") not in (f"SSWS {TOKEN}", "Bearer eyJ"):
                return Says(401, {"errorCode": "E0000011", "errorSummary": "Invalid token provided"})
            return route(request)

        return checked

    def _user(self, request: Asked) -> Says:
        found = [id for id, login in self.logins.items() if request.names[0] in (id, login)]
        return Says(200, {"id": found[0], "status": "ACTIVE"}) if found else NOT_FOUND

    def _end(self, request: Asked) -> Says:
        if request.names[0] not in self.sessions:
            return NOT_FOUND
        self.sessions[request.names[0]] = 0
        return Says(204)

    def _log_out(self, request: Asked) -> Says:
        subject = request.json["sub_id"]
        if subject["format"] != "opaque" or subject["id"] not in self.sessions:
            return NOT_FOUND
        self.sessions[subject["id"]] = 0
        return Says(204)


NOT_FOUND = Says(404, {"errorCode": "E0000007", "errorSummary": "Not found: Resource not found: (User)"})
TOO_MANY = {"errorCode": "E0000047", "errorSummary": "API call exceeded rate limit due to too many requests."}


@pytest.fixture
def okta() -> Iterator[Organisation]:
    with Organisation() as running:
        yield running


def deliver(
    okta: Organisation,
    message: OutboxMessage,
    *,
    token: str = TOKEN,
    user_by: UserName = "id",
    universal_logout: bool = False,
    client_id: str | None = None,
) -> Outcome:
    target = OktaTarget(
        "idp", "bank", okta.url, token, client_id=client_id, user_by=user_by, universal_logout=universal_logout,
        allow_private=True, clock=lambda: NOW,
    )  # fmt: skip
    with closing(target):
        return target.deliver(message)


def of(user: str) -> OutboxMessage:
    return asked("user", user_id=user)


def test_a_users_sessions_end_with_their_tokens(okta: Organisation) -> None:
    assert deliver(okta, of(ALICE)) == DELIVERED
    assert list(okta.sessions.values()) == [0, 2]
    assert okta.asked[0].query == {"oauthTokens": "true"}


def test_a_user_can_be_known_by_the_login(okta: Organisation) -> None:
    assert deliver(okta, of("alice@bank.example"), user_by="login") == DELIVERED
    assert list(okta.sessions.values()) == [0, 2]


@pytest.mark.parametrize("user_by", ["id", "login"])
def test_a_universal_logout_names_the_user_by_id(okta: Organisation, user_by: UserName) -> None:
    name = ALICE if user_by == "id" else "alice@bank.example"
    assert deliver(okta, of(name), user_by=user_by, universal_logout=True) == DELIVERED
    assert okta.asked[-1].json == {"sub_id": {"format": "opaque", "id": ALICE}}
    assert list(okta.sessions.values()) == [0, 2]


@pytest.mark.parametrize("user_by", ["id", "login"])
@pytest.mark.parametrize("universal_logout", [False, True])
def test_a_user_that_is_not_there_is_refused(okta: Organisation, user_by: UserName, universal_logout: bool) -> None:
    outcome = deliver(okta, of("nobody"), user_by=user_by, universal_logout=universal_logout)
    assert outcome == Outcome("refused", "Okta knows no such user")


@pytest.mark.parametrize("name", ["..", ".", ""])
def test_no_name_walks_up_the_path(okta: Organisation, name: str) -> None:
    assert deliver(okta, of(name)) == Outcome("refused", "the identifier cannot be asked for")
    assert okta.asked == []


def test_a_name_is_one_segment_whatever_it_holds(okta: Organisation) -> None:
    deliver(okta, of(f"{ALICE}/sessions?oauthTokens=false#"))
    assert okta.calls() == [f"DELETE /api/v1/users/{ALICE}%2Fsessions%3FoauthTokens%3Dfalse%23/sessions"]


def test_one_session_is_not_asked_for(okta: Organisation) -> None:
    assert OktaTarget.scopes == {"user"}
    assert deliver(okta, asked()) == Outcome("refused", "this target cannot be told session.revoked of a session")
    assert okta.asked == []


def test_a_release_ends_nothing(okta: Organisation) -> None:
    outcome = deliver(okta, asked("user", user_id=ALICE, kind="session.released"))
    assert outcome == Outcome("refused", "this target cannot be told session.released of a user")
    assert okta.sessions[ALICE] == 2


def test_a_rate_limit_says_when_it_ends(okta: Organisation) -> None:
    window = {"X-Rate-Limit-Limit": "600", "X-Rate-Limit-Remaining": "0", "X-Rate-Limit-Reset": "1790000025"}
    okta.first = [Says(429, TOO_MANY, window)]
    assert deliver(okta, of(ALICE)) == Outcome("retry", "answered 429", 25 * SECOND)


def test_a_token_that_was_refused_is_told(okta: Organisation) -> None:
    outcome = deliver(okta, of(ALICE), token="expired")
    assert outcome == Outcome("retry", "answered 401: see whether the credentials and their rights are still good")
    assert len(okta.asked) == 1


def test_a_server_in_trouble_is_asked_again(okta: Organisation) -> None:
    okta.first = [Says(503, None, {"Retry-After": "3"}), Says(500)]
    assert [deliver(okta, of(ALICE)) for _ in range(3)] == [
        Outcome("retry", "answered 503", 3 * SECOND),
        Outcome("retry", "answered 500"),
        DELIVERED,
    ]


@pytest.mark.parametrize("key", [KEY, RSA], ids=["EC", "RSA"])
def test_a_service_app_signs_in_by_its_key(okta: Organisation, key: ECKey | RSAKey) -> None:
    okta.key = key  # type: ignore[assignment]
    assert deliver(okta, of(ALICE), token=private(key), client_id="0oa1") == DELIVERED
    assert list(okta.sessions.values()) == [0, 2]


@pytest.mark.parametrize(
    ("user_by", "universal_logout", "scope"),
    [
        ("id", False, "okta.users.manage"),
        ("login", False, "okta.users.manage"),
        ("id", True, "okta.universalLogout.manage"),
        ("login", True, "okta.universalLogout.manage okta.users.read"),
    ],
)
def test_it_asks_for_the_scopes_that_it_needs(
    okta: Organisation, user_by: UserName, universal_logout: bool, scope: str
) -> None:
    how = {"user_by": user_by, "universal_logout": universal_logout}
    assert deliver(okta, of(ALICE), token=private(KEY), client_id="0oa1", **how) == DELIVERED  # type: ignore[arg-type]
    assert okta.granted == scope


def test_another_key_is_told(okta: Organisation) -> None:
    other = private(ECKey.generate_key("P-256", {"kid": "k1"}))
    outcome = deliver(okta, of(ALICE), token=other, client_id="0oa1")
    assert outcome == Outcome("retry", "the token endpoint answered 401")


@pytest.mark.parametrize(
    "text",
    [
        "00QCjAl4MlV",
        "{}",
        '{"kty": "RSA"}',
        json.dumps(KEY.as_dict(private=False)),
        json.dumps(ECKey.generate_key("P-384").as_dict(private=True)),
    ],
    ids=["API token", "empty", "half", "public", "another curve"],
)
def test_what_is_no_private_key_is_refused_without_being_shown(text: str) -> None:
    what = "target idp: expected a private key as JWK: RSA, or EC on P-256"
    with pytest.raises(TargetRefused, match=f"^{what}$"):
        OktaTarget("idp", "bank", "https://bank.okta.com", text, client_id="0oa1")


def test_a_url_that_cannot_be_used_is_refused() -> None:
    with pytest.raises(TargetRefused, match="target idp: the URL must"):
        OktaTarget("idp", "bank", "okta.example", TOKEN)
