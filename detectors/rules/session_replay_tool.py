"""A session that began in a browser and goes on in a tool: an HTTP library, a command line, a headless browser.

Cookies that an infostealer took are tried out by a script before anybody looks at them in a browser.

Source: MITRE ATT&CK T1539; agents as named in public rules of elastic/detection-rules and sigma.
Known false positives: an app's own mobile client that signs in through a browser, and its own servers that call
with the user's session (name both in `internal_clients`); a developer who copies his own cookie into curl.
"""

from __future__ import annotations

from pydantic import Field

from detectors.context import SessionContext, Use
from detectors.networks import describe, same_network
from detectors.parameters import Duration, Parameters
from detectors.rule import Hit, Rule
from schemas.alert import Evidence, Severity
from schemas.app import AppPolicy
from schemas.event import Agent, Event
from schemas.instant import MINUTE

BROWSER_CLASSES = frozenset({"desktop", "mobile", "tablet"})
PHONE_LIBRARIES = frozenset({"okhttp"})
"""Families in which nearly every app on Android speaks."""


class ReplayToolParameters(Parameters):
    """Parameters of session-replay-tool."""

    recent: Duration = Field(
        30 * MINUTE, description="A browser used this recently makes the tool a second client; later the tier is lower."
    )
    internal_clients: tuple[str, ...] = Field(
        (), description="Client families of the app itself, such as its mobile app's or its servers'; never a tool."
    )
    tools: tuple[str, ...] = Field((), description="Client families that count as tools besides the known ones.")


class SessionReplayTool(Rule[SessionContext, None]):
    """Begun in a browser, used by a tool."""

    id = "session-replay-tool"
    title = "Browser session used by a script"
    key = "session"
    needs = frozenset({"create", "validate"})
    attack = ("T1539",)
    severity = Severity.HIGH
    runbook = (
        "Compare the network of the tool with that of the browser, and look whether both go on side by side.",
        "Benign if the client is the app's own: name it in internal_clients for this app.",
        "Else revoke the session and have the user's computer examined: its cookies were taken.",
    )
    repeats = False
    Parameters = ReplayToolParameters

    def on_event(self, event: Event, context: SessionContext, memory: None, app: AppPolicy) -> Hit | None:
        """Judge a successful use."""
        home = context.home
        if home is None or context.starts_anew(event) or not self.is_tool(event.agent):
            return None
        if not self.is_browser(home.agent):
            return None
        severity = self.tier(home, event, context)
        return Hit(
            severity,
            f"Began in {home.agent.family} on {describe(home.place)}, "
            f"now used by {event.agent.family} from {describe(event.place)}",
            f"used by {event.agent.family} from {describe(event.place)}",
            evidence=(
                Evidence(home.event_id, home.first_us, f"began in {home.agent.family} on {describe(home.place)}"),
            ),
            usual={"network": describe(home.place), "agent": home.agent.family or ""},
        )

    def tier(self, home: Use, event: Event, context: SessionContext) -> Severity:
        """Return how bad a tool is, by what else is known."""
        if home.agent.os == "Android" and event.agent.family in PHONE_LIBRARIES and same_network(home, event):
            # A sign-in page in a browser, then the app on the same phone.
            return Severity.LOW
        assert isinstance(self.parameters, ReplayToolParameters)
        seen_us = max((use.last_us for use in context.uses if self.is_browser(use.agent)), default=home.last_us)
        return Severity.HIGH if event.time_us - seen_us <= self.parameters.recent else Severity.MEDIUM

    def is_tool(self, agent: Agent) -> bool:
        """Say whether an agent is a library or a headless browser, and not the app's own."""
        assert isinstance(self.parameters, ReplayToolParameters)
        if agent.family is None or _is_one_of(agent, self.parameters.internal_clients):
            return False
        return agent.device_class == "tool" or _is_one_of(agent, self.parameters.tools)

    def is_browser(self, agent: Agent) -> bool:
        """Say whether an agent is what a person uses."""
        assert isinstance(self.parameters, ReplayToolParameters)
        return agent.device_class in BROWSER_CLASSES and not _is_one_of(
            agent, self.parameters.internal_clients + self.parameters.tools
        )


def _is_one_of(agent: Agent, families: tuple[str, ...]) -> bool:
    if not families or agent.family is None:
        return False
    return agent.family.casefold() in {family.casefold() for family in families}
