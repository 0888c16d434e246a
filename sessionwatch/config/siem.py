"""`[[siem]]`: where a SIEM takes alerts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from response.siem.documents import Format
from response.siem.syslog import Facility, Transport
from response.tls import TlsFiles
from schemas.alert import Severity
from sessionwatch.config.chat import AnySeverity
from sessionwatch.config.section import Section
from sessionwatch.config.tls_files import check_tls_files
from sessionwatch.config.value_types import AppName, Broker, ResolvedPath, Topic, split_address

Destination = Literal["kafka", "file", "syslog"]

_TLS = ("ca_file", "client_cert_file", "client_key_file")
_KEYS: dict[Destination, tuple[str, ...]] = {
    "kafka": ("topic",),
    "file": ("path",),
    "syslog": ("address", "transport", "facility", *_TLS),
}
_EVERY = frozenset({"name", "to", "format", "min_severity", "shadow"})


class SiemSettings(Section):
    """One place that is told of every change of an alert."""

    name: AppName = Field(description="Its name in logs, in the outbox and in environment variables.")
    to: Destination = Field(description="The way there.")
    format: Format = Field(default="ocsf", description="OCSF 1.8 Detection Finding, or ECS 9.4.")
    min_severity: AnySeverity = Field(default=Severity.INFO, description="Below, nothing is told here.")
    shadow: bool = Field(default=False, description='Whether alerts of rules in "shadow" are told too.')

    topic: Topic = Field(default="session-alerts", description='For "kafka": the topic; created if missing.')
    path: ResolvedPath = Field(
        default=Path("data/alerts.jsonl"),
        validate_default=True,
        description='For "file": lines of JSON are appended to it; it may be renamed at any time.',
    )
    address: Broker | None = Field(default=None, description='For "syslog": the receiver, such as "siem.example:6514".')
    transport: Transport = Field(
        default="tls", description='For "syslog": RFC 5424 messages over UDP, TCP with octet counting, or TLS.'
    )
    facility: Facility = Field(default="authpriv", description='For "syslog": as which they are filed.')
    ca_file: ResolvedPath | None = Field(
        default=None, description="Certificate authorities (PEM) to trust in place of the system's."
    )
    client_cert_file: ResolvedPath | None = Field(
        default=None, description="The client's certificate (PEM), for a receiver that asks for one."
    )
    client_key_file: ResolvedPath | None = Field(
        default=None, description="Its private key (PEM); left out: it stands in client_cert_file."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        foreign = self.model_fields_set - {*_EVERY, *_KEYS[self.to]}
        if foreign:
            raise ValueError(f'{sorted(foreign)[0]}: a destination to "{self.to}" has no such key')
        if self.to == "syslog":
            if self.address is None:
                raise ValueError('expected address, such as "siem.example:6514"')
            if self.transport != "tls" and (set_here := self.model_fields_set & set(_TLS)):
                raise ValueError(f'{sorted(set_here)[0]}: only the transport "tls" has certificates')
        check_tls_files(self.tls())
        return self

    @property
    def receiver(self) -> tuple[str, int]:
        """Host and port of the syslog receiver."""
        return split_address(self.address or "")

    def tls(self) -> TlsFiles:
        """Return its certificates."""
        return TlsFiles(self.ca_file, self.client_cert_file, self.client_key_file)


SiemList = Annotated[tuple[SiemSettings, ...], Field(strict=False)]
