"""The demo's web app, with the real emitter's middleware around it."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest
from sessionwatch_emitter import RevocationList, SessionEmitter, SessionWatchMiddleware

from sessionwatch.demo.webapp.accounts import Accounts
from sessionwatch.demo.webapp.site import Site

PASSWORD = "correct horse"


class Client:
    """A browser that speaks WSGI."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.cookie = ""
        self.peer = "127.0.0.1"
        self.headers: dict[str, str] = {}

    def get(self, path: str) -> tuple[int, dict[str, Any]]:
        return self._send("GET", path, b"")

    def post(self, path: str, **fields: Any) -> tuple[int, dict[str, Any]]:
        return self._send("POST", path, json.dumps(fields).encode())

    def _send(self, method: str, path: str, body: bytes) -> tuple[int, dict[str, Any]]:
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "REMOTE_ADDR": self.peer,
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
            **({"HTTP_COOKIE": f"session={self.cookie}"} if self.cookie else {}),
            **self.headers,
        }
        answer: list[Any] = []
        content = b"".join(self.app(environ, lambda status, headers: answer.extend((status, headers))))
        for name, value in answer[1]:
            if name == "Set-Cookie":
                self.cookie = SimpleCookie(value)["session"].value
        return int(answer[0][:3]), json.loads(content) if content.startswith(b"{") else {}


class App:
    """An app and what stands behind it."""

    def __init__(self, folder: Path, *, ends_sessions: bool) -> None:
        self.file = folder / "accounts.sqlite"
        self.accounts = Accounts.create(self.file, [("alice", PASSWORD)])
        self.revocations = RevocationList(folder / "revocations.sqlite")
        # Nothing listens there: the emitter must not be in the way of an app without a broker.
        self.emitter = SessionEmitter(
            "bank", secret="x" * 32, bootstrap_servers="127.0.0.1:1", revocations=self.revocations
        )
        site = Site(self.accounts, self.emitter, ends_sessions=ends_sessions)
        self.seen: list[str | None] = []

        def noting(environ: Any, start_response: Any) -> Any:
            self.seen.append(environ["sessionwatch"].ip)
            return site(environ, start_response)

        self.wsgi = SessionWatchMiddleware(noting, self.emitter)

    def client(self) -> Client:
        client = Client(self.wsgi)
        assert client.post("/login", user="alice", password=PASSWORD)[0] == 200
        return client

    def close(self) -> None:
        self.emitter.close(timeout=0)
        self.revocations.close()
        self.accounts.close()


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[App]:
    app = App(tmp_path, ends_sessions=True)
    yield app
    app.close()


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[App]:
    app = App(tmp_path, ends_sessions=False)
    yield app
    app.close()


def test_who_signs_in_sees_the_account(bank: App) -> None:
    status, page = bank.client().get("/account")
    assert (status, page["user"]) == (200, "alice")


def test_without_a_session_there_is_nothing_to_see(bank: App) -> None:
    assert Client(bank.wsgi).get("/account")[0] == 401


@pytest.mark.parametrize("credentials", [("alice", "guess"), ("nobody", PASSWORD), ("", "")])
def test_wrong_credentials_are_refused(bank: App, credentials: tuple[str, str]) -> None:
    user, password = credentials
    assert Client(bank.wsgi).post("/login", user=user, password=password)[0] == 401


def test_a_login_gives_another_cookie_than_the_one_that_was_shown(bank: App) -> None:
    client = Client(bank.wsgi)
    client.cookie = "planted"
    client.post("/login", user="alice", password=PASSWORD)
    assert client.cookie != "planted"


def test_a_transfer_takes_from_the_balance(bank: App) -> None:
    client = bank.client()
    before = client.get("/account")[1]["balance_cents"]
    assert client.post("/transfer", to="rent", cents=100)[1]["balance_cents"] == before - 100


@pytest.mark.parametrize("cents", [-1, 0, 100_001, "100", None])
def test_an_odd_amount_is_refused(bank: App, cents: object) -> None:
    assert bank.client().post("/transfer", to="rent", cents=cents)[0] == 409


def test_the_banks_logout_ends_the_session(bank: App) -> None:
    client = bank.client()
    copy = client.cookie
    client.post("/logout")
    client.cookie = copy
    assert client.get("/account")[0] == 401


def test_the_shops_logout_leaves_a_copied_cookie_good(shop: App) -> None:
    client = shop.client()
    copy = client.cookie
    assert client.post("/logout")[0] == 200
    assert client.cookie == ""
    client.cookie = copy
    assert client.get("/account")[0] == 200


def test_a_revoked_session_is_refused_whatever_the_apps_own_store_says(shop: App) -> None:
    client = shop.client()
    shop.revocations.revoke_session(client.get("/account")[1]["session"], sequence=1)
    assert client.get("/account")[0] == 401


def test_the_reference_on_the_page_is_the_hash_that_events_carry(bank: App) -> None:
    client = bank.client()
    assert client.get("/account")[1]["session"] == bank.emitter.keys.session_id(client.cookie)


def test_the_file_holds_no_cookie_and_no_password(bank: App) -> None:
    client = bank.client()
    content = b"".join(file.read_bytes() for file in bank.file.parent.glob("accounts.sqlite*"))
    assert client.cookie.encode() not in content
    assert PASSWORD.encode() not in content


def test_a_proxy_on_loopback_is_believed_about_the_address(bank: App) -> None:
    client = bank.client()
    client.headers["HTTP_X_FORWARDED_FOR"] = "198.18.1.10"
    client.get("/account")
    assert bank.seen[-1] == "198.18.1.10"


def test_nobody_else_is(bank: App) -> None:
    client = bank.client()
    client.peer = "203.0.113.9"
    client.headers["HTTP_X_FORWARDED_FOR"] = "198.18.1.10"
    client.get("/account")
    assert bank.seen[-1] == "203.0.113.9"


def test_what_another_sites_page_could_send_is_no_form(bank: App) -> None:
    client = bank.client()
    client.headers["CONTENT_TYPE"] = "text/plain"
    assert client.post("/transfer", to="thief", cents=100)[0] == 400


@pytest.mark.parametrize("path", ["/", "/nowhere", "/account/../login"])
def test_other_pages_answer_without_a_session(bank: App, path: str) -> None:
    assert Client(bank.wsgi).get(path)[0] == (200 if path == "/" else 404)
