"""Somebody gets in as a user who has just been under attack, from a device or network that is new to this user.

An attack is an alert of `brute-force-user` on the user; of `credential-stuffing` or `password-spray` about the network
of the success, or about one from which this user was refused; or of `distributed-spray` or `prefix-spray` on the app,
where this user was refused meanwhile. It counts from its first failure until three hours after its last.

Every sign-in from something new is a candidate, and so is one on the user's own device after a refusal: that is told
as info. Without any history of the user new means little, and the tier is medium.

Source: MITRE ATT&CK T1110, T1078; FIELD reports of stuffing in which the one success in a thousand tries was never
looked at, because the failures alone made the alert.
Known false positives: the owner of the account, who has forgotten the password and sits at a new machine.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from detectors.attempts import LOGIN_FAILURES
from detectors.context import LINEAGE_REASONS, UserContext
from detectors.findings.derived import Joining, Subject
from detectors.findings.standing import Standing
from detectors.networks import describe
from detectors.parameters import Duration, Parameters
from detectors.rule import Hit, Memory
from schemas.alert import Alert, Severity
from schemas.app import AppPolicy
from schemas.event import Event
from schemas.instant import HOUR

ATTACKS = frozenset({"brute-force-user", "credential-stuffing", "password-spray", "prefix-spray", "distributed-spray"})

MAX_NETWORKS = 8
"""Networks remembered from which a user was refused; of more the newest. A spray over a user from many networks is
an alert on the app, which needs none of them by name."""

MAX_CANDIDATES = 16
"""Sign-ins of one user and hour that are held apart. A person has a few; beyond them they are one."""

KNOWN, NEW, FIRST = "known", "new", "first"
"""What a device is to its user; `FIRST`: nothing is known of the user."""


class SuccessAfterAttackParameters(Parameters):
    """Parameters of success-after-attack."""

    window: Duration = Field(3 * HOUR, description="How long after the attack a success still counts.")


class Refusals(Memory):
    """From where a user was refused, newest last, and the candidates of the hour.

    Attributes:
        refused: network ("" where unknown) and time of the last refusal.
        hour: of the candidates, in hours since the epoch.
    """

    refused: tuple[tuple[str, int], ...] = ()
    hour: int = 0
    candidates: tuple[str, ...] = ()


class SuccessAfterAttack(Joining[Refusals]):
    """A sign-in that follows an attack on its user."""

    id = "success-after-attack"
    title = "Signed in after an attack on this user"
    key = "user"
    needs = frozenset({"create", "fail"})
    attack = ("T1110", "T1078")
    severity = Severity.HIGH
    repeats = False
    memory = Refusals
    reads = ATTACKS
    runbook = (
        "Ask the user whether this sign-in was theirs; look at what the session did since.",
        "Benign if the user has a new device and has mistyped the password there.",
        "Else revoke the session, reset the password, and look which other users got in from that network.",
    )
    Parameters = SuccessAfterAttackParameters

    def on_event(self, event: Event, context: UserContext, memory: Refusals, app: AppPolicy) -> Hit | None:
        """Remember a refusal; judge a sign-in."""
        assert isinstance(self.parameters, SuccessAfterAttackParameters)
        since_us = event.time_us - self.parameters.window
        if event.type == "fail":
            if event.reason in LOGIN_FAILURES:
                memory.refused = _refused(memory.refused, event.place.network or "", event.time_us, since_us)
            return None
        if event.reason in LINEAGE_REASONS:
            return None
        # A refusal that is later in time came out of order.
        refused = [network for network, last_us in memory.refused if since_us <= last_us <= event.time_us]
        device = acquaintance(event, context)
        if device == KNOWN and not refused:
            return None
        where = describe(event.place)
        return Hit(
            # What it is is decided by the attack beside it; alone it is nothing.
            Severity.INFO,
            f"Signed in from {where}",
            f"signed in from {where}",
            usual={"device": device, "refused": " ".join(sorted(refused)), "was refused": "yes" if refused else ""},
            episode=_episode(event, device, refused, memory),
        )

    def grounds(self, candidate: Alert, realm: str) -> tuple[Subject, ...]:
        """Return user and networks, and the app where the user was refused."""
        networks = {candidate.network, *candidate.usual.get("refused", "").split()} - {None}
        grounds: list[Subject] = [("user", realm, candidate.user_id or "")]
        grounds += [("network", realm, str(network)) for network in sorted(networks, key=str)]
        if candidate.usual.get("was refused"):
            grounds.append(("app", candidate.app, candidate.app))
        return tuple(grounds)

    def join(self, candidate: Alert, beside: Sequence[Standing]) -> Hit | None:
        """Hold a sign-in against the attacks around it."""
        assert isinstance(self.parameters, SuccessAfterAttackParameters)
        attacks = [
            one
            for one in beside
            if one.rule_id in ATTACKS
            and one.began_us <= candidate.last_event_time_us
            and candidate.first_event_time_us <= one.last_us + self.parameters.window
        ]
        if not attacks:
            return None
        names = ", ".join(sorted({one.rule_id for one in attacks}))
        device = candidate.usual.get("device")
        severity = {KNOWN: Severity.INFO, FIRST: Severity.MEDIUM}.get(device or "", Severity.HIGH)
        on = "the user's own device" if device == KNOWN else "a device or network new to the user"
        return Hit(
            severity,
            f"{candidate.summary} on {on}, after {names}",
            candidate.summary,
            evidence=tuple(one.shown for one in attacks if one.shown is not None),
            usual={} if device == KNOWN else {"device": "none that was seen before"},
        )


def acquaintance(event: Event, context: UserContext) -> str:
    """Say what a device, or where it has no id its network and agent, is to the user.

    Only finished days count, so that an intruder does not become ordinary on the spot.
    """
    profile = context.profile
    if profile.newest_day < 0:
        return FIRST
    if event.device_id is not None:
        return KNOWN if profile.knows_device(event.device_id) else NEW
    network = event.place.network
    known = network is not None and profile.knows_network(network) and profile.knows_agent(event.agent)
    return KNOWN if known else NEW


def _refused(
    known: tuple[tuple[str, int], ...], network: str, time_us: int, since_us: int
) -> tuple[tuple[str, int], ...]:
    newest = {name: last_us for name, last_us in known if last_us >= since_us}
    newest[network] = max(time_us, newest.get(network, 0))
    ordered = sorted(newest.items(), key=lambda one: (one[1], one[0]))
    return tuple(ordered[-MAX_NETWORKS:])


def _episode(event: Event, device: str, refused: list[str], memory: Refusals) -> str:
    """Return what sets candidates apart that the attacks may tell apart."""
    hour = event.time_us // HOUR
    name = f"{hour} {device} {event.app} {event.place.network} {' '.join(sorted(refused))}"
    if hour != memory.hour:
        memory.hour, memory.candidates = hour, ()
    if name not in memory.candidates:
        if len(memory.candidates) >= MAX_CANDIDATES:
            return f"{hour} {device} more"
        memory.candidates = (*memory.candidates, name)
    return name
