"""The fields of an event that a rule can ask about, and what kind of value each holds."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Literal

from detectors.sigma.errors import Unsayable
from schemas.event import Event

FieldKind = Literal["text", "number", "truth", "texts", "time", "open"]
"""`open` is what an app put there itself: a text, a number or a truth value."""


@dataclass(frozen=True, slots=True)
class EventField:
    """A field by its name in a rule.

    Attributes:
        get: returns its value, None where the event has none.
    """

    name: str
    kind: FieldKind
    get: Callable[[Event], Any]


_TEXTS = (
    "type", "app", "reason", "session_id", "user_id", "user_hint", "ip", "user_agent", "device_id", "auth_method",
    "idp", "idp_session_id", "parent_session_id", "bound", "action", "drill",
)  # fmt: skip
_NUMBERS = ("token_generation", "count", "gap_min_ms", "gap_dev_ms")
_OF_PLACE = {
    "network": "text", "country": "text", "region": "text", "city": "text", "lat": "number", "lon": "number",
    "asn": "number", "network_type": "text",
}  # fmt: skip
_OF_AGENT = ("family", "os", "device_class")
ATTRIBUTE_PREFIX = "attributes."


def _known() -> dict[str, EventField]:
    fields = [EventField(name, "text", attrgetter(name)) for name in _TEXTS]
    fields += [EventField(name, "number", attrgetter(name)) for name in _NUMBERS]
    fields += [EventField(name, kind, attrgetter(f"place.{name}")) for name, kind in _OF_PLACE.items()]  # type: ignore[arg-type]
    fields += [EventField(f"agent.{name}", "text", attrgetter(f"agent.{name}")) for name in _OF_AGENT]
    fields += [
        EventField("mfa", "truth", attrgetter("mfa")),
        EventField("input_flags", "texts", attrgetter("input_flags")),
        EventField("event_time", "time", attrgetter("time_us")),
    ]
    return {one.name: one for one in fields}


FIELDS = _known()
"""All but the app's own attributes, which are named `attributes.<name>`."""


def event_field(name: str) -> EventField:
    """Return a field.

    Raises:
        Unsayable: an event has no such field.
    """
    known = FIELDS.get(name)
    if known is not None:
        return known
    attribute = name.removeprefix(ATTRIBUTE_PREFIX)
    if attribute and attribute != name:
        return EventField(name, "open", lambda event: (event.attributes or {}).get(attribute))
    near = difflib.get_close_matches(name, FIELDS, 1, cutoff=0.7)
    offer = f'; did you mean "{near[0]}"?' if near else "; an app's own are named attributes.<name>"
    raise Unsayable(f'no field of an event is named "{name}"{offer}')
