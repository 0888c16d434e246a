"""`[api]`: where the API, health and metrics are served, and who may ask; `[dashboard]`: where the console is."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from sessionwatch.config.secret_file import read_text_file
from sessionwatch.config.secret_source import SecretCommand, secret_source
from sessionwatch.config.section import Section
from sessionwatch.config.value_types import AppName, Described, Listen, ResolvedPath, Secret, split_address
from sessionwatch.errors import ConfigurationError

SHORTEST_TOKEN, LONGEST_TOKEN = 20, 512
"""Characters: 20 random ones of base64 hold 120 bits, which nobody guesses over a network."""

ADMIN_TOKEN_NAME = "admin.token"  # noqa: S105 - a file's name
"""Lies beside the store's file; the first start makes it."""

RESERVED_NAMES = frozenset({"policy", "pipeline", "admin", "link"})
"""Actors of the audit log that are no person; `admin` is whoever holds the token made at the first start."""

RoleName = Literal["viewer", "analyst", "engineer", "admin"]


def _check_public_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        plain = parts.scheme in ("http", "https") and parts.hostname and not parts.query and not parts.fragment
        _ = parts.port
    except ValueError:
        plain = False
    if not plain or "@" in parts.netloc or not text.isprintable() or any(sign in text for sign in " \"'<>()[]`"):
        raise ValueError('expected an address such as "https://sessionwatch.example.com"')
    return text.rstrip("/")


PublicUrl = Annotated[str, AfterValidator(_check_public_url), Described("http or https URL")]


class TokenSettings(Section):
    """One bearer token."""

    name: AppName = Field(description="Who holds it, as the audit log says.")
    role: RoleName = Field(description="What it may do; each role may do what those before it may.")
    token: Secret | None = Field(default=None, description="The token.")
    token_file: ResolvedPath | None = Field(default=None, description="File that holds the token.")
    token_command: SecretCommand | None = Field(default=None, description="Program that prints the token.")
    apps: Annotated[tuple[AppName, ...], Field(strict=False, min_length=1)] | None = Field(
        default=None, description="The apps it is limited to; left out: all."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.name in RESERVED_NAMES:
            raise ValueError(f"name: {self.name} is the name of an actor of sessionwatch itself: choose another")
        if sum(one is not None for one in (self.token, self.token_file, self.token_command)) != 1:
            raise ValueError("expected either token_file or the token in the environment")
        if self.token_file is None:
            # A file is read when it is needed: commands of other people read this configuration too.
            secret_source(self, "token").check(check_token)
        return self

    def secret(self) -> str:
        """Return the token.

        Raises:
            ConfigurationError: its file cannot be read, or its command not be run, or it is no token.
        """
        return secret_source(self, "token").read(f"api.tokens.{self.name}", check_token)


class ApiSettings(Section):
    """The HTTP server of the pipeline."""

    listen: Listen = Field(default="127.0.0.1:8400", description="Where it listens; port 0 takes a free one.")
    allowed_hosts: Annotated[tuple[str, ...], Field(strict=False)] = Field(
        default=(), description="Further names in the Host header: the name behind a proxy or in a cluster."
    )
    public_url: PublicUrl | None = Field(
        default=None, description="Where people reach it, as behind a proxy; its name is allowed in the Host header."
    )
    token_file: ResolvedPath | None = Field(
        default=None, description="The token that commands use when they ask a running pipeline."
    )
    requests_per_minute: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        default=1_200, description="Requests of one token a minute; beyond, it is answered 429."
    )
    tokens: Annotated[tuple[TokenSettings, ...], Field(strict=False)] = Field(
        default=(), description="Who may ask, besides the admin token that the first start makes."
    )

    @property
    def host(self) -> str:
        """The host part of `listen`."""
        return split_address(self.listen)[0]

    @property
    def port(self) -> int:
        """The port part of `listen`."""
        return split_address(self.listen)[1]

    @property
    def hosts(self) -> tuple[str, ...]:
        """Every further name in the Host header, that of the public address included."""
        public = urlsplit(self.public_url).hostname if self.public_url else None
        return (*self.allowed_hosts, *([public] if public else []))

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return is_loopback(self.host)


class DashboardSettings(Section):
    """The console."""

    listen: Listen = Field(default="127.0.0.1:8501", description="Where the console listens.")
    public_url: PublicUrl | None = Field(
        default=None, description="Where people reach the console; chat messages then link to its pages."
    )

    @property
    def host(self) -> str:
        """The host part of `listen`."""
        return split_address(self.listen)[0]

    @property
    def port(self) -> int:
        """The port part of `listen`."""
        return split_address(self.listen)[1]

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Say whether a host is this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_token(path: Path, name: str) -> str:
    """Return the token that a file holds; `name` says which key names it.

    Raises:
        ConfigurationError: it cannot be read, or holds no token; the message never shows what it holds.
    """
    try:
        return check_token(read_text_file(path, name), name)
    except ValueError as error:
        raise ConfigurationError([str(error)]) from None


def check_token(text: str, name: str) -> str:
    """Return a bearer token.

    Raises:
        ValueError: it is none; the message never shows it.
    """
    if not SHORTEST_TOKEN <= len(text) <= LONGEST_TOKEN or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError(f"{name}: expected {SHORTEST_TOKEN} to {LONGEST_TOKEN} printable characters without blanks")
    return text


def reachable(host: str, port: int) -> str:
    """Return the `host:port` at which a server is asked from this machine, also where it listens on every address."""
    named = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"[{named}]:{port}" if ":" in named else f"{named}:{port}"
