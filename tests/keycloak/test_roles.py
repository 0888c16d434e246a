"""A real Keycloak in each of its roles: where people sign in, what the pipeline ends sessions at, who tells the app
of it, who is told by a logout token, and who tells the pipeline of what has ended there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from urllib.error import HTTPError
from urllib.parse import urlencode

import pytest

from response.http import HttpClient
from response.ssf.jwks import KeySet, url_keys
from response.ssf.poller import Poller
from response.ssf.verify import ReceivedSet, SetVerifier
from response.ssf.vocabulary import SESSION_REVOKED
from tests.counterparts import met
from tests.keycloak.installation import World, eventually, world
from tests.keycloak.realms import PASSWORD, SECRET, Browser, claims_of, client, make_realm, make_stream, person
from tests.keycloak.realms import stream_token as token_of
from tests.keycloak.relying_party import COOKIE
from tests.keycloak.server import Keycloak, UnavailableError
from tests.response.receivers import SECRET as WEBHOOK_SECRET

pytestmark = pytest.mark.slow

# In development mode too, Keycloak pushes to loopback only where it is told so.
OPTIONS = (
    "--spi-ssf-transmitter--default--allow-insecure-push-targets=true",
    "--spi-ssf-transmitter--default--outbox-drainer-interval=1s",
)
DESK = "http://127.0.0.1/desk"
PARTNER = {
    "client_id": "desk",
    "response_type": "code",
    "scope": "openid",
    "redirect_uri": DESK,
    "kc_idp_hint": "staff",
}


@pytest.fixture(scope="module")
def keycloak() -> Iterator[Keycloak]:
    """A Keycloak for the tests of this module."""
    server = Keycloak("ssf", options=OPTIONS)
    try:
        server.start()
    except UnavailableError as reason:
        pytest.skip(f"no Keycloak: {reason}")
    met("Keycloak", server.version)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def around(keycloak: Keycloak, broker: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world(keycloak, broker, tmp_path_factory.mktemp("around")) as made:
        yield made


@pytest.fixture
def browser() -> Iterator[Browser]:
    with closing(Browser()) as one:
        yield one


def signed_in(around: World, browser: Browser, user: str) -> str:
    """Sign in at the bank by Keycloak, and return the session's id as the pipeline knows it."""
    assert browser.sign_in(f"{around.bank.url}/login", user).status_code == 200
    [cookie] = browser.cookies(COOKIE)
    return around.emitters["bank"].keys.session_id(cookie)


def test_who_signs_in_at_keycloak_is_known_by_its_names(around: World, browser: Browser) -> None:
    session = signed_in(around, browser, "alice")
    begun = around.stored("bank", session)
    [cookie] = browser.cookies(COOKIE)
    assert (begun.user_id, begun.idp) == (around.bank.users[cookie], "keycloak")
    assert begun.idp_session_id == around.bank.sids[cookie]


def test_a_revocation_ends_the_login_and_keycloak_has_the_app_end_its_session(around: World, browser: Browser) -> None:
    with closing(Browser()) as bobs:
        signed_in(around, bobs, "bob")
        session = signed_in(around, browser, "alice")
        around.stored("bank", session)
        revocation_id = around.revoke("bank", session)
        [cookie] = browser.cookies(COOKIE)
        eventually(lambda: around.bank.sids[cookie] in around.bank.logouts)
        assert browser.get(around.bank.url).status_code == 401
        # The app's own word, sent because Keycloak told it.
        eventually(lambda: around.state(revocation_id) == "confirmed")
        # At Keycloak too they have to sign in again.
        assert "password" in browser.get(f"{around.bank.url}/login").text
        assert bobs.get(around.bank.url).status_code == 200


def at_the_partner(around: World, browser: Browser, user: str) -> tuple[str, str]:
    """Let somebody into the realm `partner` by what `staff` says of them: the refresh token, and the `sid` there."""
    there = f"{around.keycloak.url}/realms/partner/protocol/openid-connect/auth?{urlencode(PARTNER)}"
    fields = {
        "grant_type": "authorization_code",
        "code": browser.code(there, user, DESK),
        "redirect_uri": DESK,
        "client_id": "desk",
        "client_secret": SECRET,
    }
    told = around.keycloak.form("/realms/partner/protocol/openid-connect/token", fields)
    [found] = around.keycloak.admin("GET", f"/realms/staff/users?username={user}")
    [login] = around.keycloak.admin("GET", f"/realms/staff/users/{found['id']}/sessions")
    return told["refresh_token"], login["id"]


def is_in(around: World, refresh_token: str) -> bool:
    """Whether a session at the partner is still worth a token."""
    fields = {
        "grant_type": "refresh_token",
        "refresh_token": refresh_token,
        "client_id": "desk",
        "client_secret": SECRET,
    }
    try:
        around.keycloak.form("/realms/partner/protocol/openid-connect/token", fields)
    except HTTPError:
        return False
    return True


def test_keycloak_takes_a_logout_token_and_ends_that_session_alone(around: World, browser: Browser) -> None:
    with closing(Browser()) as bobs:
        his, _ = at_the_partner(around, bobs, "dave")
        hers, sid = at_the_partner(around, browser, "carol")
        session = around.used("partner", "the partner's cookie", "carol", sid)
        revocation_id = around.revoke("partner", session)
        eventually(lambda: around.state(revocation_id) == "delivered")
        assert (is_in(around, hers), is_in(around, his)) == (False, True)


def test_what_ends_at_keycloak_ends_in_an_app_that_does_not_know_it(around: World, browser: Browser) -> None:
    signed_in(around, browser, "alice")
    [cookie] = browser.cookies(COOKIE)
    user, sid = around.bank.users[cookie], around.bank.sids[cookie]
    session = around.used("mail", "alice's mail", user, sid)
    around.used("mail", "bob's mail", "bob", "another")
    browser.get(f"{around.bank.url}/logout")
    eventually(lambda: around.mail.calls)
    [call] = around.mail.calls
    told = call.verified(WEBHOOK_SECRET)
    assert (told["type"], told["data"]["session_id"]) == ("session.revoked", session)  # type: ignore[index]
    [alert] = around.admin.get("/v1/alerts", params={"rule": "idp-session-revoked", "app": "mail"}).json()["items"]
    assert alert["session_id"] == session


def test_whom_an_administrator_logs_out_is_out_of_all_their_sessions(around: World, browser: Browser) -> None:
    signed_in(around, browser, "dave")
    [cookie] = browser.cookies(COOKIE)
    user = around.bank.users[cookie]
    sessions = {around.used("mail", f"dave's {name}", user, f"of the {name}") for name in ("phone", "desk")}
    around.keycloak.admin("POST", f"/realms/staff/users/{user}/logout")
    asked = {"rule": "idp-session-revoked", "app": "mail", "user": user}
    eventually(lambda: len(around.admin.get("/v1/alerts", params=asked).json()["items"]) == len(sessions))
    found = around.admin.get("/v1/alerts", params=asked).json()["items"]
    assert {alert["session_id"] for alert in found} == sessions


def test_keycloaks_events_can_be_polled_and_are_acknowledged(keycloak: Keycloak) -> None:
    everybody = {"ssf.enabled": "true", "ssf.defaultSubjects": "ALL"}
    make_realm(
        keycloak,
        "polled",
        eventsListeners=["ssf-events"],
        attributes={"ssf.transmitterEnabled": "true"},
        clients=[
            client("app"),
            client("poller", serviceAccountsEnabled=True, attributes=everybody),
        ],
        users=[person("alice")],
    )
    stream = make_stream(keycloak, "polled", "poller", {"method": "urn:ietf:rfc:8936"})
    fields = {"client_id": "app", "client_secret": SECRET}
    login = {"grant_type": "password", "username": "alice", "password": PASSWORD, "scope": "openid"}
    tokens = keycloak.form("/realms/polled/protocol/openid-connect/token", {**fields, **login})
    out = {**fields, "refresh_token": tokens["refresh_token"]}
    keycloak.form("/realms/polled/protocol/openid-connect/logout", out)

    issuer = f"{keycloak.url}/realms/polled"
    taken: list[ReceivedSet] = []
    with closing(HttpClient(allow_private=True)) as client_of_polls:
        certs = url_keys(f"{issuer}/protocol/openid-connect/certs", lambda: HttpClient(allow_private=True))
        verifier = SetVerifier(issuer, stream["aud"][0], KeySet(certs, "keycloak"))

        def take(token: bytes) -> str:
            taken.append(verifier.verify(token))
            return taken[-1].jti

        # The first has expired, as OAuth's do: it is then asked for anew.
        bearers = iter(["expired", token_of(keycloak, "polled", "poller")])
        poller = Poller("keycloak", stream["delivery"]["endpoint_url"], lambda: next(bearers), take, client_of_polls)
        eventually(lambda: poller.poll() and any(one.event_type == SESSION_REVOKED for one in taken))
        poller.poll()
        poller.poll()
    [ended] = [one for one in taken if one.event_type == SESSION_REVOKED]
    assert ended.sub_id["session"] == {"format": "opaque", "id": claims_of(tokens["access_token"])["sid"]}
