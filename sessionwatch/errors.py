"""What a user can cause, said in one line."""

from __future__ import annotations

ROOM_ERRORS = frozenset(
    {
        "ingest.broker.BrokerError",
        "ingest.connection.SourceError",
        "response.errors.ResponseError",
        "sessionwatch_emitter.errors.EmitterError",
        "store.errors.StoreError",
    }
)
"""The error families of the other rooms. By name: importing them all would cost every command a second."""


class SessionwatchError(Exception):
    """Base of the front door's errors: its text is one line that says what is wrong and what to do."""


class ConfigurationError(SessionwatchError):
    """The configuration cannot be used.

    Args:
        problems: one line each, with the place, what was expected, and the nearest valid key.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class CommandError(SessionwatchError):
    """A command cannot do what it was asked to."""


class ListenError(SessionwatchError):
    """The address to listen on cannot be had."""


def is_expected(error: BaseException) -> bool:
    """Say whether an error belongs to a family whose text is written for people."""
    if isinstance(error, SessionwatchError):
        return True
    return any(f"{cls.__module__}.{cls.__qualname__}" in ROOM_ERRORS for cls in type(error).__mro__)
