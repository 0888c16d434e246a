"""`[apps.<name>]`: what an app declares about its own sessions."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from schemas.app import AppKind, AppPolicy
from schemas.instant import SECOND
from sessionwatch.config.secret_file import parse_signing_keys
from sessionwatch.config.secret_source import SecretCommand, secret_source
from sessionwatch.config.section import Section
from sessionwatch.config.value_types import Duration, PositiveDuration, ResolvedPath, Secret, Url

UserNotice = Literal["new_device", "session_ended"]


class AppSettings(Section):
    """The declared session policy of an app. A timeout left out is not declared, and not judged."""

    kind: AppKind = Field(default="cookie", description="What carries its sessions.")
    idle_timeout: PositiveDuration | None = Field(default=None, description="When an unused session ends.")
    absolute_timeout: PositiveDuration | None = Field(default=None, description="When any session ends.")
    max_sessions: Annotated[int, Field(ge=1)] | None = Field(default=None, description="Sessions of one user at once.")
    rotates_on_login: bool | None = Field(default=None, description="Whether a login gives a new session id.")
    revoke_grace: Duration = Field(
        default=5 * SECOND, description="How long after a delivered revocation a request may still pass."
    )
    clock_skew: Duration = Field(default=5 * SECOND, description="Between its servers; added to every such grace.")
    realm: Annotated[str, Field(min_length=1, max_length=64)] | None = Field(
        default=None, description="User ids mean the same person within a realm. Default: the app itself."
    )
    tell_users: Annotated[tuple[UserNotice, ...], Field(strict=False)] = Field(
        default=(),
        description="What its users are told, at most once an hour: of a login with a new device, of a session that "
        "was ended. By its webhook targets (`user.notice`) and by mail.",
    )
    user_mail: Url | None = Field(
        default=None,
        description="Apprise address by which its users are mailed, where their ids are mail addresses; {user} stands "
        "for the recipient. Masked where it is shown.",
    )
    user_mail_file: ResolvedPath | None = Field(default=None, description="File that holds that address.")
    user_mail_command: SecretCommand | None = Field(default=None, description="Program that prints that address.")
    trust_location: bool = Field(default=True, description="Take country, network and the like from its events.")
    signing_key: Secret | None = Field(default=None, description="Signing key: <key id>:<base64 of 32 bytes>.")
    signing_key_file: ResolvedPath | None = Field(
        default=None,
        description="File of signing keys, one a line; unsigned or wrongly signed events are then refused.",
    )

    signing_key_command: SecretCommand | None = Field(
        default=None, description="Program that prints what that file holds."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        secret_source(self, "signing_key").check(parse_signing_keys)
        secret_source(self, "user_mail").check(_check_mail)
        if self.idle_timeout and self.absolute_timeout and self.idle_timeout > self.absolute_timeout:
            raise ValueError("idle_timeout is longer than absolute_timeout")
        return self

    @property
    def signed(self) -> bool:
        """Whether its events must be signed."""
        return secret_source(self, "signing_key").is_given

    def policy(self, name: str) -> AppPolicy:
        """Return the policy as the pipeline uses it.

        Args:
            name: the app's name.

        Raises:
            ConfigurationError: the signing key file has become unreadable.
        """
        return AppPolicy(
            name,
            kind=self.kind,
            realm=self.realm or name,
            idle_timeout_us=self.idle_timeout,
            absolute_timeout_us=self.absolute_timeout,
            max_sessions=self.max_sessions,
            rotates_on_login=self.rotates_on_login,
            revoke_grace_us=self.revoke_grace,
            clock_skew_us=self.clock_skew,
            trust_location=self.trust_location,
            signing_keys=self._signing_keys(name),
        )

    def mail_address(self, name: str) -> str | None:
        """Return the address by which users are mailed; None = they are not.

        Raises:
            ConfigurationError: its file has become unreadable, or its command prints none.
        """
        source = secret_source(self, "user_mail")
        return source.read(f"apps.{name}", _check_mail) if source.is_given else None

    def _signing_keys(self, name: str) -> dict[str, bytes]:
        source = secret_source(self, "signing_key")
        if not source.is_given:
            return {}
        text = source.read(f"apps.{name}", parse_signing_keys)
        return parse_signing_keys(text, "signing_key")


def _check_mail(text: str, _name: str) -> None:
    from response.errors import ChatRefused
    from response.user_notices import UserMail

    try:
        UserMail("app", text)
    except ChatRefused as error:
        raise ValueError(str(error).partition(": ")[2]) from None
