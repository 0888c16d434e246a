"""A session used faster, or more regularly, than a person uses one.

Rates are counted by what an event stands for (`count`), spread over the time since the session's last event;
regularity is the emitter's own measure of the gaps (`gap_dev_ms`). The gaps between sampled events say nothing.

A page that works by itself does so where it was opened: a rate of hundreds a minute from another network than the
session's first is medium. So is two a second, from another network, of a session that was used for a minute or more
where it began and never at a quarter of that: the app is the same, so another hand is at work. Where only the protocol
changed, both paces must go on side by side.

Source: MITRE ATT&CK T1119; the thresholds start from what a page with thirty requests can cause.
Known false positives: apps that poll by themselves more than thirty times a minute (set `polling`, or raise `rate`, for
the app); monitoring that signs in (name it in `internal_clients`).
"""

from __future__ import annotations

from pydantic import Field

from detectors.context import HURRY_US, SessionContext
from detectors.networks import describe, same_network
from detectors.parameters import Duration, Parameters
from detectors.rule import Hit, Memory, Rule
from schemas.alert import Severity
from schemas.app import AppPolicy
from schemas.event import Event
from schemas.instant import MINUTE, SECOND

MINUTES = 5
"""The window of the rule."""

KEPT = MINUTES + 1
"""Minutes counted at once: the window, and the one that goes on."""

MIN_GAPS = 10
"""Uses in one event from which a deviation means something."""

MIN_SPAN_US = 30 * SECOND
"""How long a quicker pace must last: a page with all that it loads is no pace."""

SLOWER = 4
"""A few uses at a fraction of `rate` are not counted."""

MIN_HOME_US = MINUTE
"""How long a session must have been used where it began, before its pace there says anything."""


class Pace(Memory):
    """The uses of the last minutes.

    Attributes:
        minute: the newest minute counted, since the epoch.
        counts: uses by minute, the newest last.
        regular_us, even_us: since when and until when the gaps have been regular; 0 = they are not.
        quick_home: it was as quick where it began.
        quick_us: when it was first quick elsewhere; 0 = never.
    """

    minute: int = 0
    counts: tuple[int, ...] = ()
    regular_us: int = 0
    even_us: int = 0
    quick_home: bool = False
    quick_us: int = 0


class BotRateParameters(Parameters):
    """Parameters of bot-rate."""

    rate: int = Field(300, ge=30, description="Uses a minute that no person reaches for long; at least 30.")
    sustained: int = Field(3, ge=1, le=MINUTES, description="For how many minutes on end.")
    regular_deviation_ms: float = Field(
        10.0, ge=0, description="Standard deviation of the gaps, milliseconds, up to which they are a machine's."
    )
    regular_rate: int = Field(
        30, ge=30, description="Uses a minute below which a regular rhythm is a page that asks for news; at least 30."
    )
    regular_for: Duration = Field(3 * MINUTE, description="How long the rhythm must hold.")
    quick_rate: int = Field(
        120, ge=60, description="Uses a minute that are quick for a session of less than 30 before; at least 60."
    )
    polling: bool = Field(False, description="The app's pages poll by themselves: regularity says nothing.")
    internal_clients: tuple[str, ...] = Field(
        (), description="Client families whose pace is known, such as monitoring."
    )


class BotRate(Rule[SessionContext, Pace]):
    """Faster than a person."""

    id = "bot-rate"
    version = 3
    title = "Session used at the pace of a machine"
    key = "session"
    needs = frozenset({"create", "validate"})
    attack = ("T1119",)
    severity = Severity.MEDIUM
    runbook = (
        "Look at what the session asks for, and whether its agent and network are the user's.",
        "Benign if the app polls: raise rate or set polling for this app.",
        "Else limit the session's rate in the app, and look for the same client in other sessions.",
    )
    repeats = False
    paced = True
    memory = Pace
    inherits = True
    # Counted into minutes long gone, it would say nothing.
    judges_late = False
    Parameters = BotRateParameters

    def on_event(self, event: Event, context: SessionContext, memory: Pace, app: AppPolicy) -> Hit | None:
        """Count an accepted use."""
        assert isinstance(self.parameters, BotRateParameters)
        gap_us = event.time_us - context.last_us
        if event.type == "create" or not context.is_hurried(event):
            return None
        if (
            event.count < MIN_GAPS
            and gap_us < MIN_SPAN_US
            and event.count * SLOWER * MINUTE < self.parameters.rate * gap_us
        ):
            # Most uses of most sessions say nothing: what they would add to a pace of hundreds a minute is little.
            return None
        if event.agent.family is not None and event.agent.family in self.parameters.internal_clients:
            return None
        _count(memory, event, context.last_us)
        sustained = self.parameters.sustained
        # The minute that goes on may be full enough already, or not begun.
        rate = max(min(memory.counts[-sustained:]), min(memory.counts[-1 - sustained : -1]))
        quicker = self._quicker(event, context, memory)
        if rate >= self.parameters.rate and quicker is None:
            is_home = context.home is None or same_network(context.home, event)
            where = "" if is_home else f", from {describe(event.place)} and not where it began"
            return Hit(
                Severity.LOW if is_home else Severity.MEDIUM,
                f"Used at least {rate} times a minute for {sustained} min on end{where}",
                f"{event.count} uses more",
            )
        return quicker or self._regular(event, context, memory)

    def _quicker(self, event: Event, context: SessionContext, memory: Pace) -> Hit | None:
        """Hold the pace in another network against that where the session began."""
        assert isinstance(self.parameters, BotRateParameters)
        home, span_us = context.home, event.time_us - _since(event, context)
        if home is None or None in (home.place.network, event.place.network) or span_us < MIN_SPAN_US:
            return None
        if event.place.network == home.place.network:
            memory.quick_home = memory.quick_home or event.count * HURRY_US > span_us
            return None
        if memory.quick_home or event.count * MINUTE < self.parameters.quick_rate * span_us:
            return None
        there = next((use for use in context.uses if use.place.network == home.place.network), None)
        if there is None or there.last_us - there.first_us < MIN_HOME_US:
            return None
        goes_on = 0 < memory.quick_us < there.last_us
        memory.quick_us = memory.quick_us or event.time_us
        if same_network(home, event) and not goes_on:
            return None
        rate = event.count * MINUTE // span_us
        return Hit(
            Severity.MEDIUM,
            f"Used {rate} times a minute from {describe(event.place)}, and more slowly where it began",
            f"{event.count} uses more",
            usual={"network": describe(home.place)},
        )

    def _regular(self, event: Event, context: SessionContext, memory: Pace) -> Hit | None:
        assert isinstance(self.parameters, BotRateParameters)
        if self.parameters.polling or event.count < MIN_GAPS or event.gap_dev_ms is None or context.last_us == 0:
            return None
        gap_us = (event.time_us - context.last_us) / event.count
        # A burst has small deviations too, but its smallest gap lies far below the mean.
        is_even = event.gap_min_ms is not None and event.gap_min_ms * 1_000 >= gap_us / 2
        is_slow = gap_us * self.parameters.regular_rate > MINUTE
        if event.gap_dev_ms > self.parameters.regular_deviation_ms or not is_even or is_slow:
            memory.regular_us = memory.even_us = 0
            return None
        if memory.even_us != context.last_us:
            # The first, or something else came between.
            memory.regular_us = context.last_us
        memory.even_us = event.time_us
        if event.time_us - memory.regular_us < self.parameters.regular_for:
            return None
        minutes = (event.time_us - memory.regular_us) // MINUTE
        return Hit(
            Severity.LOW,
            f"Used every {gap_us / SECOND:.2f} s for {minutes} min, give or take {event.gap_dev_ms:.1f} ms",
            f"{event.count} uses, {event.gap_dev_ms:.1f} ms apart from even",
        )


def _since(event: Event, context: SessionContext) -> int:
    """Return since when the uses that an event stands for came: what others did meanwhile does not shorten it."""
    # Of repeats, the newest use shows the first only.
    before = (use.last_us for use in context.uses[:-1] if use.place.network == event.place.network)
    return next(before, context.last_us)


def _count(memory: Pace, event: Event, last_us: int) -> None:
    """Add the uses of an event to the minutes since the session's last one."""
    end_us = event.time_us
    newest = end_us // MINUTE
    if memory.minute < newest:
        passed = min(newest - memory.minute, KEPT)
        memory.counts = ((*memory.counts, *([0] * passed)) if memory.counts else (0,) * KEPT)[-KEPT:]
        memory.minute = newest
    counts = list(memory.counts)
    begin_us = end_us
    if event.count > 1:
        # Without an earlier event nobody knows how long they took: as long as can be.
        begin_us = last_us if 0 < last_us < end_us else end_us - MINUTES * MINUTE
    span_us, told = max(end_us - begin_us, 1), 0
    for minute in range(max(begin_us // MINUTE, newest - KEPT), newest + 1):
        until_us = min(end_us, (minute + 1) * MINUTE)
        share = event.count if until_us == end_us else event.count * (until_us - begin_us) // span_us
        if memory.minute - minute < KEPT:
            counts[minute - memory.minute - 1] += share - told
        told = share
    memory.counts = tuple(counts)
