"""An app whose users sign in at Keycloak by OpenID Connect, and that takes its back-channel logouts."""

from __future__ import annotations

import secrets
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
from joserfc import jwt
from joserfc.jwk import KeySet
from sessionwatch_emitter import SessionEmitter

from response.ssf.vocabulary import BACKCHANNEL_LOGOUT
from tests.keycloak.realms import SECRET

CLIENT = "bank-app"
COOKIE = "bank_session"


@dataclass
class RelyingParty:
    """The app: its sessions, by the value of their cookie."""

    url: str
    emitter: SessionEmitter
    issuer: str = ""
    sids: dict[str, str] = field(default_factory=dict)
    refresh_tokens: dict[str, str] = field(default_factory=dict)
    users: dict[str, str] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    logouts: list[str] = field(default_factory=list)

    def get(self, path: str, query: dict[str, str], cookie: str) -> tuple[int, str, dict[str, str]]:
        """Status, text and headers of a page."""
        match path:
            case "/login":
                asked = {
                    "client_id": CLIENT,
                    "response_type": "code",
                    "scope": "openid",
                    "redirect_uri": f"{self.url}/callback",
                }
                there = f"{self.issuer}/protocol/openid-connect/auth?{urllib.parse.urlencode(asked)}"
                return 302, "", {"location": there}
            case "/callback":
                value = self._begin(query["code"])
                return 302, "", {"location": "/", "set-cookie": f"{COOKIE}={value}; HttpOnly; Path=/"}
            case "/logout":
                self._end(cookie)
                return 302, "", {"location": "/"}
            case _:
                return self._show(cookie)

    def log_out(self, token: str) -> int:
        """Take a logout token, verified as Back-Channel Logout 1.0 section 2.6 wants it; the status to answer with."""
        verified = jwt.decode(token, self._keys(), algorithms=["RS256"])
        said = verified.claims
        genuine = (
            verified.header["typ"] == "logout+jwt"
            and (said["iss"], said["aud"]) == (self.issuer, CLIENT)
            and BACKCHANNEL_LOGOUT in said["events"]
            and "nonce" not in said
        )
        if not genuine:
            return 400
        self.logouts.append(said["sid"])
        for value in {value for value, sid in self.sids.items() if sid == said["sid"]} - self.ended:
            self.ended.add(value)
            self.emitter.destroyed(value, user=self.users[value], reason="revoked")
        return 200

    def _begin(self, code: str) -> str:
        fields = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": CLIENT,
            "client_secret": SECRET,
            "redirect_uri": f"{self.url}/callback",
        }
        told = httpx.post(f"{self.issuer}/protocol/openid-connect/token", data=fields, timeout=20).json()
        said = jwt.decode(told["id_token"], self._keys(), algorithms=["RS256"]).claims
        assert (said["iss"], said["aud"]) == (self.issuer, CLIENT)
        value = secrets.token_urlsafe(16)
        self.sids[value], self.users[value] = said["sid"], said["sub"]
        self.refresh_tokens[value] = told["refresh_token"]
        self.emitter.created(
            value, user=said["sub"], ip="192.0.2.7", auth_method="oidc", idp="keycloak", idp_session_id=said["sid"]
        )
        return value

    def _end(self, cookie: str) -> None:
        self.ended.add(cookie)
        self.emitter.destroyed(cookie, user=self.users[cookie], reason="logout")
        fields = {"client_id": CLIENT, "client_secret": SECRET, "refresh_token": self.refresh_tokens[cookie]}
        httpx.post(f"{self.issuer}/protocol/openid-connect/logout", data=fields, timeout=20).raise_for_status()

    def _show(self, cookie: str) -> tuple[int, str, dict[str, str]]:
        if cookie in self.ended:
            self.emitter.failed(cookie, reason="revoked", user=self.users[cookie])
            return 401, "sign in again", {}
        if cookie not in self.users:
            return 401, "sign in", {}
        self.emitter.validated(cookie, user=self.users[cookie], ip="192.0.2.7")
        return 200, self.users[cookie], {}

    def _keys(self) -> KeySet:
        document = httpx.get(f"{self.issuer}/protocol/openid-connect/certs", timeout=20).json()
        return KeySet.import_key_set({"keys": [key for key in document["keys"] if key["use"] == "sig"]})


@contextmanager
def relying_party(emitter: SessionEmitter) -> Iterator[RelyingParty]:
    """Runs the app on loopback."""

    class Request(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked = urllib.parse.urlsplit(self.path)
            cookies = SimpleCookie(self.headers.get("cookie", ""))
            cookie = cookies[COOKIE].value if COOKIE in cookies else ""
            query = dict(urllib.parse.parse_qsl(asked.query))
            self._answer(*app.get(asked.path, query, cookie))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            self._answer(app.log_out(urllib.parse.parse_qs(body)["logout_token"][0]), "", {})

        def log_message(self, format: str, *args: object) -> None:
            """Stay quiet."""

        def _answer(self, status: int, text: str, headers: dict[str, str]) -> None:
            content = text.encode()
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Request)
    server.daemon_threads = True
    app = RelyingParty(f"http://127.0.0.1:{server.server_address[1]}", emitter)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield app
    server.shutdown()
    thread.join()
    server.server_close()
