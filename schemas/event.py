"""The session event: as a contract on the wire (`SessionEvent`) and as the slotted value used inside (`Event`)."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from schemas.limits import INT64_MAX, MAX_ATTRIBUTES, MAX_FLAG, MAX_FLAGS, MAX_REASON, MAX_TEXT, MAX_USER_ID

EVENT_TYPES = ("create", "validate", "fail", "destroy", "heartbeat")
REASONS: dict[str, tuple[str, ...]] = {
    "create": ("login", "refresh", "sso", "rotation"),
    "validate": ("request", "refresh", "step_up"),
    "fail": (
        "bad_credentials", "mfa_denied", "mfa_timeout", "unknown_session", "expired_idle", "expired_absolute",
        "revoked", "fingerprint_mismatch", "csrf", "refresh_reused", "locked",
    ),
    "destroy": (
        "logout", "logout_all", "idle_timeout", "absolute_timeout", "rotated", "revoked", "evicted", "admin",
    ),
    "heartbeat": (),
}  # fmt: skip
"""The documented vocabulary of `reason` by type. The field itself is open: other words are kept."""

APP_PATTERN = r"^[a-z0-9._-]{1,64}$"
SESSION_PATTERN = r"^s_[A-Za-z0-9_-]{1,126}$"

EventType = Literal["create", "validate", "fail", "destroy", "heartbeat"]
AttributeValue = str | int | float | bool | None

App = Annotated[str, StringConstraints(pattern=APP_PATTERN)]
HashedSession = Annotated[str, StringConstraints(pattern=SESSION_PATTERN)]
Text = Annotated[str, StringConstraints(max_length=MAX_TEXT)]
Flag = Annotated[str, StringConstraints(max_length=MAX_FLAG)]
Count = Annotated[int, Field(ge=1, le=INT64_MAX)]
Milliseconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class SessionEvent(BaseModel):
    """One thing that happened to a session, as an app sends it (JSON, UTF-8, topic ``session-events``).

    Session ids and typed names arrive as keyed hashes only. Text that a client can choose is cleaned before
    it comes here (`schemas.cleaning`), so that a strange agent or address never makes an event invisible.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, title="sessionwatch event")

    schema_version: Annotated[int, Field(ge=1, le=1)]
    event_id: Annotated[str, Field(json_schema_extra={"format": "uuid"})]
    event_time: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    type: EventType
    app: App
    reason: Annotated[str, StringConstraints(max_length=MAX_REASON)] | None = None
    session_id: HashedSession | None = None
    user_id: Annotated[str, StringConstraints(max_length=MAX_USER_ID)] | None = None
    user_hint: Text | None = None
    ip: Text | None = None
    user_agent: Text | None = None
    device_id: Text | None = None
    auth_method: Text | None = None
    mfa: bool | None = None
    idp: Text | None = None
    idp_session_id: Text | None = None
    parent_session_id: HashedSession | None = None
    token_generation: Annotated[int, Field(ge=0, le=INT64_MAX)] | None = None
    count: Count | None = None
    gap_min_ms: Milliseconds | None = None
    gap_dev_ms: Milliseconds | None = None
    bound: Text | None = None
    action: Text | None = None
    drill: Text | None = None
    country: Text | None = None
    region: Text | None = None
    city: Text | None = None
    lat: Annotated[float, Field(ge=-90, le=90)] | None = None
    lon: Annotated[float, Field(ge=-180, le=180)] | None = None
    asn: Annotated[int, Field(ge=0, le=2**32 - 1)] | None = None
    network_type: Text | None = None
    input_flags: Annotated[list[Flag], Field(max_length=MAX_FLAGS)] | None = None
    attributes: Annotated[dict[str, AttributeValue], Field(max_length=MAX_ATTRIBUTES)] | None = None


class Place(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Where an address stands. Shared between events: the enrichment stage hands out one object an address.

    Attributes:
        network: the IPv4 address's /24 or the IPv6 address's /64, as text; None without a readable address.
        version: 4 or 6; 0 without an address.
        country: ISO 3166-1 alpha-2.
        network_type: hosting, mobile, vpn, relay, office, home.
        precision: "exact" where latitude and longitude come from the emitter or an MMDB file, else None.
    """

    network: str | None = None
    version: int = 0
    country: str | None = None
    region: str | None = None
    city: str | None = None
    lat: float | None = None
    lon: float | None = None
    asn: int | None = None
    network_type: str | None = None
    precision: str | None = None


class Agent(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What a User-Agent header says, reduced to what a browser upgrade does not change.

    Attributes:
        family: browser or client family ("Firefox", "curl"), None when unknown or absent.
        os: operating system family.
        device_class: desktop, mobile, tablet, tool, robot; None when unknown.
    """

    family: str | None = None
    os: str | None = None
    device_class: str | None = None

    def similar(self, other: Agent) -> bool:
        """Same browser family, OS family and device class: an upgrade is similar, another OS is not."""
        return self.family == other.family and self.os == other.os and self.device_class == other.device_class


NOWHERE = Place()
NO_AGENT = Agent()


class Event(msgspec.Struct, gc=False, array_like=True):
    """A decoded event. Stages after the decoder may trust every field.

    Attributes:
        time_us: when it happened, microseconds since the epoch, UTC.
        arrival_us: the pipeline's clock at the poll that brought it.
        seq: its place in the order of ingestion, given at the commit; replays follow it.
        count: how many validates or fails this one stands for.
        place, agent: filled by the enrichment stage.
        signed: the record carried a valid signature of its app.
        late: older than the bound of disorder of one of its keys; judged all the same.
    """

    event_id: str
    time_us: int
    type: str
    app: str
    reason: str | None = None
    session_id: str | None = None
    user_id: str | None = None
    user_hint: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    device_id: str | None = None
    auth_method: str | None = None
    mfa: bool | None = None
    idp: str | None = None
    idp_session_id: str | None = None
    parent_session_id: str | None = None
    token_generation: int | None = None
    count: int = 1
    gap_min_ms: float | None = None
    gap_dev_ms: float | None = None
    bound: str | None = None
    action: str | None = None
    drill: str | None = None
    input_flags: tuple[str, ...] = ()
    attributes: dict[str, AttributeValue] | None = None
    place: Place = NOWHERE
    agent: Agent = NO_AGENT
    signed: bool = False
    late: bool = False
    arrival_us: int = 0
    seq: int = 0
    topic: str = ""
    partition: int = -1
    offset: int = -1
