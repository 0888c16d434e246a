"""`[ssf]`: shared signals, to receivers and from identity providers."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from schemas.instant import DAY, SECOND
from sessionwatch.config.api import PublicUrl, check_token
from sessionwatch.config.secret_source import SecretCommand, secret_source
from sessionwatch.config.section import Section
from sessionwatch.config.target import Identifier, check_target_url
from sessionwatch.config.value_types import AppName, Described, PositiveDuration, ResolvedPath, Secret, Url

LONGEST_AGE = 7 * DAY
"""Of a token that is taken: for so long every `jti` is remembered at least."""


def _check_endpoint(text: str) -> str:
    check_target_url(text, "allowed_endpoints", False)
    if not text.startswith("https://"):
        raise ValueError("allowed_endpoints: expected https")
    return text


Endpoint = Annotated[str, AfterValidator(_check_endpoint), Described("https URL")]


class ReceiverSettings(Section):
    """Who receives the security events of this installation."""

    name: AppName = Field(description="Its name here; the targets of its apps name it.")
    audience: Identifier = Field(description="As which it knows itself: the `aud` of its tokens.")
    token: Secret | None = Field(default=None, description="The bearer token by which it manages its stream.")
    token_file: ResolvedPath | None = Field(default=None, description="File that holds the token.")
    token_command: SecretCommand | None = Field(default=None, description="Program that prints it.")
    push_url: Url | None = Field(
        default=None, description="Where its events are pushed to, for one that does not make a stream itself."
    )
    push_token: Secret | None = Field(default=None, description="The bearer token that goes with each push.")
    push_token_file: ResolvedPath | None = Field(default=None, description="File that holds it.")
    push_token_command: SecretCommand | None = Field(default=None, description="Program that prints it.")
    allow_private: bool = Field(
        default=False, description="Without it, push_url may not lead to loopback or private addresses."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in ("token", "push_token"):
            secret_source(self, name).check(check_token)
        if self.push_url is None and not secret_source(self, "token").is_given:
            raise ValueError("expected token_file, by which it makes its stream, or push_url")
        if self.push_url is not None:
            check_target_url(self.push_url.get_secret_value(), "push_url", self.allow_private)
        return self

    def secret(self) -> str | None:
        """Return the token by which it manages its stream.

        Raises:
            ConfigurationError: its file has become unreadable, or its command prints none.
        """
        return _secret(self, "token", f"ssf.receivers.{self.name}")

    def push_secret(self) -> str | None:
        """Return the token that goes with each push.

        Raises:
            ConfigurationError: its file has become unreadable, or its command prints none.
        """
        return _secret(self, "push_token", f"ssf.receivers.{self.name}")


class TransmitterSettings(Section):
    """An identity provider whose security events are taken."""

    name: AppName = Field(description="Its name here, and in the path of the push endpoint.")
    issuer: Identifier = Field(description="The `iss` of its tokens, exactly.")
    audience: Identifier = Field(description="The `aud` of its tokens: as which it knows this installation.")
    realm: Annotated[str, Field(min_length=1, max_length=64)] = Field(
        description="The realm of apps whose sessions its events are about."
    )
    mode: Literal["shadow", "alert", "enforce"] = Field(
        default="alert", description='As of a rule: with "enforce", policy and guard may end sessions by its word.'
    )
    jwks_file: ResolvedPath | None = Field(default=None, description="File with its public keys, a JWK set.")
    jwks_url: Url | None = Field(default=None, description="Where its public keys are, a JWK set.")
    push_token: Secret | None = Field(default=None, description="The bearer token that it must send with each push.")
    push_token_file: ResolvedPath | None = Field(default=None, description="File that holds it.")
    push_token_command: SecretCommand | None = Field(default=None, description="Program that prints it.")
    poll_url: Url | None = Field(default=None, description="Where its events are polled, if they are.")
    poll_token: Secret | None = Field(default=None, description="The bearer token for polling.")
    poll_token_file: ResolvedPath | None = Field(default=None, description="File that holds it.")
    poll_token_command: SecretCommand | None = Field(default=None, description="Program that prints it.")
    poll_interval: PositiveDuration = Field(default=5 * SECOND, description="How long between two polls.")
    max_age: Annotated[PositiveDuration, Field(le=LONGEST_AGE)] = Field(
        default=2 * DAY, description='Older tokens are refused; at most "7d".'
    )
    allow_private: bool = Field(
        default=False, description="Without it, its URLs may not lead to loopback or private addresses."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.jwks_file is None) == (self.jwks_url is None):
            raise ValueError("expected either jwks_file or jwks_url")
        for name in ("push_token", "poll_token"):
            secret_source(self, name).check(check_token)
        for name in ("jwks_url", "poll_url"):
            url: SecretStr | None = getattr(self, name)
            if url is not None:
                check_target_url(url.get_secret_value(), name, self.allow_private)
        return self

    def push_secret(self) -> str | None:
        """Return the token of its pushes; None = its signature alone counts.

        Raises:
            ConfigurationError: its file has become unreadable, or its command prints none.
        """
        return _secret(self, "push_token", f"ssf.transmitters.{self.name}")

    def poll_secret(self) -> str | None:
        """Return the token for polling.

        Raises:
            ConfigurationError: its file has become unreadable, or its command prints none.
        """
        return _secret(self, "poll_token", f"ssf.transmitters.{self.name}")


class SsfSettings(Section):
    """Shared signals."""

    issuer: PublicUrl | None = Field(
        default=None, description="The `iss` of the tokens sent, and the address at which receivers reach the API."
    )
    algorithm: Literal["RS256", "ES256"] = Field(
        default="RS256", description="By which tokens are signed; RS256 has keys of 2048 bits."
    )
    key_lifetime: PositiveDuration = Field(default=90 * DAY, description="When a signing key is replaced.")
    key_overlap: PositiveDuration = Field(
        default=7 * DAY, description="How long a replaced key stays published: longer than a token is tried again."
    )
    allowed_endpoints: Annotated[tuple[Endpoint, ...], Field(strict=False)] = Field(
        default=(), description="Where receivers may have their events pushed to: https URLs, and what lies below."
    )
    receivers: Annotated[tuple[ReceiverSettings, ...], Field(strict=False)] = Field(
        default=(), description="Who receives events."
    )
    transmitters: Annotated[tuple[TransmitterSettings, ...], Field(strict=False)] = Field(
        default=(), description="Identity providers whose events are taken."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.receivers and self.issuer is None:
            raise ValueError("expected issuer: receivers know the tokens by it")
        if self.key_overlap < 2 * DAY:
            raise ValueError('key_overlap: expected at least "2d": a token is tried again for a day')
        return self


def _secret(section: Section, key: str, place: str) -> str | None:
    source = secret_source(section, key)
    return source.read(place, check_token) if source.is_given else None
