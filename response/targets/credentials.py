"""What a request to a provider is signed in with."""

from __future__ import annotations

import time
from typing import Protocol
from urllib.parse import urlencode

import msgspec

from response.clock import Clock
from response.http import HttpClient, HttpFailed
from response.outcome import Outcome
from response.targets.answers import NotDone, patience_asked, read
from response.targets.client_key import ClientKey
from response.text import safe
from schemas.instant import SECOND

_MARGIN_S = 30.0
_SHORTEST_LIFE_S = 60.0


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
