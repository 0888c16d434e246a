"""A browser as far as the demo needs one: cookies, an address, an agent."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Self

import httpx

COOKIE = "session"
TIMEOUT_S = 10.0


class Browser:
    """One client of one app.

    Args:
        url: of the app.
        address: what it says it comes from; the app believes that of loopback alone.
        agent: its User-Agent header.
        session: a cookie to begin with.
        keep_alive: keep the connection; without, any worker of the app may get the next request.
    """

    def __init__(
        self, url: str, address: str, agent: str, session: str | None = None, *, keep_alive: bool = True
    ) -> None:
        self.address = address
        self.agent = agent
        self._client = httpx.AsyncClient(
            base_url=url,
            timeout=TIMEOUT_S,
            limits=httpx.Limits(max_keepalive_connections=1 if keep_alive else 0),
            # The simulated internet must not pass through a proxy of this machine.
            trust_env=False,
        )
        if session is not None:
            self._client.cookies.set(COOKIE, session, domain=self._client.base_url.host)

    @property
    def session(self) -> str | None:
        """The session cookie, as a thief on this machine would find it."""
        return self._client.cookies.get(COOKIE)

    async def get(self, path: str) -> httpx.Response:
        """Ask for a page."""
        return await self._client.get(path, headers=self._headers())

    async def post(self, path: str, **fields: Any) -> httpx.Response:
        """Send a form."""
        return await self._client.post(path, json=fields, headers=self._headers())

    def forget(self) -> None:
        """Delete the cookies."""
        self._client.cookies.clear()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    def _headers(self) -> dict[str, str]:
        return {"X-Forwarded-For": self.address, "User-Agent": self.agent}
