"""The shape of a rule: a keyed state machine that looks at one event, with what is known of its key."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Generic, Literal, TypeVar

import msgspec

from detectors.common import Common
from detectors.context import KeyContext, SessionContext, UserContext
from detectors.parameters import Parameters as RuleParameters
from schemas.alert import Evidence, Mode, Severity
from schemas.app import AppPolicy
from schemas.event import Event
from schemas.instant import HOUR
from schemas.signal import Signal

RuleKey = Literal["session", "user", "network", "device", "app"]
RULE_KEYS: tuple[RuleKey, ...] = ("session", "user", "network", "device", "app")


class Hit(msgspec.Struct, frozen=True, gc=False):
    """What a rule says of an event that completes it.

    Attributes:
        severity: by the evidence at hand.
        summary: one sentence for people.
        fact: what this event showed, for the evidence.
        evidence: earlier events that belong to it.
        usual: what is ordinary for this key, by name.
        episode: what makes two hits one alert; None = the session, for other keys the dedup period.
    """

    severity: Severity
    summary: str
    fact: str
    evidence: tuple[Evidence, ...] = ()
    usual: dict[str, str] = {}
    episode: str | None = None
    confidence: float = 1.0


class Undo(msgspec.Struct, frozen=True, gc=False):
    """A later event, in order, that makes a settling hit of this rule untrue.

    Attributes:
        episode: of the hit; None = as in `Hit`.
    """

    episode: str | None = None


class Memory(msgspec.Struct, gc=False):
    """What one rule remembers of one key.

    Fields hold scalars or immutable values: a shallow copy is a snapshot. One that must hold many entries may keep
    them in containers and define `__copy__`. It is stored as msgpack, and bounded by the rule itself.
    """


Verdict = Hit | Undo | None

ContextT = TypeVar("ContextT", SessionContext, UserContext, KeyContext)
MemoryT = TypeVar("MemoryT", bound=Memory | None)


class Rule(ABC, Generic[ContextT, MemoryT]):
    """A detection: `Rule[SessionContext, None]` is keyed by session and remembers nothing.

    A rule holds parameters and no state: what it must remember stands in its `Memory`, one object a key,
        which the engine keeps, copies, stores and restores.

    Class attributes:
        id, version: the version is raised whenever the rule decides otherwise than before.
        title: what it catches, in a few words.
        key: the field that partitions the state; users, networks and devices are those of one realm.
        needs: the event types it wants to see.
        wants_signals: the signal kinds it wants to see.
        attack: ATT&CK technique ids.
        severity: the default, or the highest tier.
        mode: the default mode.
        runbook: two or three steps: what to look at, what would make it benign, what to do.
        judges_late: whether it may judge an event that is older than the bound of disorder.
        repeats: whether it wants to see a *repeat* too: a request in which nothing changed since the key's last
            use. Rules that look for change alone say False, and such an event costs them nothing.
        paced: whether a session rule wants to see repeats that follow each other fast (`is_hurried`); the newest of
            the context's uses may then be older than its `last_us`.
        reported: "app" gathers its hits into one alert a day about the app: they say how the app keeps its own
            policy, not what a user did. With "join" they are candidates, told only beside alerts of other rules.
        reads: ids of the rules whose alerts it is made from; one that needs no event type reads those alone.
        settle_us: how long a hit waits for an event that may undo it; 0 where none can.
        memory: the type of what it remembers a key; None when it remembers nothing.
        inherits: whether a session that is rotated or refreshed out of another starts with a copy of what the rule
            remembers of that one. Such a rule needs `create`.
        dedup_us: for all but session rules, how long further hits are the same alert.
    """

    id: ClassVar[str]
    version: ClassVar[int] = 1
    title: ClassVar[str]
    key: ClassVar[RuleKey]
    needs: ClassVar[frozenset[str]]
    wants_signals: ClassVar[frozenset[str]] = frozenset()
    attack: ClassVar[tuple[str, ...]]
    severity: ClassVar[Severity]
    mode: ClassVar[Mode] = "alert"
    runbook: ClassVar[tuple[str, ...]]
    judges_late: ClassVar[bool] = True
    repeats: ClassVar[bool] = True
    paced: ClassVar[bool] = False
    reported: ClassVar[Literal["key", "app", "join"]] = "key"
    reads: ClassVar[frozenset[str]] = frozenset()
    settle_us: ClassVar[int] = 0
    memory: ClassVar[type[Memory] | None] = None
    inherits: ClassVar[bool] = False
    dedup_us: ClassVar[int] = HOUR
    Parameters: ClassVar[type[RuleParameters]] = RuleParameters

    def __init__(
        self,
        parameters: RuleParameters | None = None,
        mode: Mode | None = None,
        severity: Severity | None = None,
    ) -> None:
        """Make a rule.

        Args:
            parameters: an instance of its own `Parameters`; None = the defaults.
            mode: overrides the default mode.
            severity: replaces every tier of the rule.
        """
        self.parameters = parameters if parameters is not None else type(self).Parameters()
        self.active_mode: Mode = mode or type(self).mode
        self.fixed_severity = severity

    def share(self, common: Common) -> None:
        """Take what the rules of a plan have in common, when it is made. Most rules need none of it."""

    @abstractmethod
    def on_event(self, event: Event, context: ContextT, memory: MemoryT, app: AppPolicy) -> Verdict:
        """Judge an event.

        Args:
            event: of a type that the rule needs, with a value for its key.
            context: what was known of the key before this event.
            memory: the rule's own, to be changed in place; None where it keeps none.
            app: what the event's app declares.
        """

    def on_signal(self, signal: Signal, memory: MemoryT) -> None:
        """Take note of a fact of the pipeline's own. Rules that name no `wants_signals` never get one."""
