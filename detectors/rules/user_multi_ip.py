"""One user in live use from three or more networks within ten minutes.

Source: MITRE ATT&CK T1078; panther-analysis and Azure-Sentinel have the same idea with addresses, which IPv6
privacy addresses, dual stack and carriers make useless: here networks count, and one client's two protocols
count once.
Known false positives: a user with phone, laptop and a remote desktop; name carrier and office egress under
[[networks]].
"""

from __future__ import annotations

from pydantic import Field

from detectors.context import Use, UserContext, use_of
from detectors.networks import EGRESS_TYPES, describe, same_network
from detectors.parameters import Duration, Parameters
from detectors.rule import Hit, Rule
from schemas.alert import Evidence, Severity
from schemas.app import AppPolicy
from schemas.event import Event
from schemas.instant import MINUTE


class UserMultiIpParameters(Parameters):
    """Parameters of user-multi-ip."""

    networks: int = Field(3, ge=2, le=16, description="How many networks in live use are too many.")
    window: Duration = Field(10 * MINUTE, description="How long ago a use still counts as live.")


class UserMultiIp(Rule[UserContext, None]):
    """Too many networks at once for one person."""

    id = "user-multi-ip"
    title = "User in live use from many networks"
    key = "user"
    needs = frozenset({"create", "validate"})
    attack = ("T1078",)
    severity = Severity.MEDIUM
    runbook = (
        "List the user's live sessions by network, device and country.",
        "Benign if each device is known and the networks are home, carrier and office.",
        "Else ask the user, end the sessions that are not theirs, reset the password.",
    )
    repeats = False
    # Only a change is judged.
    repeats = False
    Parameters = UserMultiIpParameters

    def on_event(self, event: Event, context: UserContext, memory: None, app: AppPolicy) -> Hit | None:
        """Judge a successful use."""
        assert isinstance(self.parameters, UserMultiIpParameters)
        if event.place.network is None or event.place.network_type in EGRESS_TYPES:
            return None
        if context.uses and context.uses[-1].place.network == event.place.network:
            return None
        since = event.time_us - self.parameters.window
        live = [
            use
            for use in context.uses
            if use.last_us >= since
            and use.place.network_type not in EGRESS_TYPES
            and use.place.network != event.place.network
        ]
        distinct = distinct_networks([*live, use_of(event)])
        if len(distinct) < self.parameters.networks:
            return None
        places = ", ".join(describe(use.place) for use in distinct[:6])
        return Hit(
            Severity.MEDIUM,
            f"In live use from {len(distinct)} networks within {self.parameters.window // MINUTE} min: {places}",
            f"used from {describe(event.place)}",
            evidence=tuple(Evidence(use.event_id, use.last_us, f"used from {describe(use.place)}") for use in live),
        )


def distinct_networks(uses: list[Use]) -> list[Use]:
    """Return one use for each network that counts: a dual-stack client is one, all mobile carriers together are one."""
    distinct: list[Use] = []
    for use in uses:
        mobile = use.place.network_type == "mobile"
        if mobile and any(known.place.network_type == "mobile" for known in distinct):
            continue
        if not any(same_network(known, use) or _one_household(known, use) for known in distinct):
            distinct.append(use)
    return distinct


def _one_household(one: Use, other: Use) -> bool:
    # At home the laptop speaks IPv4 and the phone IPv6, through one provider.
    before, now = one.place, other.place
    return before.version != now.version and before.asn is not None and before.asn == now.asn
