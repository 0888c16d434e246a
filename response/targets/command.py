"""A command run on this machine: for whatever has no interface but a program."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from response.errors import TargetRefused
from response.http import DEADLINE_S
from response.outcome import DELIVERED, Outcome
from response.program import ProgramFailed, check_program, run
from schemas.revocation import Scope
from store.rows import OutboxMessage

DONE = 0
NEVER = 65
"""EX_DATAERR of sysexits.h: this cannot be done, and repeating it would change nothing."""


class CommandTarget:
    """Runs a program for each message, with the message on its standard input.

    It reads one JSON object: the body of a webhook, and `id`, the same on every try. Its arguments are those of the
    configuration and nothing else, so that no text that a client chose can become an option. Exit code 0 says that
    it is done, 65 that it never can be; every other code, a signal and the deadline mean to try again.

    Args:
        name, app: as in the configuration.
        command: the program's absolute path and its arguments.
        scopes: what the program can end; it is not asked for anything else.
        kinds: of messages that it knows: one that only ends sessions must not be given a release.
        deadline_s: for one try, seconds.

    Raises:
        TargetRefused: there is no such program.
    """

    kind = "command"

    def __init__(
        self,
        name: str,
        app: str,
        command: Sequence[str],
        *,
        scopes: Iterable[Scope] = ("session",),
        kinds: Iterable[str] = ("session.revoked",),
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self.name = name
        self.app = app
        self.scopes: frozenset[Scope] = frozenset(scopes)
        self.kinds = frozenset(kinds)
        self._command = named_program(name, command)
        self._deadline_s = deadline_s

    def deliver(self, message: OutboxMessage) -> Outcome:
        """Run the program once."""
        if message.kind not in self.kinds:
            return Outcome("refused", f"this program is not told {message.kind}")
        body: dict[str, object] = msgspec.json.decode(message.payload)
        try:
            code = run(self._command, {"id": message.message_id, **body}, self._deadline_s).code
        except ProgramFailed as error:
            return Outcome("retry", str(error))
        return exit_outcome(code)

    def close(self) -> None:
        """Nothing is held between two runs."""


def named_program(name: str, command: Sequence[str]) -> tuple[str, ...]:
    """Return a target's argument list.

    Raises:
        TargetRefused: it cannot be run.
    """
    try:
        return check_program(command)
    except TargetRefused as error:
        raise TargetRefused(f"target {name}: {error}") from error


def exit_outcome(code: int) -> Outcome:
    """Return what an exit code means; a negative one is the signal that ended the program."""
    if code == DONE:
        return DELIVERED
    if code == NEVER:
        return Outcome("refused", f"the program ended with {NEVER}: it cannot be done")
    if code < 0:
        return Outcome("retry", f"the program was ended by signal {-code}")
    return Outcome("retry", f"the program ended with {code}")
