"""The middleware around a small app that signs people in, over real HTTP on loopback."""

from __future__ import annotations

import http.client
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.cookies import SimpleCookie
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from sessionwatch_emitter import RevocationList, SessionEmitter, SessionWatchMiddleware

from .test_cookies import by_http_cookies, by_starlette_as_by_django, by_webob, by_werkzeug
from .test_revocation_list import spoil

READERS = [by_http_cookies, by_werkzeug, by_starlette_as_by_django, by_webob]


class App:
    """Cookie sessions in a dict; `/login`, `/account`, `/logout`."""

    def __init__(self) -> None:
        self.sessions: dict[str, tuple[str, float]] = {}
        self._numbers = itertools.count(1)
        self.asked = 0

    def user_of(self, environ: dict[str, Any]) -> str | None:
        return self.sessions.get(self._cookie(environ), (None, 0.0))[0]

    def started_of(self, environ: dict[str, Any]) -> datetime | None:
        found = self.sessions.get(self._cookie(environ))
        return datetime.fromtimestamp(found[1], UTC) if found else None

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        self.asked += 1
        watch = environ["sessionwatch"]
        headers: list[tuple[str, str]] = []
        status = "200 OK"
        match environ["PATH_INFO"]:
            case "/login":
                session = f"raw-session-{next(self._numbers)}"
                self.sessions[session] = ("alice", time.time())
                watch.created(session, user="alice", auth_method="password")
                headers.append(("Set-Cookie", f"session={session}; HttpOnly"))
            case "/wrong-password":
                watch.failed(reason="bad_credentials", user_typed="alice")
                status = "403 Forbidden"
            case "/logout":
                self.sessions.pop(self._cookie(environ), None)
                watch.destroyed(user="alice")
            case "/accept":
                environ["sessionwatch.session"].accept(self.user_of(environ))
            case _ if self.user_of(environ) is None:
                status = "401 Unauthorized"
                if watch.session:
                    watch.failed(watch.session, reason="unknown_session")
            case "/forbidden":
                status = "403 Forbidden"
        start_response(status, headers)
        return [b"done"]

    @staticmethod
    def _cookie(environ: dict[str, Any]) -> str:
        found = SimpleCookie(environ.get("HTTP_COOKIE", "")).get("session")
        return found.value if found else ""


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


@dataclass
class Browser:
    """A client that keeps its cookie."""

    port: int
    cookie: str | None = None
    headers: dict[str, str] = field(default_factory=lambda: {"User-Agent": "Firefox"})
    answer: http.client.HTTPResponse | None = None

    def get(self, path: str, **headers: str) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        sent = {**self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        if self.cookie is not None:
            sent["Cookie"] = self.cookie
        connection.request("GET", path, headers=sent)
        self.answer = connection.getresponse()
        self.answer.read()
        connection.close()
        if set_cookie := self.answer.getheader("Set-Cookie"):
            self.cookie = set_cookie.partition(";")[0]
        return self.answer.status


@pytest.fixture
def emitter(make_emitter, revocations: RevocationList) -> SessionEmitter:
    return make_emitter(revocations=revocations, sample_interval=1000)


@pytest.fixture
def app() -> App:
    return App()


@pytest.fixture
def serve() -> Iterator[Callable[[Any], Browser]]:
    servers = []

    def start(middleware: Any) -> Browser:
        server = make_server("127.0.0.1", 0, middleware, handler_class=Quiet)
        servers.append((server, threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)))
        servers[-1][1].start()
        return Browser(server.server_port)

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def browser(serve, app: App, emitter: SessionEmitter) -> Browser:
    return serve(SessionWatchMiddleware(app, emitter, user_of=app.user_of, started_of=app.started_of))


def session_id(emitter: SessionEmitter, browser: Browser) -> str:
    assert browser.cookie is not None
    return emitter.keys.session_id(browser.cookie.partition("=")[2])


def test_a_login_is_one_line_in_the_app(browser: Browser, emitter: SessionEmitter, sent) -> None:
    browser.get("/login", X_Forwarded_For="1.1.1.1, 192.0.2.1")
    (event,) = sent(emitter, 1)
    assert (event["type"], event["user_id"], event["ip"], event["user_agent"]) == (
        "create",
        "alice",
        "192.0.2.1",
        "Firefox",
    )


def test_an_accepted_session_is_told(browser: Browser, emitter: SessionEmitter, sent) -> None:
    browser.get("/login")
    assert browser.get("/account") == 200
    _, event = sent(emitter, 2)
    assert (event["type"], event["user_id"], event["session_id"]) == (
        "validate",
        "alice",
        session_id(emitter, browser),
    )


def test_an_app_may_say_itself_that_it_accepted(serve, app: App, emitter: SessionEmitter, sent) -> None:
    browser = serve(SessionWatchMiddleware(app, emitter))
    browser.get("/login")
    browser.get("/accept")
    browser.get("/account")
    assert [event["type"] for event in sent(emitter, 2)] == ["create", "validate"]


@pytest.mark.parametrize("path", ["/forbidden", "/logout"])
def test_a_refusal_or_a_logout_is_not_told_as_a_use(browser: Browser, emitter: SessionEmitter, sent, path: str) -> None:
    browser.get("/login")
    browser.get(path)
    emitter.flush()
    assert emitter.counters["validated"] == 0


def test_a_logout_names_the_shown_session(browser: Browser, emitter: SessionEmitter, sent) -> None:
    browser.get("/login")
    browser.get("/logout")
    _, event = sent(emitter, 2)
    assert (event["type"], event["session_id"]) == ("destroy", session_id(emitter, browser))


def test_a_session_that_the_app_does_not_know_is_told_by_the_app(
    browser: Browser, emitter: SessionEmitter, sent
) -> None:
    browser.cookie = "session=invented"
    assert browser.get("/account") == 401
    (event,) = sent(emitter, 1)
    assert (event["type"], event["reason"]) == ("fail", "unknown_session")


def test_a_revoked_session_is_refused_before_the_app_sees_it(
    browser: Browser, app: App, emitter: SessionEmitter, revocations: RevocationList
) -> None:
    browser.get("/login")
    revocations.revoke_session(session_id(emitter, browser), 1)
    asked = app.asked
    assert browser.get("/account") == 401
    assert app.asked == asked


def test_the_refusal_clears_the_cookie(browser: Browser, emitter: SessionEmitter, revocations: RevocationList) -> None:
    browser.get("/login")
    revocations.revoke_session(session_id(emitter, browser), 1)
    browser.get("/account")
    assert browser.answer.getheader("Set-Cookie") == "session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"
    assert browser.answer.getheader("Cache-Control") == "no-store"


def test_the_refusal_is_told_with_the_thiefs_address(
    browser: Browser, emitter: SessionEmitter, revocations: RevocationList, sent
) -> None:
    browser.get("/login")
    stolen = session_id(emitter, browser)
    revocations.revoke_session(stolen, 1)
    browser.get("/account", X_Forwarded_For="203.0.113.9")
    _, event = sent(emitter, 2)
    assert (event["type"], event["reason"], event["session_id"], event["ip"]) == (
        "fail",
        "revoked",
        stolen,
        "203.0.113.9",
    )


def test_a_released_session_is_accepted_and_told_at_once(
    browser: Browser, emitter: SessionEmitter, revocations: RevocationList, sent
) -> None:
    browser.get("/login")
    browser.get("/account")
    revocations.revoke_session(session_id(emitter, browser), 1)
    revocations.release("session", session_id(emitter, browser), 2)
    assert browser.get("/account") == 200
    assert emitter.counters["swallowed"] == 0
    assert [event["type"] for event in sent(emitter, 3)] == ["create", "validate", "validate"]


@pytest.mark.parametrize(
    "cookie",
    [
        "session={}; session=other",
        "session=other; session={}",
        'session="{}"',
        "a=b;session={}",
        "session = {}",
        "a=b session={}",
        "session={} a=b",
    ],
)
def test_no_dressing_of_the_cookie_gets_a_revoked_session_through(
    browser: Browser, emitter: SessionEmitter, revocations: RevocationList, cookie: str
) -> None:
    browser.get("/login")
    revocations.revoke_session(session_id(emitter, browser), 1)
    browser.cookie = cookie.format(browser.cookie.partition("=")[2])
    assert browser.get("/account") == 401


class Reading:
    """An app that knows one session, and reads its cookie as one of the frameworks does."""

    def __init__(self, read: Callable[[str], str | None], known: str) -> None:
        self._read = read
        self._known = known
        self.seen: list[str | None] = []

    def user_of(self, environ: dict[str, Any]) -> str | None:
        return "alice" if self._read(environ.get("HTTP_COOKIE", "")) == self._known else None

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        self.seen.append(self._read(environ.get("HTTP_COOKIE", "")))
        start_response("200 OK" if self.user_of(environ) else "401 Unauthorized", [])
        return []


def ask(middleware: SessionWatchMiddleware, cookie: str, **environ: str) -> tuple[str, dict[str, str]]:
    answers: list[tuple[str, dict[str, str]]] = []
    middleware(
        {"HTTP_COOKIE": cookie, "REMOTE_ADDR": "203.0.113.9", **environ},
        lambda status, headers, *_: answers.append((status, dict(headers))),
    )
    return answers[0]


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    "cookie",
    [
        "session=STOLEN",
        'session="STOLEN"',
        r'session="\123TOLEN"',
        "session=STOLEN; session=junk",
        "session=STOLEN a=b",
        'a={"odd": "json"}; session=STOLEN',
    ],
)
def test_the_session_that_is_told_is_the_one_that_the_app_took(
    emitter: SessionEmitter, sent, read: Callable[[str], str | None], cookie: str
) -> None:
    app = Reading(read, "STOLEN")
    assert ask(SessionWatchMiddleware(app, emitter, user_of=app.user_of), cookie)[0] == "200 OK"
    (event,) = sent(emitter, 1)
    assert (event["type"], event["session_id"]) == ("validate", emitter.keys.session_id("STOLEN"))


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize(
    "cookie",
    [
        'session="STOLEN"',
        "a=b session=STOLEN",
        "session=STOLEN a=b",
        "session=STOLEN; session=junk",
        "session=junk; session=STOLEN",
        'a="; session=STOLEN; b="',
        "session=STOLEN,x",
        "session=junk; " * 20 + "session=STOLEN",
        "; ".join(f"session={n}" for n in range(20)) + "; session=STOLEN",
    ],
)
def test_no_reader_is_shown_a_revoked_session(
    make_emitter, revocations: RevocationList, read: Callable[[str], str | None], cookie: str
) -> None:
    emitter = make_emitter(revocations=revocations)
    revocations.revoke_session(emitter.keys.session_id("STOLEN"), 1)
    app = Reading(read, "STOLEN")
    status, _ = ask(SessionWatchMiddleware(app, emitter, user_of=app.user_of), cookie)
    assert status == "401 Unauthorized"
    assert "STOLEN" not in app.seen


@pytest.mark.parametrize("cookie", ["session=revoked; session=own", "session=own; session=revoked"])
def test_a_revoked_session_beside_ones_own_locks_nobody_out(
    emitter: SessionEmitter, revocations: RevocationList, cookie: str
) -> None:
    revocations.revoke_session(emitter.keys.session_id("revoked"), 1)
    app = Reading(by_werkzeug, "own")
    assert ask(SessionWatchMiddleware(app, emitter, user_of=app.user_of), cookie)[0] == "200 OK"


def test_a_session_of_a_revoked_user_beside_ones_own_locks_nobody_out(
    browser: Browser, app: App, emitter: SessionEmitter, revocations: RevocationList
) -> None:
    app.sessions["of-mallory"] = ("mallory", time.time())
    browser.get("/login")
    revocations.revoke_user("mallory", 1, not_before_us=int(time.time() * 1e6) + 1_000_000)
    browser.cookie = f"session=of-mallory; {browser.cookie}"
    assert browser.get("/account") == 200


def test_a_revoked_session_that_is_passed_over_is_told(
    emitter: SessionEmitter, revocations: RevocationList, sent
) -> None:
    revocations.revoke_session(emitter.keys.session_id("STOLEN"), 1)
    app = Reading(by_werkzeug, "own")
    ask(SessionWatchMiddleware(app, emitter, user_of=app.user_of), "session=STOLEN; session=own")
    told = {(event["type"], event["reason"], event["session_id"]) for event in sent(emitter, 2)}
    assert told == {
        ("fail", "revoked", emitter.keys.session_id("STOLEN")),
        ("validate", "request", emitter.keys.session_id("own")),
    }


@pytest.mark.parametrize(("last", "taken"), [(False, "older"), (True, "newer")])
def test_of_two_cookies_the_app_gets_the_one_that_it_would_take(
    emitter: SessionEmitter, last: bool, taken: str
) -> None:
    app = Reading(by_werkzeug, taken)
    middleware = SessionWatchMiddleware(app, emitter, last_cookie_wins=last)
    assert ask(middleware, "session=older; session=newer")[0] == "200 OK"


def test_a_session_that_the_app_decodes_is_read_from_the_one_cookie_that_is_left(
    emitter: SessionEmitter, revocations: RevocationList
) -> None:
    revocations.revoke_session(emitter.keys.session_id("raw"), 1)
    app = Reading(by_http_cookies, "signed.raw")

    def session_of(environ: dict[str, Any]) -> str | None:
        return (by_werkzeug(environ["HTTP_COOKIE"]) or "").removeprefix("signed.")

    middleware = SessionWatchMiddleware(app, emitter, session_of=session_of, user_of=app.user_of)
    assert ask(middleware, "session=junk; session=signed.raw")[0] == "401 Unauthorized"
    assert app.seen == ["junk"]


@pytest.mark.parametrize(
    ("name", "scheme", "secure"),
    [
        ("session", "http", False),
        ("session", "https", True),
        ("__Host-session", "http", True),
        ("__Secure-session", "http", True),
    ],
)
def test_the_cookie_is_cleared_so_that_browsers_take_it(
    emitter: SessionEmitter, revocations: RevocationList, name: str, scheme: str, secure: bool
) -> None:
    revocations.revoke_session(emitter.keys.session_id("raw"), 1)
    middleware = SessionWatchMiddleware(Reading(by_werkzeug, "raw"), emitter, session_cookie=name)
    _, headers = ask(middleware, f"{name}=raw", **{"wsgi.url_scheme": scheme})
    assert headers["Set-Cookie"].startswith(f"{name}=; Path=/; Max-Age=0")
    assert headers["Set-Cookie"].endswith("; Secure") is secure


def test_while_keys_rotate_a_session_revoked_under_the_old_one_is_refused(
    serve, app: App, make_emitter, revocations: RevocationList, sent
) -> None:
    before = make_emitter(secret="o" * 32, key_id="k0")
    after = make_emitter(secret="n" * 32, previous_secrets={"k0": "o" * 32}, revocations=revocations)
    browser = serve(SessionWatchMiddleware(app, after, user_of=app.user_of))
    browser.get("/login")
    revocations.revoke_session(session_id(before, browser), 1)
    assert browser.get("/account") == 401
    # Told under the id by which it was revoked: the pipeline waits for that one.
    assert sent(after, 2)[-1]["session_id"].startswith("s_k0_")


def test_all_sessions_of_a_user_end_and_a_new_login_passes(
    browser: Browser, revocations: RevocationList, emitter: SessionEmitter, sent
) -> None:
    browser.get("/login")
    revocations.revoke_user("alice", 1, not_before_us=int(time.time() * 1e6))
    assert browser.get("/account") == 401
    browser.get("/login")
    assert browser.get("/account") == 200
    refused = next(event for event in sent(emitter, 4) if event["type"] == "fail")
    assert (refused["reason"], refused["user_id"]) == ("revoked", "alice")


def test_an_unreadable_list_lets_through_and_is_told_at_once(
    browser: Browser, emitter: SessionEmitter, revocations: RevocationList, tmp_path, sent
) -> None:
    browser.get("/login")
    spoil(revocations, tmp_path / "revocations.sqlite")
    assert browser.get("/account") == 200
    beats = [event for event in sent(emitter, 4, heartbeats=True) if event["type"] == "heartbeat"]
    assert beats[-1]["attributes"]["revocation_list_unreadable"] >= 1


def test_a_list_that_fails_closed_answers_503_and_keeps_the_cookie(serve, app: App, make_emitter, tmp_path) -> None:
    revocations = RevocationList(tmp_path / "l", fail_closed=True)
    emitter = make_emitter(revocations=revocations)
    browser = serve(SessionWatchMiddleware(app, emitter))
    browser.get("/login")
    spoil(revocations, tmp_path / "l")
    assert browser.get("/account") == 503
    assert browser.answer.getheader("Set-Cookie") is None
    assert emitter.counters["failed"] == 0


def broken(_environ: Any, *_: Any) -> Any:
    raise RuntimeError("broken callback")


@pytest.mark.parametrize(
    "callbacks", [{"user_of": broken}, {"device_of": broken}, {"session_of": broken}, {"accepted": broken}]
)
def test_a_callback_that_fails_does_not_fail_the_request(
    serve, app: App, emitter: SessionEmitter, callbacks: dict[str, Any]
) -> None:
    browser = serve(SessionWatchMiddleware(app, emitter, **{"user_of": app.user_of, **callbacks}))
    browser.get("/login")
    assert browser.get("/account") == 200


def test_a_slow_answer_is_told_as_of_the_request(emitter: SessionEmitter, sent) -> None:
    moments: list[float] = []

    def slow(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        moments.append(time.time())
        while time.time() < moments[0] + 0.05:
            pass
        start_response("200 OK", [])
        return []

    middleware = SessionWatchMiddleware(slow, emitter, user_of=lambda _: "alice")
    middleware({"HTTP_COOKIE": "session=raw", "REMOTE_ADDR": "192.0.2.1"}, lambda *_: None)
    (event,) = sent(emitter, 1)
    assert datetime.fromisoformat(event["event_time"]).timestamp() <= moments[0]


@pytest.mark.parametrize(
    ("header", "told"),
    [("plain", "plain"), ("Zo\u00c3\u00ab", "Zoë"), ("\xff\xfe", "\ufffd\ufffd"), ("x" * 9000, "x" * 4096)],
)
def test_an_agent_of_any_kind_arrives_readable(emitter: SessionEmitter, sent, header: str, told: str) -> None:
    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        environ["sessionwatch"].accept("alice")
        start_response("200 OK", [])
        return []

    SessionWatchMiddleware(app, emitter)(
        {"HTTP_COOKIE": "session=raw", "REMOTE_ADDR": "192.0.2.1", "HTTP_USER_AGENT": header}, lambda *_: None
    )
    (event,) = sent(emitter, 1)
    assert event["user_agent"] == told
