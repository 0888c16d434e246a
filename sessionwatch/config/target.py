"""`[[response.targets]]`: where revocations are sent, and what each kind needs."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Callable
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, model_validator

from response.file_marks import marks_of
from response.tls import TlsFiles
from schemas.instant import SECOND
from sessionwatch.config.secret_file import parse_webhook_secrets
from sessionwatch.config.secret_source import SecretCommand, secret_source
from sessionwatch.config.section import Section
from sessionwatch.config.target_kinds import KEYS, NEEDED, SIGNED, USER_NAMES, WHAT_IT_IS, WITHOUT_ADDRESS, TargetKind
from sessionwatch.config.tls_files import check_tls_files
from sessionwatch.config.value_types import AppName, PositiveDuration, ResolvedPath, Secret, Topic, Url

SessionName = Literal["session_id", "idp_session_id"]
UserName = Literal["id", "username", "email", "login"]
SubjectFormat = Literal["opaque", "email", "iss_sub"]
TargetScope = Literal["session", "user", "login"]
MessageKind = Literal["session.revoked", "session.released", "session.step_up_required", "session.login_locked"]
Identifier = Annotated[str, Field(min_length=1, max_length=512)]
LONGEST_TRY = 15 * SECOND
"""Of Standard Webhooks 1.0; all targets keep to it."""


class TargetSettings(Section):
    """One place to which revocations of an app are sent."""

    name: AppName = Field(description="Its name in logs, metrics and environment variables.")
    kind: TargetKind = Field(description="How it is spoken to.")
    app: AppName = Field(description="The app whose sessions it can end.")
    url: Url | None = Field(default=None, description="Where to; masked where it is shown.")
    url_file: ResolvedPath | None = Field(default=None, description="File that holds the URL.")
    url_command: SecretCommand | None = Field(default=None, description="Program that prints the URL.")
    secret: Secret | None = Field(
        default=None,
        description='For "webhook" and "kafka": whsec_ and base64. For "okta" with client_id: a private key as JWK. '
        "Else the client's secret or an API token.",
    )
    secret_file: ResolvedPath | None = Field(
        default=None,
        description="File that holds it; for webhook secrets one a line, several while one is being replaced.",
    )
    secret_command: SecretCommand | None = Field(default=None, description="Program that prints what that file holds.")
    ca_file: ResolvedPath | None = Field(
        default=None, description="Certificate authorities (PEM) to trust in place of the system's."
    )
    client_cert_file: ResolvedPath | None = Field(
        default=None, description="The client's certificate (PEM), for a receiver that asks for one."
    )
    client_key_file: ResolvedPath | None = Field(
        default=None, description="Its private key (PEM); left out: it stands in client_cert_file."
    )
    allow_private: bool = Field(
        default=False, description="Without it, loopback, private and link-local destinations are refused."
    )

    receiver: AppName | None = Field(
        default=None, description='For "ssf": the entry of `[[ssf.receivers]]` whose stream carries it.'
    )
    audience: Identifier | None = Field(
        default=None, description='For "backchannel_logout": the client id of the relying party.'
    )
    issuer: Identifier | None = Field(
        default=None,
        description='For "backchannel_logout": the issuer that the app knows; else that of `[ssf]`. '
        'For "global_token_revocation" with "iss_sub": whose user ids the app has.',
    )
    user_issuer: Identifier | None = Field(
        default=None, description='For "ssf": whose user ids the app has; else the issuer of `[ssf]`.'
    )
    session: SessionName = Field(
        default="session_id",
        description='For "ssf": by which name the receiver knows a session; "idp_session_id" needs the app to tell it.',
    )

    plugin: Identifier | None = Field(
        default=None, description='For "plugin": the entry point of `sessionwatch.targets` that makes it.'
    )
    options: dict[str, str] = Field(
        default_factory=dict, description='For "plugin": its own. A secret stands in a file that one of them names.'
    )

    command: Annotated[tuple[str, ...], Field(strict=False, min_length=1)] | None = Field(
        default=None,
        description='For "command": a program\'s absolute path and its arguments. For "rfc7009": what looks up tokens.',
    )
    scopes: Annotated[tuple[TargetScope, ...], Field(strict=False, min_length=1)] = Field(
        default=("session",), description='For "command" and "rfc7009": what the program can do.'
    )
    messages: Annotated[tuple[MessageKind, ...], Field(strict=False, min_length=1)] = Field(
        default=("session.revoked",), description='For "command": which messages the program is given.'
    )
    timeout: Annotated[PositiveDuration, Field(le=LONGEST_TRY)] = Field(
        default=5 * SECOND, description='For "command" and "rfc7009": how long the program may take, at most 15 s.'
    )
    topic: Topic = Field(default="session-revocations", description='For "kafka": the topic; created if missing.')
    prefix: Identifier = Field(default="sessionwatch:", description='For "redis": of the keys of the SDK\'s map.')
    client_id: Identifier | None = Field(default=None, description="As which the target signs in.")
    realm: Identifier | None = Field(default=None, description='For "keycloak": the realm\'s name.')
    tenant: Identifier | None = Field(default=None, description='For "entra": the tenant\'s id or domain.')
    user_by: UserName = Field(
        default="id",
        description='What the app\'s user ids are: for "keycloak" id, username or email, for "okta" id or login.',
    )
    lock_login: bool = Field(default=False, description='For "keycloak": logins may be locked by disabling the user.')
    universal_logout: bool = Field(
        default=False, description='For "okta": ask for a Universal Logout from all apps that support it.'
    )
    login_url: Url | None = Field(default=None, description='For "entra": where tokens come from in a national cloud.')
    token_url: Url | None = Field(
        default=None, description='For "global_token_revocation": where tokens come from by client credentials.'
    )
    subject_format: SubjectFormat = Field(
        default="opaque", description='For "global_token_revocation": what the app\'s user ids are (RFC 9493).'
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        foreign = self.model_fields_set - {"name", "kind", "app", *KEYS[self.kind]}
        if foreign:
            raise ValueError(f'{sorted(foreign)[0]}: a target of kind "{self.kind}" has no such key')
        self._check_address()
        self._check_secret()
        for key in NEEDED.get(self.kind, ()):
            if getattr(self, key) is None:
                raise ValueError(f"expected {key}, {WHAT_IT_IS[key]}")
        self._check_words()
        if self.command is not None:
            _check_command(self.command)
        return self

    def _check_address(self) -> None:
        source = secret_source(self, "url")
        if not source.is_given and self.kind not in WITHOUT_ADDRESS:
            raise ValueError("expected url, url_file or url_command")
        source.check(self._check_url)
        for name in ("login_url", "token_url"):
            url: SecretStr | None = getattr(self, name)
            if url is not None:
                self._check_url(url.get_secret_value(), name)
        check_tls_files(self.tls())

    def _check_url(self, text: str, name: str) -> None:
        if self.kind == "redis":
            check_redis_address(text, name)
        else:
            check_target_url(text, name, self.allow_private)

    def _check_secret(self) -> None:
        if "secret" not in KEYS[self.kind]:
            return
        source = secret_source(self, "secret")
        if not source.is_given:
            raise ValueError("expected secret_file (or the secret in the environment)")
        read: Callable[[str, str], object] = parse_webhook_secrets if self.kind in SIGNED else check_header_text
        if self.kind == "okta" and self.client_id is not None:
            read = _check_key
        source.check(read)

    def _check_words(self) -> None:
        names = USER_NAMES.get(self.kind, ("id",))
        if self.user_by not in names:
            raise ValueError(f'user_by: a target of kind "{self.kind}" takes {" or ".join(names)}')
        if self.kind == "rfc7009" and "login" in self.scopes:
            raise ValueError("scopes: revoking tokens locks no login")
        if self.kind == "command" and "login" in self.scopes:
            missing = {"session.login_locked", "session.released"} - set(self.messages)
            if missing:
                raise ValueError(f'messages: a program that locks logins is told "{sorted(missing)[0]}" too')
        if self.kind == "global_token_revocation":
            if (self.client_id is None) != (self.token_url is None):
                raise ValueError("client_id and token_url belong together")
            if (self.subject_format == "iss_sub") != (self.issuer is not None):
                raise ValueError('an issuer is needed for the subject_format "iss_sub", and for no other')

    def address(self) -> str:
        """Return the URL.

        Raises:
            ConfigurationError: its file has become unreadable, or holds another one that cannot be used.
        """
        return self._read("url", self._check_url)

    def secrets(self) -> tuple[str, ...]:
        """Return the webhook secrets.

        Raises:
            ConfigurationError: their file has become unreadable, or holds none any more.
        """
        text = self._read("secret", parse_webhook_secrets)
        return parse_webhook_secrets(text, "secret")

    def credential(self) -> str:
        """Return the client's secret or the API token.

        Raises:
            ConfigurationError: its file has become unreadable, or holds none any more.
        """
        return self._read("secret", check_header_text)

    def tls(self) -> TlsFiles:
        """Return its certificates."""
        return TlsFiles(self.ca_file, self.client_cert_file, self.client_key_file)

    def tls_context(self) -> ssl.SSLContext | None:
        """Return what it speaks TLS by; None = as everybody does.

        Raises:
            TargetRefused: a certificate has become unusable.
        """
        files = self.tls()
        return None if files == TlsFiles() else files.context()

    @property
    def has_command(self) -> bool:
        """Whether a secret of it is printed by a command."""
        return self.secret_command is not None or self.url_command is not None

    def mark(self) -> tuple[object, ...]:
        """Return what is another value once a file of a secret or certificate of it was replaced."""
        files = [path for path in (self.url_file, self.secret_file) if path is not None]
        return (*marks_of(files), *self.tls().mark())

    def _read(self, key: str, check: Callable[[str, str], object]) -> str:
        return secret_source(self, key).read(f"response.targets.{self.name}", check)


def check_header_text(text: str, name: str) -> None:
    """Refuse a secret that no header could carry."""
    if not (text.isascii() and text.isprintable()):
        raise ValueError(f"{name}: expected one line of printable ASCII")


def _check_key(text: str, name: str) -> None:
    from response.errors import TargetRefused
    from response.targets.client_key import ClientKey

    try:
        ClientKey(text)
    except TargetRefused as error:
        raise ValueError(f"{name}: {error}") from None


def check_redis_address(text: str, name: str) -> None:
    """Refuse an address of Redis that the target would refuse."""
    from response.errors import TargetRefused
    from response.targets.redis_store import check_redis_url

    try:
        check_redis_url(text)
    except TargetRefused as error:
        raise ValueError(f"{name}: {error}") from None


def _check_command(command: tuple[str, ...]) -> None:
    from response.errors import TargetRefused
    from response.program import check_program

    try:
        check_program(command)
    except TargetRefused as error:
        raise ValueError(f"command: {error}") from None


def check_target_url(text: str, name: str, allow_private: bool) -> None:
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
