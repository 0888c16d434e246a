"""A client that is not what a browser app expects: none at all, a scripted one, or one that contradicts itself.

A sign of tools, not of theft, therefore low and once a user and day.

Source: MITRE ATT&CK T1036; the W3C's User-Agent Client Hints say what a browser's agent and hints have in common.
Known false positives: an app's own scripts and monitoring robots: name their families in `allowed_clients`. That no
agent comes is odd only where the user's sessions in this app show that it passes agents, or where the app says so.
A "desktop site" switch changes agent and hints together, or leaves the platform at Android, and is no contradiction.
"""

from __future__ import annotations

from pydantic import Field

from detectors.context import LINEAGE_REASONS, UserContext
from detectors.parameters import Parameters
from detectors.rule import Hit, Rule
from schemas.alert import Severity
from schemas.app import AppPolicy
from schemas.event import NO_AGENT, Agent, AttributeValue, Event
from schemas.instant import DAY

BROWSER_KINDS = frozenset({"cookie", "sso"})
SCRIPTED = {"tool": "a scripted client", "robot": "a robot"}

LINUXES = frozenset({"Linux", "Ubuntu", "Fedora", "Debian", "Chrome OS"})
PLATFORMS = {
    "windows": frozenset({"Windows"}),
    "macos": frozenset({"Mac OS X"}),
    "ios": frozenset({"iOS", "Mac OS X"}),
    "android": LINUXES | {"Android"},
    "linux": LINUXES,
    "chrome os": LINUXES,
    "chromium os": LINUXES,
}
"""Operating systems of an agent that go with `Sec-CH-UA-Platform`. Tablets and "desktop sites" show another one."""

APPLE = frozenset({"iOS", "Mac OS X"})
HOMES = {
    "Chrome Mobile iOS": APPLE,
    "Firefox iOS": APPLE,
    "Chrome Mobile": frozenset({"Android"}),
    "Chrome Mobile WebView": frozenset({"Android"}),
    "Samsung Internet": LINUXES | {"Android"},
    "IE": frozenset({"Windows"}),
}
"""Operating systems on which a browser family exists. Safari is left out: it is what agents nobody knows look like."""

WITHOUT_HINTS = frozenset({"Firefox", "Firefox Mobile", "IE"})
"""Families that send no client hints; on iOS none does."""


class ClientOddityParameters(Parameters):
    """Parameters of client-oddity."""

    allowed_clients: tuple[str, ...] = Field((), description="Client families that may call this app, such as a robot.")
    expects_agent: bool = Field(
        False, description="This app passes the agent of every sign-in, so that one without is odd for anybody."
    )


class ClientOddity(Rule[UserContext, None]):
    """No browser, or not the one that it says."""

    id = "client-oddity"
    title = "Client that is no ordinary browser"
    key = "user"
    needs = frozenset({"create", "validate"})
    attack = ("T1036",)
    severity = Severity.LOW
    runbook = (
        "Look at the agent as it came, and at what the session did with it.",
        "Benign if it is a script or monitor of your own: name its family in the rule's `allowed_clients`.",
        "Else look for other signs on this user, such as a new network.",
    )
    repeats = False
    dedup_us = DAY
    Parameters = ClientOddityParameters

    def on_event(self, event: Event, context: UserContext, memory: None, app: AppPolicy) -> Hit | None:
        """Judge the client of a successful use."""
        assert isinstance(self.parameters, ClientOddityParameters)
        if app.kind not in BROWSER_KINDS or event.agent.family in self.parameters.allowed_clients:
            return None
        if event.type == "validate" and _known(event, context):
            return None
        found = self._oddity(event, context)
        if found is None:
            return None
        newest = context.sessions[-1].agent if context.sessions else NO_AGENT
        return Hit(
            Severity.LOW,
            f"Used with {found}",
            f"used with {found}",
            usual={"agent": _named(newest)} if newest != NO_AGENT else {},
        )

    def _oddity(self, event: Event, context: UserContext) -> str | None:
        if not event.user_agent:
            return "no agent at all" if self._agent_expected(event, context) else None
        agent = event.agent
        if agent.device_class in SCRIPTED:
            return f"{SCRIPTED[agent.device_class]}, {_named(agent)}"
        if "user_agent:cleaned" in event.input_flags:
            return "an agent that no browser sends: unprintable or too long"
        if agent.family in HOMES and agent.os is not None and agent.os not in HOMES[agent.family]:
            return f"{agent.family} on {agent.os}, where it does not exist"
        return contradiction(agent, event.attributes) if event.attributes else None

    def _agent_expected(self, event: Event, context: UserContext) -> bool:
        """Say whether the lack of an agent is the client's doing. Requests without one are the session rules' part."""
        if event.type != "create" or event.reason in LINEAGE_REASONS:
            return False
        assert isinstance(self.parameters, ClientOddityParameters)
        return self.parameters.expects_agent or any(
            session.app == event.app and session.agent != NO_AGENT for session in context.sessions
        )


def contradiction(agent: Agent, attributes: dict[str, AttributeValue]) -> str | None:
    """Return what an agent's client hints, or the device class that the app gives, say against it; None if nothing.

    Args:
        agent: of the event.
        attributes: of the event; hints under their header's name, with ``-`` or ``_``, in any case.
    """
    given = {name.lower().replace("-", "_"): value for name, value in attributes.items()}
    platform = _unquoted(given.get("sec_ch_ua_platform"))
    fitting = PLATFORMS.get(platform)
    if fitting is not None and agent.os is not None and agent.os not in fitting:
        return f"an agent of {agent.os}, but the platform hint {platform}"
    mobile = _unquoted(given.get("sec_ch_ua_mobile"))
    if (mobile, agent.device_class) in (("?1", "desktop"), ("?0", "mobile")):
        return f"a {agent.device_class} agent, but the mobile hint {mobile}"
    hintless = agent.family in WITHOUT_HINTS or agent.os == "iOS"
    if hintless and "chromium" in _unquoted(given.get("sec_ch_ua")):
        return f"an agent of {agent.family}, but the hints of Chromium"
    said = _unquoted(given.get("device_class"))
    if {said, agent.device_class} == {"desktop", "mobile"}:
        return f"a {agent.device_class} agent on a {said} device"
    return None


def _known(event: Event, context: UserContext) -> bool:
    """Say whether the session is known to use this agent: judged when it began to."""
    return any(
        session.session_id == event.session_id and session.app == event.app and session.agent == event.agent
        for session in context.sessions
    )


def _unquoted(value: AttributeValue) -> str:
    return value.strip().strip('"').lower() if isinstance(value, str) else ""


def _named(agent: Agent) -> str:
    return " on ".join(part for part in (agent.family, agent.os) if part) or "an unknown agent"
