"""Why an event can be refused. The list is closed: whatever is not on it is cleaned and kept."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """The reason written on a dead letter."""

    NOT_JSON = "not_json"
    NOT_OBJECT = "not_object"
    TOO_LARGE = "too_large"
    TOO_DEEP = "too_deep"
    DUPLICATE_KEY = "duplicate_key"
    NOT_FINITE = "not_finite"
    WRONG_TYPE = "wrong_type"
    MISSING_FIELD = "missing_field"
    BAD_APP = "bad_app"
    BAD_TIME = "bad_time"
    FUTURE_TIME = "future_time"
    SCHEMA_VERSION = "schema_version"
    UNKNOWN_TYPE = "unknown_type"
    ATTRIBUTES = "attributes"
    RAW_TOKEN = "raw_token"  # noqa: S105 - the name of a reason
    FORGED = "forged"
    ID_CONFLICT = "id_conflict"
    TOMBSTONE = "tombstone"


class Refused(Exception):
    """An event breaks the structure.

    Args:
        reason: which of the closed list.
        field: the field that broke it, or an empty string where there is none.
        detail: what was expected, free of anything the sender wrote.
    """

    def __init__(self, reason: Reason, field: str = "", detail: str = "") -> None:
        super().__init__(": ".join(part for part in (reason.value, field, detail) if part))
        self.reason = reason
        self.field = field
        self.detail = detail
