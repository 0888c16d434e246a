"""Takes the tokens of one identity provider: verified, matched with the sessions of its realm, committed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from response.clock import Clock, now_us
from response.ssf.commands import TakeSet
from response.ssf.desk import REPLAYED
from response.ssf.evidence import MAX_SESSIONS, Provider, session_of, user_of
from response.ssf.verify import ReceivedSet, SetRefused, SetVerifier
from response.ssf.vocabulary import IDP_RULES
from store.rows import IdpSession


class ProviderRecords(Protocol):
    """What the intake asks of the store."""

    def provider_sessions(
        self, apps: tuple[str, ...], since_us: int, limit: int, *, idp_session_id: str | None, user_id: str | None
    ) -> list[IdpSession]:
        """Return sessions that were used and have not ended."""


class Intake:
    """Takes tokens, from any thread.

    Args:
        provider: whose they are.
        verifier: of this provider.
        read: returns the reader of the calling thread.
        act: has a command applied, and returns after its commit: empty, or why it was refused. May raise; then
            nothing is certain, and the token must come again.
    """

    def __init__(
        self,
        provider: Provider,
        verifier: SetVerifier,
        read: Callable[[], ProviderRecords],
        act: Callable[[object], str],
        *,
        clock: Clock = now_us,
    ) -> None:
        self.provider = provider
        self._verifier = verifier
        self._read = read
        self._act = act
        self._clock = clock

    def take(self, token: bytes) -> str:
        """Take a token, and return its `jti` once what it leads to is committed.

        Raises:
            SetRefused: it is not taken.
        """
        received = self._verifier.verify(token)
        refusal = self._act(self._command(received))
        if refusal:
            raise SetRefused("invalid_request", refusal if refusal == REPLAYED else "the token is not taken")
        return received.jti

    def _command(self, received: ReceivedSet) -> TakeSet:
        name = self.provider.name
        if received.event_type not in IDP_RULES:
            return TakeSet(name, received)
        session, user = session_of(received.sub_id), user_of(received.sub_id, self.provider.issuer)
        if session is None and user is None:
            return TakeSet(name, received)
        # A session that is named is meant alone, whoever's it is.
        found = self._read().provider_sessions(
            self.provider.apps,
            self._clock() - self.provider.lookback_us,
            MAX_SESSIONS,
            idp_session_id=session,
            user_id=user if session is None else None,
        )
        return TakeSet(name, received, tuple(found), user)
