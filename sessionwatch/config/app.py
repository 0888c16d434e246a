"""`[apps.<name>]`: what an app declares about its own sessions."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from schemas.app import AppKind, AppPolicy
from schemas.instant import SECOND
from sessionwatch.config.secret_file import check_text_file, parse_signing_keys, read_text_file
from sessionwatch.config.section import Section
from sessionwatch.config.value_types import Duration, PositiveDuration, ResolvedPath, Secret


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
    trust_location: bool = Field(default=True, description="Take country, network and the like from its events.")
    signing_key: Secret | None = Field(default=None, description="Signing key: <key id>:<base64 of 32 bytes>.")
    signing_key_file: ResolvedPath | None = Field(
        default=None,
        description="File of signing keys, one a line; unsigned or wrongly signed events are then refused.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.signing_key is not None and self.signing_key_file is not None:
            raise ValueError("signing_key and signing_key_file: only one of them can be set")
        if self.idle_timeout and self.absolute_timeout and self.idle_timeout > self.absolute_timeout:
            raise ValueError("idle_timeout is longer than absolute_timeout")
        if self.signing_key is not None:
            parse_signing_keys(self.signing_key.get_secret_value(), "signing_key")
        if self.signing_key_file is not None:
            parse_signing_keys(check_text_file(self.signing_key_file, "signing_key_file"), "signing_key_file")
        return self

    @property
    def signed(self) -> bool:
        """Whether its events must be signed."""
        return self.signing_key is not None or self.signing_key_file is not None

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

    def _signing_keys(self, name: str) -> dict[str, bytes]:
        place = f"apps.{name}.signing_key_file"
        if self.signing_key is not None:
            return parse_signing_keys(self.signing_key.get_secret_value(), place)
        if self.signing_key_file is not None:
            return parse_signing_keys(read_text_file(self.signing_key_file, place), place)
        return {}
