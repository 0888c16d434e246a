"""Password spray from one IPv6 /48: an attacker who owns one has 65,536 networks of his own to change between.

`password-spray` counts by /64, since that is what one household or office has; hosting customers and tunnels get a
/48. Here failures from at least two /64s of one /48 are counted together, with the thresholds and the guard of
password-spray.

Source: MITRE ATT&CK T1110.003; RFC 6177 on what is given to one site.
Known false positives: a carrier that numbers thousands of phones out of one /48, while its users cannot sign in;
as long as more of them get in than fail, it is silent.
"""

from __future__ import annotations

import ipaddress

import msgspec
from pydantic import Field

from detectors.attempts import SETTLE_US, Episode, Witnesses, crowd_hit, signed_in, tried_user
from detectors.context import KeyContext
from detectors.parameters import Duration, Parameters
from detectors.rule import Hit, Rule, Undo
from detectors.windows import GroupedTally, Span, WindowMemory, compact
from schemas.alert import Severity
from schemas.app import AppPolicy
from schemas.event import Event
from schemas.instant import MINUTE

SITE_BITS = 48

MAX_FAILED, MAX_OTHERS = 700, 400
"""Entries of the tallies, over all sites of an app: some 25 KB as stored."""

MAX_EPISODES = 16
"""Sites with a hit that settles; more attack at once in distributed-spray."""


class PrefixSprayParameters(Parameters):
    """Parameters of prefix-spray."""

    users: int = Field(10, ge=2, le=250, description="How many users failing within the window are a spray.")
    networks: int = Field(2, ge=2, le=250, description="From how many /64 of the /48 the failures must come.")
    tries: int = Field(6, ge=1, le=100, description="A user tried more often than this is not sprayed.")
    window: Duration = Field(10 * MINUTE, description="The window.")


def _others() -> GroupedTally:
    return GroupedTally(most=MAX_OTHERS)


class Sites(WindowMemory):
    """The attempts within one span; every item begins with the compact name of its site.

    Attributes:
        failed: tries by user who has not got in since.
        succeeded: users who get in while somebody is failing at their site.
        networks: failures by network.
    """

    failed: GroupedTally = msgspec.field(default_factory=GroupedTally)
    succeeded: GroupedTally = msgspec.field(default_factory=_others)
    networks: GroupedTally = msgspec.field(default_factory=_others)

    def outnumber(self, group: str) -> bool:
        """Say whether more users of a site fail than get in."""
        return self.failed.groups.get(group, 0) > self.succeeded.groups.get(group, 0)


class PrefixSprayMemory(WindowMemory):
    """The attempts over IPv6 by span, who failed last, and the hits that settle by site."""

    sites: dict[str, Sites] = msgspec.field(default_factory=dict)
    witnesses: Witnesses = msgspec.field(default_factory=Witnesses)
    episodes: dict[str, Episode] = msgspec.field(default_factory=dict)


class PrefixSpray(Rule[KeyContext, PrefixSprayMemory]):
    """Many users failing from one /48, spread over its networks."""

    id = "prefix-spray"
    title = "Few passwords tried on many users from one IPv6 prefix"
    key = "app"
    needs = frozenset({"fail", "create"})
    attack = ("T1110.003",)
    severity = Severity.HIGH
    runbook = (
        "Look at who owns the prefix, and whether any of the named users got in from it since.",
        "Benign if it is a carrier or an office whose sign-in was out of order: name it under [[networks]].",
        "Else block the whole /48 at the edge, and reset the users who got in.",
    )
    repeats = False
    settle_us = SETTLE_US
    memory = PrefixSprayMemory
    Parameters = PrefixSprayParameters

    def on_event(
        self, event: Event, context: KeyContext, memory: PrefixSprayMemory, app: AppPolicy
    ) -> Hit | Undo | None:
        """Count a failure by its /48; a sign-in may explain those before it."""
        if event.place.version != 6 or event.place.network is None:
            return None
        assert isinstance(self.parameters, PrefixSprayParameters)
        span = Span(self.parameters.window, self.parameters.tries)
        site = site_of(event.place.network)
        sites = memory.sites.get(span.name)
        if event.type == "create":
            return None if sites is None else _explain(span, event, site, sites, memory)
        user = tried_user(event)
        if user is None:
            return None
        sites = sites or memory.sites.setdefault(span.name, Sites())
        group = compact(site)
        sites.failed.add(span, event.time_us, group + compact(user), event.count)
        sites.succeeded.advance(span, event.time_us)
        # A network counts once, however often it failed.
        every = Span(self.parameters.window)
        sites.networks.add(every, event.time_us, group + compact(event.place.network))
        memory.witnesses.note(event, user)
        users, networks = sites.failed.groups.get(group, 0), sites.networks.groups.get(group, 0)
        if users < self.parameters.users or networks < self.parameters.networks or not sites.outnumber(group):
            return None
        episode = _episode(memory, site)
        began = episode.open(event.time_us, self.dedup_us, self.settle_us + app.clock_skew_us)
        since_us = event.time_us - self.parameters.window
        evidence = memory.witnesses.beside(event, since_us, lambda network: site_of(network) == site) if began else ()
        summary = (
            f"{users} users failed to sign in from {networks} networks of {site} within "
            f"{self.parameters.window // MINUTE} min, with at most {self.parameters.tries} tries each; "
            f"{sites.succeeded.groups.get(group, 0)} got in"
        )
        return crowd_hit(Severity.HIGH, summary, event, evidence, f"{episode.name} {site}")


def _explain(span: Span, event: Event, site: str, sites: Sites, memory: PrefixSprayMemory) -> Undo | None:
    """Take in a sign-in; it may show that a site's failures are those of people who mistype."""
    names, group = signed_in(event), compact(site)
    sites.failed.advance(span, event.time_us)
    sites.succeeded.advance(span, event.time_us)
    if not names or group not in sites.failed.groups:
        return None
    sites.succeeded.add(span, event.time_us, group + compact(names[0]))
    for name in names:
        sites.failed.forget(span, group + compact(name))
    memory.witnesses.forget(names)
    episode = memory.episodes.get(site)
    undo = None if episode is None or sites.outnumber(group) else episode.undo(event.time_us)
    return Undo(f"{undo.episode} {site}") if undo else None


def _episode(memory: PrefixSprayMemory, site: str) -> Episode:
    episode = memory.episodes.setdefault(site, Episode())
    if len(memory.episodes) > MAX_EPISODES:
        oldest = min(
            (known for known in memory.episodes if known != site), key=lambda known: memory.episodes[known].until_us
        )
        del memory.episodes[oldest]
    return episode


def site_of(network: str) -> str:
    """Return the /48 of an IPv6 network; any other text as it is."""
    try:
        return str(ipaddress.IPv6Network(network).supernet(new_prefix=SITE_BITS))
    except ValueError:
        return network
