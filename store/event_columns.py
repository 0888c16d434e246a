"""Events as columns: to Arrow on the way in, and back to equal events on the way out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa

from schemas.event import NO_AGENT, NOWHERE, Agent, Event, Place
from store.arrow import INSTANT

TEXT, INTEGER, REAL, FLAG = pa.string(), pa.int64(), pa.float64(), pa.bool_()


class Column(NamedTuple):
    """One column of the table, its Arrow type, and where the value stands in an `Event`."""

    name: str
    arrow: pa.DataType
    attribute: str


# In the order of the fields of `Event` up to `drill`, since rows are turned back into events by position.
_OWN = (
    Column("event_id", TEXT, "event_id"),
    Column("event_time", INSTANT, "time_us"),
    Column("type", TEXT, "type"),
    Column("app", TEXT, "app"),
    Column("reason", TEXT, "reason"),
    Column("session_id", TEXT, "session_id"),
    Column("user_id", TEXT, "user_id"),
    Column("user_hint", TEXT, "user_hint"),
    Column("ip", TEXT, "ip"),
    Column("user_agent", TEXT, "user_agent"),
    Column("device_id", TEXT, "device_id"),
    Column("auth_method", TEXT, "auth_method"),
    Column("mfa", FLAG, "mfa"),
    Column("idp", TEXT, "idp"),
    Column("idp_session_id", TEXT, "idp_session_id"),
    Column("parent_session_id", TEXT, "parent_session_id"),
    Column("token_generation", INTEGER, "token_generation"),
    Column("count", INTEGER, "count"),
    Column("gap_min_ms", REAL, "gap_min_ms"),
    Column("gap_dev_ms", REAL, "gap_dev_ms"),
    Column("bound", TEXT, "bound"),
    Column("action", TEXT, "action"),
    Column("drill", TEXT, "drill"),
)
_INPUT = (
    Column("input_flags", pa.list_(TEXT), "input_flags"),
    Column("attributes", TEXT, "attributes"),
)
_PLACE = (
    Column("network", TEXT, "place.network"),
    Column("ip_version", pa.uint8(), "place.version"),
    Column("country", TEXT, "place.country"),
    Column("region", TEXT, "place.region"),
    Column("city", TEXT, "place.city"),
    Column("lat", REAL, "place.lat"),
    Column("lon", REAL, "place.lon"),
    Column("asn", INTEGER, "place.asn"),
    Column("network_type", TEXT, "place.network_type"),
    Column("precision", TEXT, "place.precision"),
)
_AGENT = (
    Column("agent_family", TEXT, "agent.family"),
    Column("agent_os", TEXT, "agent.os"),
    Column("agent_device_class", TEXT, "agent.device_class"),
)
_INGESTION = (
    Column("signed", FLAG, "signed"),
    Column("late", FLAG, "late"),
    Column("arrival", INSTANT, "arrival_us"),
    Column("seq", INTEGER, "seq"),
    Column("topic", TEXT, "topic"),
    Column("kafka_partition", pa.int32(), "partition"),
    Column("kafka_offset", INTEGER, "offset"),
)
COLUMNS = _OWN + _INPUT + _PLACE + _AGENT + _INGESTION

_SCHEMA = pa.schema([(column.name, column.arrow) for column in COLUMNS])
_GETTERS = [attrgetter(column.attribute) for column in COLUMNS]
_ATTRIBUTES = next(place for place, column in enumerate(COLUMNS) if column.name == "attributes")
_FIRST_PLACE = len(_OWN) + len(_INPUT)
_FIRST_AGENT = _FIRST_PLACE + len(_PLACE)
_FIRST_INGESTION = _FIRST_AGENT + len(_AGENT)

_NAMES = ", ".join(column.name for column in COLUMNS)
INSERT_EVENTS = f"INSERT INTO events ({_NAMES}) SELECT {_NAMES} FROM incoming"


def _read(column: Column) -> str:
    if column.name == "event_id":
        return "event_id::VARCHAR"
    return f"epoch_us({column.name})" if column.arrow == INSTANT else column.name


SELECTED = ", ".join(_read(column) for column in COLUMNS)
"""The select list that `events_of` reads."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def to_arrow(events: Sequence[Event]) -> pa.Table:
    """Return the events as one Arrow table with the columns of the table `events`."""
    columns = []
    for place, (column, get) in enumerate(zip(COLUMNS, _GETTERS, strict=True)):
        values: list[object] = list(map(get, events))
        if place == _ATTRIBUTES:
            values = [None if value is None else _encode(value).decode() for value in values]
        columns.append(pa.array(values, column.arrow))
    return pa.Table.from_arrays(columns, schema=_SCHEMA)


def events_of(rows: Iterable[tuple[Any, ...]]) -> Iterator[Event]:
    """Return the rows of a query over `SELECTED` as events.

    Places and agents repeat, so equal ones are one object, as the enrichment stage had made them.
    """
    places: dict[tuple[object, ...], Place] = {(None, 0, *[None] * (len(_PLACE) - 2)): NOWHERE}
    agents: dict[tuple[object, ...], Agent] = {(None,) * len(_AGENT): NO_AGENT}
    for row in rows:
        placed = row[_FIRST_PLACE:_FIRST_AGENT]
        place = places.get(placed)
        if place is None:
            place = places[placed] = Place(*placed)
        seen = row[_FIRST_AGENT:_FIRST_INGESTION]
        agent = agents.get(seen)
        if agent is None:
            agent = agents[seen] = Agent(*seen)
        attributes = row[_ATTRIBUTES]
        values = [
            *row[: len(_OWN)],
            tuple(row[len(_OWN)]),
            None if attributes is None else _decode(attributes),
            place,
            agent,
            *row[_FIRST_INGESTION:],
        ]
        yield Event(*values)
