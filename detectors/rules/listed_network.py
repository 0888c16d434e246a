"""A success from a network that stands on a list which the operator keeps: a block list, a partner, a rival.

Each list has an owner, an end and a severity of its own, since nobody remembers why an address was written down
two years ago.

Source: MITRE ATT&CK T1078; Azure-Sentinel and panther-analysis match addresses against lists in the same way.
Known false positives: addresses that changed hands since the list was made; hence the end.
"""

from __future__ import annotations

from pydantic import Field

from detectors.common import Common
from detectors.context import UserContext
from detectors.kept_lists import KeptLists
from detectors.lists import NetworkList, lists_of
from detectors.networks import describe
from detectors.parameters import Parameters
from detectors.rule import Hit, Rule
from schemas.alert import Severity
from schemas.app import AppPolicy
from schemas.event import Event


class ListedNetworkParameters(Parameters):
    """Parameters of listed-network."""

    lists: tuple[NetworkList, ...] = Field(
        (), description="Lists of address ranges and autonomous systems, each with an owner and an end."
    )


class ListedNetwork(Rule[UserContext, None]):
    """A success from a listed network."""

    id = "listed-network"
    title = "Success from a listed network"
    key = "user"
    needs = frozenset({"create", "validate"})
    attack = ("T1078",)
    severity = Severity.CRITICAL
    runbook = (
        "Ask the list's owner why the network stands on it, and look at what the user did from there.",
        "Benign if the network has changed hands: take it off the list.",
        "Else end the session, and ask the user to sign in again.",
    )
    repeats = False
    Parameters = ListedNetworkParameters

    _kept = KeptLists()

    def share(self, common: Common) -> None:
        """Take the lists that are kept in files."""
        self._kept = common.lists

    def on_event(self, event: Event, context: UserContext, memory: None, app: AppPolicy) -> Hit | None:
        """Judge a successful use."""
        assert isinstance(self.parameters, ListedNetworkParameters)
        lists = [*self.parameters.lists, *self._kept.at(event.time_us)]
        if not lists:
            return None
        if event.type != "create" and context.uses and context.uses[-1].place.network == event.place.network:
            # Judged when the user came here; only a change is news.
            return None
        found = lists_of(event, lists)
        if not found:
            return None
        named = ", ".join(f"{one.name} (kept by {one.owner})" for one in found)
        return Hit(
            found[0].severity,
            f"Used from {describe(event.place)}, which stands on {named}",
            f"used from {describe(event.place)}, on {named}",
            usual={"network": describe(context.uses[-1].place)} if context.uses else {},
        )
