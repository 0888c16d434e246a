"""What the query of a request may hold, with its bounds."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Query
from pydantic import BeforeValidator, WithJsonSchema

from schemas.alert import Severity, Status
from schemas.api import MAX_PAGE, MAX_QUERY
from schemas.event import APP_PATTERN, SESSION_PATTERN
from schemas.instant import parse_rfc3339
from schemas.limits import MAX_TEXT
from schemas.revocation import Scope, State

_UUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"
_MOST_VALUES = 20


def _instant(value: object) -> object:
    return parse_rfc3339(value) if isinstance(value, str) else value


Instant = Annotated[
    int | None,
    BeforeValidator(_instant),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""Microseconds since the epoch inside, RFC 3339 with an offset in the query."""

Since = Annotated[Instant, Query(description="Earliest event time, RFC 3339; else the list's own default.")]
Until = Annotated[Instant, Query(description="Event times before this, RFC 3339; else now.")]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE, description="Most rows.")]
Cursor = Annotated[str | None, Query(max_length=1_024, description="`next` of the page before, with the same filters.")]
AppNames = Annotated[
    list[Annotated[str, Query(pattern=APP_PATTERN)]] | None,
    Query(alias="app", max_length=_MOST_VALUES, description="Only of these apps."),
]
Severities = Annotated[
    list[Severity] | None, Query(alias="severity", max_length=_MOST_VALUES, description="Only these severities.")
]
Statuses = Annotated[
    list[Status] | None, Query(alias="status", max_length=_MOST_VALUES, description="Only these statuses.")
]
States = Annotated[
    list[State] | None, Query(alias="state", max_length=_MOST_VALUES, description="Only in these states.")
]
ScopeName = Annotated[Scope | None, Query(description="Only of one session, or of all of a user's.")]
RuleName = Annotated[str | None, Query(alias="rule", max_length=64, description="Only of this rule.")]
UserName = Annotated[str | None, Query(alias="user", max_length=MAX_TEXT, description="Only of this user.")]
NetworkName = Annotated[
    str | None,
    Query(alias="network", max_length=64, description="Only last used from this network, as a row names it."),
]
SessionName = Annotated[
    str | None, Query(alias="session", pattern=SESSION_PATTERN, description="Only of this session.")
]
Owner = Annotated[str | None, Query(max_length=64, description="Only of this person; `none` for nobody's.")]
Text = Annotated[str | None, Query(alias="q", max_length=MAX_QUERY, description="Found anywhere in what a row names.")]
AlertId = Annotated[str, Path(pattern=_UUID)]
CampaignId = Annotated[str, Path(pattern=_UUID)]
CampaignName = Annotated[str | None, Query(alias="campaign", pattern=_UUID, description="Only of this campaign.")]
RevocationId = Annotated[str, Path(pattern=_UUID)]
AppInPath = Annotated[str, Path(pattern=APP_PATTERN)]
SessionInPath = Annotated[str, Path(pattern=SESSION_PATTERN)]
RealmInPath = Annotated[str, Path(min_length=1, max_length=64)]
UserInPath = Annotated[str, Path(min_length=1, max_length=MAX_TEXT)]
RuleInPath = Annotated[str, Path(pattern=r"^[a-z0-9-]{1,64}$")]
