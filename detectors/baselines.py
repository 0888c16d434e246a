"""What the rules that compare with a user's history share: when there is enough of it, and how far back it counts."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from pydantic import AfterValidator, Field

from detectors.context import UserContext
from detectors.parameters import OF_DAYS, Duration, Parameters
from detectors.profile import HORIZON_DAYS, Profile, Sight
from schemas.event import Event
from schemas.instant import DAY


def _check_network(text: str) -> str:
    """Return a network as it was given.

    Raises:
        ValueError: it is none.
    """
    try:
        ipaddress.ip_network(text)
    except ValueError:
        raise ValueError(f'expected a network such as "192.0.2.0/24" or "2001:db8::/32", got "{text[:40]}"') from None
    return text


Network = Annotated[str, AfterValidator(_check_network)]


class BaselineParameters(Parameters):
    """Parameters of every rule that asks what is ordinary for a user."""

    baseline: Duration = Field(
        28 * DAY,
        json_schema_extra=OF_DAYS,
        ge=DAY,
        le=(HORIZON_DAYS - 1) * DAY,
        description="How far back something was ordinary, counted from the user's newest day before.",
    )
    learn: int = Field(3, ge=1, le=1_000, description="So many logins, or days with uses, only teach.")
    corporate: tuple[Network, ...] = Field(
        (),
        max_length=200,
        description="Networks by which the organisation itself leaves to the internet, such as its VPN; those that "
        "[[networks]] calls office need not be named.",
    )


def has_learned(profile: Profile, parameters: BaselineParameters) -> bool:
    """Say whether a user's history is long enough to call something new.

    Days count beside logins: whoever stays signed in for weeks logs in once.
    """
    return max(profile.logins, profile.active_days) >= parameters.learn


def first_day(profile: Profile, baseline_us: int) -> int:
    """Return the day (days since the epoch) from which on the baseline counts.

    It ends with the user's newest day and not today: after a month's leave, home is still home.
    """
    return profile.newest_day + 1 - baseline_us // DAY


def is_corporate(event: Event, networks: tuple[str, ...]) -> bool:
    """Say whether an event comes by the organisation's own way out: its place is that of the way, not of the user."""
    if event.place.network_type == "office":
        return True
    if not networks or event.ip is None:
        return False
    address = ipaddress.ip_address(event.ip)
    return any(address in ipaddress.ip_network(network) for network in networks)


def is_new_device(event: Event, profile: Profile, since_day: int) -> bool | None:
    """Say whether a user was never seen with this device; None where nothing names one."""
    if event.device_id is not None:
        return not profile.knows_device(event.device_id, since_day)
    if event.agent.family is not None or event.agent.os is not None:
        return not profile.knows_agent(event.agent, since_day)
    return None


def seen_today(context: UserContext, event: Event) -> tuple[Sight, ...]:
    """Return what the session of an event has shown today already."""
    return tuple(sight for sight in context.sights if sight.session_id == event.session_id and sight.app == event.app)
