"""Subject identifiers: RFC 9493, and how two of them match (SSF 1.0 section 8.1.3.1)."""

from __future__ import annotations

from collections.abc import Mapping

Subject = Mapping[str, object]
"""A subject identifier as JSON has it; `format` says which."""

MAX_MEMBERS = 16
MAX_TEXT = 1_024

_REQUIRED = {
    "account": ("uri",),
    "complex": (),
    "did": ("url",),
    "email": ("email",),
    "iss_sub": ("iss", "sub"),
    "opaque": ("id",),
    "phone_number": ("phone_number",),
    "uri": ("uri",),
}


def check_subject(value: object) -> Subject:
    """Return a subject identifier that can be worked with.

    Raises:
        ValueError: it has no known format, lacks a member of that format, or is too large.
    """
    if not isinstance(value, dict) or len(value) > MAX_MEMBERS:
        raise ValueError("a subject is an object of a few members")
    kind = value.get("format")
    if not isinstance(kind, str) or kind not in _REQUIRED:
        raise ValueError("the subject's format is unknown")
    for name in _REQUIRED[kind]:
        member = value.get(name)
        if not isinstance(member, str) or not 0 < len(member) <= MAX_TEXT:
            raise ValueError(f"a subject of format {kind} needs the text {name}")
    if kind == "complex":
        _check_members(value)
    elif any(not isinstance(member, str) or len(member) > MAX_TEXT for member in value.values()):
        raise ValueError("the members of a simple subject are texts")
    return value


def _check_members(value: Mapping[str, object]) -> None:
    members = {name: member for name, member in value.items() if name != "format"}
    if not members:
        raise ValueError("a complex subject needs a member")
    for member in members.values():
        if isinstance(member, dict) and member.get("format") == "complex":
            raise ValueError("a complex subject holds simple ones")
        check_subject(member)


def matches(one: Subject, other: Subject) -> bool:
    """Return whether two subjects match: simple ones if they are the same, complex ones if no shared member differs.

    Complex subjects without any member in common do not match: they would stand for everybody.
    """
    if one.get("format") != "complex" or other.get("format") != "complex":
        return one == other
    shared = (one.keys() & other.keys()) - {"format"}
    return bool(shared) and all(one[name] == other[name] for name in shared)


def user_subject(issuer: str, user_id: str) -> dict[str, object]:
    """Return a user as `iss_sub`."""
    return {"format": "iss_sub", "iss": issuer, "sub": user_id}


def session_subject(user: Subject | None, session_id: str | None) -> dict[str, object]:
    """Return the complex subject of a session, or of all of a user's.

    Args:
        user: whose; None where it is not known.
        session_id: None = all of the user's.

    Raises:
        ValueError: neither of the two.
    """
    if user is None and session_id is None:
        raise ValueError("expected a user, a session, or both")
    subject: dict[str, object] = {"format": "complex"}
    if user is not None:
        subject["user"] = dict(user)
    if session_id is not None:
        subject["session"] = {"format": "opaque", "id": session_id}
    return subject
