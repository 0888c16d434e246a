"""What can go wrong between the console and the API, each in one line for people."""

from __future__ import annotations


class ConsoleError(Exception):
    """Something that a page says in one line; `str()` is that line."""


class ApiSilentError(ConsoleError):
    """The API does not answer, or answers what is no answer."""


class ApiRefusedError(ConsoleError):
    """The API answered with a problem.

    Attributes:
        status: of the answer.
    """

    def __init__(self, status: int, line: str) -> None:
        super().__init__(line)
        self.status = status


class SignedOutError(ApiRefusedError):
    """The token is missing, wrong or has ended (401)."""


class ForbiddenError(ApiRefusedError):
    """The token's role or apps do not suffice (403)."""


class UnknownError(ApiRefusedError):
    """There is no such thing, or the token may not see it (404)."""
