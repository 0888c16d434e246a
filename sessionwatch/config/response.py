"""`[response]`: what an alert leads to."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from response.hours import parse_hours
from response.policy import LOCK_FOR_US
from schemas.instant import HOUR, MINUTE
from schemas.revocation import LONGEST_LOCK_US
from sessionwatch.config.chat import AnySeverity
from sessionwatch.config.section import Section
from sessionwatch.config.target import TargetSettings
from sessionwatch.config.value_types import AppName, Cidr, Described, Duration, PositiveDuration

ActionName = Literal["notify", "record", "step_up", "revoke_session", "revoke_user", "revoke_network", "lock_login"]


def _check_hours(text: str) -> str:
    parse_hours(text)
    return text


HoursText = Annotated[str, AfterValidator(_check_hours), Described('hours such as "Mon-Fri 09:00-17:30 Europe/Berlin"')]
GroupName = Annotated[str, Field(pattern=r"^[a-z0-9._-]{1,64}$"), Described("group name")]


class GroupSettings(Section):
    """A group of users, for `match.user_group`."""

    users: Annotated[tuple[str, ...], Field(strict=False)] = Field(default=(), description="Their user ids.")


class MatchSettings(Section):
    """What an alert must be for a policy line to decide; a key left out matches everything."""

    severity: Annotated[tuple[AnySeverity, ...], Field(strict=False, min_length=1)] | None = Field(
        default=None, description="Severities."
    )
    rule: Annotated[tuple[str, ...], Field(strict=False, min_length=1)] | None = Field(
        default=None, description="Rule ids."
    )
    app: Annotated[tuple[AppName, ...], Field(strict=False, min_length=1)] | None = Field(
        default=None, description="Apps."
    )
    user_group: Annotated[tuple[GroupName, ...], Field(strict=False, min_length=1)] | None = Field(
        default=None, description="Names of `response.user_groups`."
    )
    hours: HoursText | None = Field(
        default=None,
        description='When: days, times and time zone, such as "Mon-Fri 09:00-17:30 Europe/Berlin"; '
        "without days every day, without a zone UTC.",
    )


class PolicySettings(Section):
    """One line of the policy."""

    match: MatchSettings = Field(default=MatchSettings(), description="Which alerts it decides.")
    do: Annotated[tuple[ActionName, ...], Field(strict=False, min_length=1)] = Field(
        description="What is done then; of several `revoke_` the widest."
    )
    widen: bool = Field(
        default=False,
        description="Where the app's targets know users alone, `revoke_session` may end all of the user's sessions.",
    )
    lock_for: Annotated[PositiveDuration, Field(le=LONGEST_LOCK_US)] = Field(
        default=LOCK_FOR_US, description='How long `lock_login` lets nobody sign in as the user; at most "30d".'
    )


class ResponseSettings(Section):
    """Policy, guard and targets."""

    dry_run: bool = Field(default=True, description="Show what would be revoked, and send nothing.")
    max_share_per_hour: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = Field(
        default=0.02,
        description="Share of an app's live sessions that an hour may end; 5 critical ones always pass.",
    )
    max_per_hour: Annotated[int, Field(ge=0)] = Field(
        default=100, description="Sessions of an app that an hour may end."
    )
    max_share_per_hour_in_all: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] | None = Field(
        default=None,
        description="Share of the live sessions of all declared apps together that an hour may end; "
        "not set: as `max_share_per_hour`.",
    )
    max_per_hour_in_all: Annotated[int, Field(ge=0)] | None = Field(
        default=None,
        description="Sessions of all apps together that an hour may end; not set: three times `max_per_hour`.",
    )
    user_cooldown: Duration = Field(
        default=HOUR,
        description="After all sessions of a user were ended, or their login locked, a second such act waits for a "
        "person for so long.",
    )
    protected_users: Annotated[tuple[str, ...], Field(strict=False)] = Field(
        default=(), description="Users whose sessions only people end."
    )
    protected_networks: Annotated[tuple[Cidr, ...], Field(strict=False)] = Field(
        default=(), description="Networks from which only people end sessions: health checks, the office."
    )
    privileged_users: Annotated[tuple[str, ...], Field(strict=False)] = Field(
        default=(), description="Users of whom all sessions end only when two people approve."
    )
    business_hours: HoursText | None = Field(
        default=None,
        description="Outside of these hours only single sessions end automatically; wider acts wait for a person.",
    )
    step_up_within: PositiveDuration = Field(
        default=10 * MINUTE, description="How long a user who is asked for a step-up has, until the session is ended."
    )
    escalate: bool = Field(
        default=False,
        description="Where a session goes on in spite of its revocation, delivered twice: end all of its user's "
        "sessions, and after that lock the user's login; both within the guard's budgets.",
    )
    user_groups: dict[GroupName, GroupSettings] = Field(
        default={}, description="Groups of users by name, for `match.user_group`."
    )
    policy: Annotated[tuple[PolicySettings, ...], Field(strict=False)] = Field(
        default=(),
        description="The first line that matches decides; what none matches falls to the defaults.",
    )
    targets: Annotated[tuple[TargetSettings, ...], Field(strict=False)] = Field(
        default=(), description="Where revocations are sent."
    )
