"""`[response]`: what an alert leads to."""

from __future__ import annotations

import ipaddress
import socket
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from sessionwatch.config.chat import AnySeverity
from sessionwatch.config.secret_file import (
    check_text_file,
    parse_webhook_secrets,
    read_text_file,
)
from sessionwatch.config.section import Section
from sessionwatch.config.value_types import AppName, ResolvedPath, Secret, Url

ActionName = Literal["notify", "record", "revoke_session"]
TargetKind = Literal["webhook"]


class MatchSettings(Section):
    """What an alert must be for a policy line to decide; a key left out matches everything."""

    severity: Annotated[tuple[AnySeverity, ...], Field(strict=False, min_length=1)] | None = Field(
        default=None, description="Severities."
    )
    rule: Annotated[tuple[str, ...], Field(strict=False, min_length=1)] | None = Field(
        default=None, description="Rule ids."
    )
    app: Annotated[tuple[AppName, ...], Field(strict=False, min_length=1)] | None = Field(
        default=None, description="Apps."
    )


class PolicySettings(Section):
    """One line of the policy."""

    match: MatchSettings = Field(default=MatchSettings(), description="Which alerts it decides.")
    do: Annotated[tuple[ActionName, ...], Field(strict=False, min_length=1)] = Field(description="What is done then.")


class TargetSettings(Section):
    """One place to which revocations of an app are sent."""

    name: AppName = Field(description="Its name in logs, metrics and environment variables.")
    kind: TargetKind = Field(description="How it is spoken to.")
    app: AppName = Field(description="The app whose sessions it can end.")
    url: Url | None = Field(default=None, description="Where to; masked where it is shown.")
    url_file: ResolvedPath | None = Field(default=None, description="File that holds the URL.")
    secret: Secret | None = Field(default=None, description="Webhook secret: whsec_ and base64.")
    secret_file: ResolvedPath | None = Field(
        default=None, description="File of webhook secrets, one a line; several while one is being replaced."
    )
    allow_private: bool = Field(
        default=False, description="Without it, loopback, private and link-local destinations are refused."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.url is None) == (self.url_file is None):
            raise ValueError("expected either url or url_file")
        if self.secret is None and self.secret_file is None:
            raise ValueError("expected secret_file (or the secret in the environment)")
        if self.secret is not None and self.secret_file is not None:
            raise ValueError("secret and secret_file: only one of them can be set")
        if self.url is not None:
            _check_url(self.url.get_secret_value(), "url", self.allow_private)
        if self.url_file is not None:
            _check_url(check_text_file(self.url_file, "url_file"), "url_file", self.allow_private)
        if self.secret is not None:
            parse_webhook_secrets(self.secret.get_secret_value(), "secret")
        if self.secret_file is not None:
            parse_webhook_secrets(check_text_file(self.secret_file, "secret_file"), "secret_file")
        return self

    def address(self) -> str:
        """Return the URL.

        Raises:
            ConfigurationError: its file has become unreadable.
        """
        if self.url is not None:
            return self.url.get_secret_value()
        assert self.url_file is not None
        return read_text_file(self.url_file, f"response.targets.{self.name}.url_file")

    def secrets(self) -> tuple[str, ...]:
        """Return the webhook secrets.

        Raises:
            ConfigurationError: their file has become unreadable.
        """
        place = f"response.targets.{self.name}.secret_file"
        if self.secret is not None:
            return parse_webhook_secrets(self.secret.get_secret_value(), place)
        assert self.secret_file is not None
        return parse_webhook_secrets(read_text_file(self.secret_file, place), place)


class ResponseSettings(Section):
    """Policy, guard and targets."""

    dry_run: bool = Field(default=True, description="Show what would be revoked, and send nothing.")
    max_share_per_hour: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = Field(
        default=0.02,
        description="Share of an app's live sessions that an hour may end; 5 critical ones always pass.",
    )
    max_per_hour: Annotated[int, Field(ge=0)] = Field(
        default=100, description="Sessions of an app that an hour may end."
    )
    protected_users: Annotated[tuple[str, ...], Field(strict=False)] = Field(
        default=(), description="Users whose sessions only people end."
    )
    policy: Annotated[tuple[PolicySettings, ...], Field(strict=False)] = Field(
        default=(),
        description="The first line that matches decides; what none matches falls to the defaults.",
    )
    targets: Annotated[tuple[TargetSettings, ...], Field(strict=False)] = Field(
        default=(), description="Where revocations are sent."
    )


def _check_url(text: str, name: str, allow_private: bool) -> None:
    """Refuse what the outgoing client would refuse at the first revocation, which is too late to learn it."""
    from response.addresses import AddressRefused, check, is_loopback
    from response.errors import TargetRefused
    from response.http import check_url

    try:
        check_url(text)
    except TargetRefused as error:
        raise ValueError(f"{name}: {error}") from None
    parts = urlsplit(text)
    address = _spelt_out(parts.hostname or "")
    if parts.scheme == "http" and (address is None or not is_loopback(address)):
        raise ValueError(f"{name}: expected https: only loopback may be reached without TLS")
    if address is not None:
        try:
            check(address, allow_private)
        except AddressRefused as error:
            raise ValueError(f"{name}: {error}") from None


def _spelt_out(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address that a host is without any look-up; None for a name."""
    if host.removesuffix(".") == "localhost":
        return ipaddress.IPv4Address("127.0.0.1")
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        pass
    try:
        # The system's resolver takes 127.1 and 0x7f000001 for addresses as well.
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except OSError:
        return None
