"""An error of the API."""

from __future__ import annotations

from schemas.api.shapes import Answer


class ProblemPlace(Answer):
    """One thing that is wrong with a request."""

    where: str
    what: str


class Problem(Answer):
    """An error, as RFC 9457 says (`application/problem+json`).

    Attributes:
        type: ``about:blank``, or a path that names the kind.
        errors: what is wrong with a request, by place.
    """

    type: str = "about:blank"
    title: str
    status: int
    detail: str = ""
    errors: list[ProblemPlace] = []  # noqa: RUF012  # pydantic copies it
