"""Management APIs of identity providers: one way to sign in, to ask, and to read what is answered."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from typing import Protocol, TypeVar
from urllib.parse import quote, urlencode

import msgspec

from response.clock import Clock
from response.errors import TargetRefused
from response.http import Answer, HttpClient, HttpFailed, check_url
from response.outcome import DELIVERED, Outcome
from response.targets.client_key import ClientKey
from response.targets.webhook import retry_after
from response.text import safe
from schemas.instant import SECOND
from schemas.revocation import Scope, WebhookBody
from store.rows import OutboxMessage

CALL_DEADLINE_S = 5.0
"""For one call: a try makes three of them at most as a rule, and is to end within 15 s."""

FindIdpSession = Callable[[str, str], str | None]
"""Returns the identity provider's name of an app's session (app, hashed id); may be called by any thread."""

_RESETS = ("x-rate-limit-reset", "x-ratelimit-reset")
"""Okta's and Auth0's way to say when to come again: the second since the epoch."""
_REFUSED = frozenset({400, 404, 409, 422})
"""Answers that repeating the request would not change."""
_MARGIN_S = 30.0
_SHORTEST_LIFE_S = 60.0

Document = TypeVar("Document")


class NotDone(Exception):
    """The try ends here; `outcome` is what came of it."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.detail)
        self.outcome = outcome


def carry_out(message: OutboxMessage, scopes: Collection[Scope], end: Callable[[WebhookBody], None]) -> Outcome:
    """Return what comes of ending what a message names; of all other messages, that they are not taken.

    Args:
        message: for a target that can do nothing but end.
        scopes: what it can end.
        end: does it; raises `NotDone` where it cannot.
    """
    body = WebhookBody.model_validate_json(message.payload)
    if message.kind != "session.revoked" or body.data.scope not in scopes:
        return Outcome("refused", f"this target cannot be told {message.kind} of a {body.data.scope}")
    try:
        end(body)
    except NotDone as done:
        return done.outcome
    return DELIVERED


class Credentials(Protocol):
    """What a request is signed in with."""

    def header(self) -> str:
        """Return the header `Authorization`.

        Raises:
            NotDone: there is none at the moment.
        """

    def forget(self) -> bool:
        """Let go of what was refused; return whether there may be another."""


class FixedCredentials:
    """A token that a person has made.

    Args:
        header: the whole header, such as ``SSWS …``.
    """

    def __init__(self, header: str) -> None:
        self._header = header

    def header(self) -> str:
        """Return the header."""
        return self._header

    def forget(self) -> bool:
        """Return that there is no other."""
        return False


class _Token(msgspec.Struct):
    access_token: str
    expires_in: float = _SHORTEST_LIFE_S


class ClientCredentials:
    """Tokens by OAuth 2.0 client credentials (RFC 6749 section 4.4), each used until shortly before its end.

    Args:
        url: the token endpoint.
        client_id: who asks.
        secret: the client's secret, sent in the body, or its private key.
        client: carries the request.
        clock: microseconds since the epoch, for a Retry-After that names a date.
        extra: further parameters, such as `scope` or `audience`.
    """

    def __init__(
        self, url: str, client_id: str, secret: str | ClientKey, client: HttpClient, clock: Clock, **extra: str
    ) -> None:
        self._url = url
        self._client_id = client_id
        self._secret = secret
        self._grant = {"grant_type": "client_credentials", "client_id": client_id, **extra}
        self._client = client
        self._clock = clock
        self._held = ""
        self._until = 0.0

    def header(self) -> str:
        """Return the header with a token that is still good for a while.

        Raises:
            NotDone: the token endpoint gives none.
        """
        if not self._held or time.monotonic() >= self._until:
            self._fetch()
        return f"Bearer {self._held}"

    def forget(self) -> bool:
        """Let go of the token, which was refused."""
        self._held = ""
        return True

    def _proof(self) -> dict[str, str]:
        if isinstance(self._secret, str):
            return {"client_secret": self._secret}
        return self._secret.assertion(self._client_id, self._url, self._clock() // SECOND)

    def _fetch(self) -> None:
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "accept": "application/json",
            "user-agent": "sessionwatch",
        }
        try:
            answer = self._client.post(self._url, headers, urlencode({**self._grant, **self._proof()}).encode())
        except HttpFailed as error:
            raise NotDone(Outcome("retry", safe(f"no token: {error}"))) from error
        if answer.status != 200:
            patience = patience_asked(answer, self._clock())
            raise NotDone(Outcome("retry", f"the token endpoint answered {answer.status}", patience))
        token = read(answer, _Token)
        self._held = token.access_token
        self._until = time.monotonic() + max(token.expires_in - _MARGIN_S, token.expires_in / 2)


class ManagementApi:
    """Calls below one URL.

    Args:
        url: where the paths begin, without a slash at its end.
        credentials: sign the calls in; a token that is refused is replaced once.
        client: carries them.
        clock: microseconds since the epoch, for a Retry-After that names a date.
    """

    def __init__(self, url: str, credentials: Credentials, client: HttpClient, clock: Clock) -> None:
        self._url = url.rstrip("/")
        self._credentials = credentials
        self._client = client
        self._clock = clock

    def call(self, method: str, path: str, document: object = None, *, absent: str = "") -> Answer | None:
        """Make a call and return its answer, a success.

        Args:
            method: of HTTP.
            path: below the URL, with its query.
            document: sent as JSON; None = no body.
            absent: what it means that there is nothing at this path; without it, None is returned then.

        Raises:
            NotDone: everything but success.
        """
        answer = self._send(method, path, document)
        if answer.status == 401 and self._credentials.forget():
            answer = self._send(method, path, document)
        if 200 <= answer.status < 300:
            return answer
        if answer.status == 404 and not absent:
            return None
        raise NotDone(api_outcome(answer, self._clock(), absent))

    def _send(self, method: str, path: str, document: object) -> Answer:
        headers = {
            "accept": "application/json",
            "user-agent": "sessionwatch",
            "authorization": self._credentials.header(),
        }
        body = None
        if document is not None:
            headers["content-type"] = "application/json"
            body = msgspec.json.encode(document)
        try:
            return self._client.request(method, self._url + path, headers, body)
        except HttpFailed as error:
            raise NotDone(Outcome("retry", safe(str(error)))) from error


def api_outcome(answer: Answer, now: int, absent: str = "") -> Outcome:
    """Return what an answer that is no success means.

    Args:
        answer: of the API.
        now: microseconds since the epoch, for a Retry-After that names a date.
        absent: what 404 means here.
    """
    if answer.status == 404 and absent:
        return Outcome("refused", absent)
    detail = f"answered {answer.status}"
    if answer.status in (401, 403):
        return Outcome("retry", f"{detail}: see whether the credentials and their rights are still good")
    if answer.status in _REFUSED:
        return Outcome("refused", detail)
    if 300 <= answer.status < 400:
        return Outcome("retry", f"{detail}: redirects are not followed")
    return Outcome("retry", detail, patience_asked(answer, now))


def patience_asked(answer: Answer, now: int) -> int | None:
    """Return how long an answer asks to wait, microseconds: by Retry-After, else by the end of its rate window.

    Args:
        answer: of an API.
        now: microseconds since the epoch.
    """
    if answer.status < 500 and answer.status != 429:
        return None
    asked = retry_after(answer.headers.get("retry-after"), now)
    if asked is not None or answer.status != 429:
        return asked
    for name in _RESETS:
        text = answer.headers.get(name, "")
        if text.isascii() and text.isdigit() and len(text) < 12:
            return max(0, int(text) * SECOND - now)
    return None


def read(answer: Answer, kind: type[Document]) -> Document:
    """Return an answer's JSON.

    Raises:
        NotDone: it is none, or of another shape.
    """
    try:
        return msgspec.json.decode(answer.body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotDone(Outcome("retry", "the answer cannot be read")) from error


def segment(text: str | None) -> str:
    """Return an identifier as one segment of a path, whatever it holds.

    Raises:
        NotDone: no path can hold it, or there is none.
    """
    # Dots are no escape sequence: some servers would walk up the path.
    if not text or text in (".", ".."):
        raise NotDone(Outcome("refused", "the identifier cannot be asked for"))
    return quote(text, safe="")


def query(parameters: Mapping[str, str]) -> str:
    """Return parameters as the query of a path."""
    return "?" + urlencode(parameters)


def base_url(name: str, url: str) -> str:
    """Return a target's URL without a slash at its end.

    Raises:
        TargetRefused: it cannot be used.
    """
    try:
        check_url(url)
    except TargetRefused as error:
        raise TargetRefused(f"target {name}: {error}") from error
    return url.rstrip("/")
