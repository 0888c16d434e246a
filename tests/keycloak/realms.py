"""Realms of Keycloak's for tests, and a person who signs in at its own pages."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Sequence
from typing import Any

import httpx

from response.ssf.vocabulary import CREDENTIAL_CHANGE, SESSION_REVOKED
from tests.keycloak.server import Keycloak

PASSWORD, SECRET = "the user's own", "the secret of a client"


def client(name: str, callback: str = "", **changes: Any) -> dict[str, Any]:
    """A confidential client that people come from, and that may log in by their password too."""
    return {
        "clientId": name, "secret": SECRET, "publicClient": False, "standardFlowEnabled": bool(callback),
        "directAccessGrantsEnabled": True, "redirectUris": [callback] if callback else [], **changes,
    }  # fmt: skip


def person(name: str) -> dict[str, Any]:
    """Somebody whose profile needs no completing."""
    return {
        "username": name, "email": f"{name}@bank.example", "firstName": name, "lastName": "Doe", "enabled": True,
        "credentials": [{"type": "password", "value": PASSWORD}],
    }  # fmt: skip


def service_account(client_id: str, *roles: str) -> dict[str, Any]:
    """The user that a client is when it acts by itself."""
    return {
        "username": f"service-account-{client_id}", "enabled": True, "serviceAccountClientId": client_id,
        "clientRoles": {"realm-management": list(roles)},
    }  # fmt: skip


def make_realm(server: Keycloak, name: str, **contents: Any) -> None:
    """Make a realm."""
    server.admin("POST", "/realms", {"realm": name, "enabled": True, **contents})


def make_stream(server: Keycloak, realm: str, client_id: str, delivery: dict[str, str]) -> dict[str, Any]:
    """Have a client of Keycloak's make its stream of security events, and return it."""
    scopes = {one["name"]: one["id"] for one in server.admin("GET", f"/realms/{realm}/client-scopes")}
    [found] = server.admin("GET", f"/realms/{realm}/clients?clientId={client_id}")
    for scope in ("ssf.read", "ssf.manage"):
        server.admin("PUT", f"/realms/{realm}/clients/{found['id']}/optional-client-scopes/{scopes[scope]}")
    answer = httpx.post(
        f"{server.url}/realms/{realm}/ssf/transmitter/streams",
        json={"delivery": delivery, "events_requested": [SESSION_REVOKED, CREDENTIAL_CHANGE]},
        headers={"authorization": f"Bearer {stream_token(server, realm, client_id)}"},
        timeout=20,
    )
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def stream_token(server: Keycloak, realm: str, client_id: str) -> str:
    """The token by which a client manages and polls its stream; it lives for minutes."""
    fields = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": SECRET}
    told = server.form(f"/realms/{realm}/protocol/openid-connect/token", {**fields, "scope": "ssf.read ssf.manage"})
    return str(told["access_token"])


def claims_of(token: str) -> dict[str, Any]:
    """What a token says, not verified."""
    middle = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4))))


class Browser:
    """A person at Keycloak's pages: follows redirects, keeps cookies, fills the sign-in form."""

    def __init__(self) -> None:
        self._http = httpx.Client(follow_redirects=True, timeout=20, event_hooks={"response": [self._trust]})

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def get(self, url: str) -> httpx.Response:
        """Visit a page."""
        return self._http.get(url)

    def sign_in(self, url: str, user: str) -> httpx.Response:
        """Visit a page that leads to Keycloak's sign-in form, sign in there, and return where that leads."""
        return self._http.send(self._filled_form(url, user), follow_redirects=True)

    def code(self, url: str, user: str, callback: str) -> str:
        """Sign in likewise, and return the code with which Keycloak sends the browser to `callback`."""
        answer = self._http.send(self._filled_form(url, user), follow_redirects=False)
        while (there := answer.headers["location"]) and not there.startswith(callback):
            answer = self._http.get(there, follow_redirects=False)
        return httpx.URL(there).params["code"]

    def _trust(self, _answer: httpx.Response) -> None:
        # Keycloak marks its cookies as secure: to browsers loopback is a secure place, to this client it is none.
        for cookie in self._http.cookies.jar:
            cookie.secure = False

    def _filled_form(self, url: str, user: str) -> httpx.Request:
        page = self.get(url)
        form = re.search(r'<form[^>]*action="([^"]+)"', page.text)
        assert form is not None, page.text
        return self._http.build_request("POST", html.unescape(form[1]), data={"username": user, "password": PASSWORD})

    def cookies(self, name: str) -> Sequence[str]:
        """The values of its cookies of a name."""
        return [str(one.value) for one in self._http.cookies.jar if one.name == name]
