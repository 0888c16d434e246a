"""One device on which several users sign in within minutes, hidden behind an anonymiser.

A kiosk or a family tablet does the first half, a person with a VPN the second; both together is somebody who works
through a list of stolen accounts.

Source: MITRE ATT&CK T1078; okta customer-detections count accounts by device.
Known false positives: a kiosk or test device behind a VPN: name it in `kiosks`. Sign-ins count, not requests.
"""

from __future__ import annotations

from pydantic import Field

from detectors.context import KeyContext
from detectors.networks import ANONYMISER_TYPES, describe
from detectors.parameters import Duration, Parameters
from detectors.rule import Hit, Memory, Rule
from schemas.alert import Evidence, Severity
from schemas.app import AppPolicy
from schemas.cleaning import PLACEHOLDER_USERS
from schemas.event import Event
from schemas.instant import MINUTE

MAX_USERS = 20
"""Users remembered of a device: as many as an alert names."""


class SharedDeviceParameters(Parameters):
    """Parameters of shared-device."""

    users: int = Field(3, ge=2, le=MAX_USERS, description="How many users on one device are too many.")
    window: Duration = Field(9 * MINUTE, description="The window.")
    kiosks: tuple[str, ...] = Field((), description="Device ids that many people use.")


class SharedDeviceMemory(Memory):
    """Who signed in lately behind an anonymiser: time, event id and user, oldest first, one entry a user."""

    users: tuple[tuple[int, str, str], ...] = ()


class SharedDevice(Rule[KeyContext, SharedDeviceMemory]):
    """Several users on one hidden device."""

    id = "shared-device"
    title = "Several users on one device behind an anonymiser"
    key = "device"
    needs = frozenset({"create"})
    attack = ("T1078",)
    severity = Severity.MEDIUM
    runbook = (
        "Look whether the users know each other, and what they did in these sessions.",
        "Benign if it is a kiosk or a test device: name it in the rule's `kiosks`.",
        "Else end the sessions of all of them and reset their passwords.",
    )
    repeats = False
    memory = SharedDeviceMemory
    Parameters = SharedDeviceParameters

    def on_event(self, event: Event, context: KeyContext, memory: SharedDeviceMemory, app: AppPolicy) -> Hit | None:
        """Judge a sign-in."""
        assert isinstance(self.parameters, SharedDeviceParameters)
        if event.user_id is None or event.place.network_type not in ANONYMISER_TYPES:
            return None
        device = event.device_id or ""
        # Apps without a device write something in its place.
        if device.strip().lower() in PLACEHOLDER_USERS or device in self.parameters.kiosks:
            return None
        others = [known for known in memory.users if known[2] != event.user_id]
        memory.users = tuple(sorted([*others, (event.time_us, event.event_id, event.user_id)])[-MAX_USERS:])
        kept = [known for known in memory.users if known[0] > memory.users[-1][0] - self.parameters.window]
        if len(kept) < self.parameters.users:
            return None
        return Hit(
            Severity.MEDIUM,
            f"{len(kept)} users signed in on one device within {self.parameters.window // MINUTE} min, "
            f"last from {describe(event.place)}",
            f"{event.user_id} signed in from {describe(event.place)}",
            evidence=tuple(
                Evidence(event_id, time_us, f"{user} signed in on the same device")
                for time_us, event_id, user in kept
                if event_id != event.event_id
            ),
        )
