"""A target whose secret or certificate may be replaced while the pipeline runs."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog

from response.errors import ResponseError
from response.outcome import Outcome
from response.targets import Target
from schemas.revocation import Scope
from sessionwatch.errors import ConfigurationError
from store.rows import OutboxMessage

REREAD_S = 300.0
"""How old what a command has printed may become before it is asked again."""

REREAD_AFTER_FAILURE_S = 5.0
"""The same when a try has failed, which an outdated secret may be the reason of."""

log = structlog.get_logger(__name__)


class RenewedTarget:
    """Makes the target anew when what it was made of is another, and else hands on to it.

    Files are looked at before each message. Commands are asked after one, so that no revocation waits for them: every
    five minutes, and when a try has failed. While the new secret cannot be read or used, the target stays as it was.

    Args:
        make: reads the files, asks the commands, and makes the target.
        mark: returns what is another value once a file was replaced.
        has_command: a secret is printed by a command.
        clock: seconds, monotonic.

    Raises:
        ConfigurationError, TargetRefused: it cannot be made.
    """

    def __init__(
        self,
        make: Callable[[], Target],
        mark: Callable[[], object],
        *,
        has_command: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._make = make
        self._mark = mark
        self._has_command = has_command
        self._clock = clock
        self._made_of = mark()
        self._target = make()
        self._read_at = clock()

    @property
    def name(self) -> str:
        """As in the configuration."""
        return self._target.name

    @property
    def kind(self) -> str:
        """The kind."""
        return self._target.kind

    @property
    def app(self) -> str:
        """The one app whose sessions it ends."""
        return self._target.app

    @property
    def scopes(self) -> frozenset[Scope]:
        """What it can end."""
        return self._target.scopes

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of messages that it can carry."""
        return self._target.kinds

    def deliver(self, message: OutboxMessage) -> Outcome:
        """Make one try, with the secrets and certificates of this moment."""
        mark = self._mark()
        if mark != self._made_of:
            # Noted first: what cannot be used is told once, and tried again when it is replaced.
            self._made_of = mark
            self._renew()
        outcome = self._target.deliver(message)
        patience_s = REREAD_AFTER_FAILURE_S if outcome.kind == "retry" else REREAD_S
        if self._has_command and self._clock() - self._read_at >= patience_s:
            self._renew()
        return outcome

    def close(self) -> None:
        """Let go of connections."""
        self._target.close()

    def _renew(self) -> None:
        self._read_at = self._clock()
        try:
            renewed = self._make()
        except (ConfigurationError, ResponseError) as error:
            log.error("the target stays as it was: what it is made of cannot be used", target=self.name, why=str(error))
            return
        self._target.close()
        self._target = renewed
        log.info("the target was made anew", target=self.name)
