"""Management APIs of identity providers: how they are asked, and what a target of theirs does."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from urllib.parse import quote, urlencode

import msgspec

from response.clock import Clock
from response.errors import TargetRefused
from response.http import Answer, HttpClient, HttpFailed, check_url
from response.outcome import DELIVERED, Outcome
from response.targets.answers import NotDone, api_outcome
from response.targets.credentials import Credentials
from response.text import safe
from schemas.revocation import Scope, WebhookBody
from store.rows import OutboxMessage

CALL_DEADLINE_S = 5.0
"""For one call: a try makes three of them at most as a rule, and is to end within 15 s."""

FindIdpSession = Callable[[str, str], str | None]
"""Returns the identity provider's name of an app's session (app, hashed id); may be called by any thread."""


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


class ManagementApi:
    """Calls below one URL.

    Args:
        url: where the paths begin.
        credentials: sign the calls in; a token that is refused is replaced once.
        client: carries them.
        clock: microseconds since the epoch, for a Retry-After that names a date.
    """

    def __init__(self, url: str, credentials: Credentials, client: HttpClient, clock: Clock) -> None:
        self._url = url
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


def checked_url(name: str, url: str) -> str:
    """Return a target's URL as it is.

    Raises:
        TargetRefused: it cannot be used.
    """
    try:
        check_url(url)
    except TargetRefused as error:
        raise TargetRefused(f"target {name}: {error}") from error
    return url


def base_url(name: str, url: str) -> str:
    """Return a target's URL without a slash at its end, for paths to be put behind it.

    Raises:
        TargetRefused: it cannot be used.
    """
    return checked_url(name, url).rstrip("/")
