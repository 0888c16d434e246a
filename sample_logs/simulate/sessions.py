"""Sessions as an app and its emitter tell them: begun, used in sampled intervals, refused, ended."""

from __future__ import annotations

import random
from dataclasses import dataclass

from sample_logs.simulate.apps import App
from sample_logs.simulate.chance import random_hash
from sample_logs.simulate.internet import Address
from sample_logs.simulate.wire import Wire
from schemas.instant import MINUTE, SECOND

INTERVAL_US = MINUTE
"""The apps' emitters tell unchanged uses of a session once in this time, with their count and rhythm."""


@dataclass(frozen=True, slots=True)
class Client:
    """What an app sees of whoever asks.

    Attributes:
        bound: how its requests prove the device: "dbsc" or "none"; None where the app does not ask.
    """

    agent: str | None
    device_id: str | None
    bound: str | None = None


@dataclass(slots=True)
class Session:
    """A session while it lasts.

    Attributes:
        client: that began it.
        source: the address of its last use.
        last_us: of its last use by its owner.
        ended_us: when it was destroyed; None = never, as far as the app has said.
        parent: the sign-on session above it.
        generation: how often its refresh token was rotated.
        attack: the kind of attack that it was part of; empty = none.
    """

    app: App
    session_id: str
    user_id: str
    client: Client
    source: Address
    began_us: int
    last_us: int
    ended_us: int | None = None
    parent: str | None = None
    generation: int | None = None
    attack: str = ""


class Desk:
    """Where apps tell what happens to sessions.

    Args:
        wire: takes the events.
        chance: for ids and rhythms.
    """

    def __init__(self, wire: Wire, chance: random.Random) -> None:
        self.wire = wire
        self.chance = chance
        self.sessions: list[Session] = []
        """All that were begun, or met, here."""

    def new_id(self) -> str:
        """Return a new session id, as the emitter hashes it."""
        return random_hash(self.chance, "s_k1_")

    def begin(
        self,
        app: App,
        user_id: str,
        client: Client,
        source: Address,
        time_us: int,
        *,
        reason: str = "login",
        session_id: str | None = None,
        auth_method: str | None = "password",
        mfa: bool | None = None,
        parent: str | None = None,
    ) -> Session:
        """Tell that a session began, and return it."""
        generation = 0 if app.kind == "token" else None
        session = Session(
            app, session_id or self.new_id(), user_id, client, source, time_us, time_us, None, parent, generation
        )
        self.wire.write(
            time_us, "create", app.name, reason, source, client.agent, client.device_id, user_id, session.session_id,
            auth_method=None if reason == "sso" else auth_method, mfa=mfa, parent=parent, generation=generation,
            idp="corp-idp" if app.kind == "sso" else None, bound=client.bound,
        )  # fmt: skip
        self.sessions.append(session)
        return session

    def use(
        self,
        session: Session,
        client: Client,
        source: Address,
        time_us: int,
        *,
        count: int = 1,
        gap_ms: float | None = None,
        evenness: float = 0.0,
        reason: str = "request",
        action: str | None = None,
        mfa: bool | None = None,
        generation: int | None = None,
    ) -> None:
        """Tell that a session was used.

        Args:
            session: which.
            client: by what; its owner's or not.
            source: from where.
            time_us: of the last use that this event stands for.
            count: how many uses that is.
            gap_ms: the mean gap between them; None for a first use.
            evenness: 0 = as people do, 1 = like a clock.
            reason: request, refresh or step_up.
            action: a sensitive act.
            mfa: whether a second factor was used for it.
            generation: of the refresh token.
        """
        smallest, deviation = self._rhythm(gap_ms, count, evenness)
        self.wire.write(
            time_us, "validate", session.app.name, reason, source, client.agent, client.device_id, session.user_id,
            session.session_id, count, smallest, deviation, mfa=mfa, generation=generation, bound=client.bound,
            action=action,
        )  # fmt: skip

    def refuse(
        self,
        app: App,
        reason: str,
        client: Client,
        source: Address,
        time_us: int,
        *,
        user_id: str | None = None,
        session_id: str | None = None,
        typed: str | None = None,
        generation: int | None = None,
    ) -> None:
        """Tell that a sign-in or a session was refused.

        Args:
            app: that refused.
            reason: as in the contract.
            client: that asked.
            source: from where.
            time_us: when.
            user_id: the account, if the app knows it.
            session_id: that was shown.
            typed: stands for a name that is no account's.
            generation: of the refresh token that was shown.
        """
        hint = None if typed is None else random_hash(random.Random(typed), "h_")
        credentials = reason in ("bad_credentials", "mfa_denied", "mfa_timeout", "locked")
        self.wire.write(
            time_us, "fail", app.name, reason, source, client.agent, client.device_id, user_id, session_id,
            auth_method="password" if credentials else None, generation=generation, user_hint=hint,
        )  # fmt: skip

    def end(self, session: Session, time_us: int, reason: str = "logout", client: Client | None = None) -> None:
        """Tell that a session ended: by whom, where somebody asked for it, else by the app itself."""
        by_app = client is None
        self.wire.write(
            time_us, "destroy", session.app.name, reason, None if by_app else session.source,
            None if client is None else client.agent, None if client is None else client.device_id, session.user_id,
            session.session_id,
        )  # fmt: skip
        session.ended_us = time_us

    def _rhythm(self, gap_ms: float | None, count: int, evenness: float) -> tuple[float | None, float | None]:
        if gap_ms is None:
            return None, None
        if count == 1:
            return round(gap_ms, 3), None
        wild = 1 - evenness
        smallest = gap_ms * (evenness + wild * self.chance.uniform(0.03, 0.6))
        deviation = gap_ms * wild * self.chance.uniform(0.35, 1.3)
        return round(smallest, 3), round(deviation + self.chance.uniform(0.2, 9), 3)


def uses_in(interval_us: int, pace_s: float, chance: random.Random) -> int:
    """Return how many uses a person makes in a stretch of time, at least one."""
    return max(1, round(interval_us / SECOND / pace_s * chance.uniform(0.5, 1.6)))
