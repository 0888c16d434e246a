"""`[links]`: what people may do by the links of chat messages."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from response.act_links import KEY_BYTES
from schemas.link import LINK_ACTS, LinkAct
from sessionwatch.config.secret_source import SecretCommand, secret_source
from sessionwatch.config.section import Section
from sessionwatch.config.value_types import ResolvedPath, Secret


class LinkSettings(Section):
    """Links by which people act from chat; there are some only where `[api] public_url` is set."""

    acts: Annotated[tuple[LinkAct, ...], Field(strict=False)] = Field(
        default=LINK_ACTS, description="What messages have links for; `[]`: nothing."
    )
    without_sign_in: Annotated[tuple[Literal["acknowledge"], ...], Field(strict=False)] = Field(
        default=(), description='What a link does for whoever holds it: `["acknowledge"]` at most.'
    )
    key: Secret | None = Field(
        default=None,
        description="The key that signs links: 32 random bytes in base64. Without any of the three it is `link.key` "
        "beside the store, which the first start makes.",
    )
    key_file: ResolvedPath | None = Field(default=None, description="File that holds the key.")
    key_command: SecretCommand | None = Field(default=None, description="Program that prints the key.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        secret_source(self, "key").check(link_key_of)
        return self

    def declared_key(self) -> bytes | None:
        """Return the key, None where the configuration names none.

        Raises:
            ConfigurationError: its file has become unreadable, or its command prints no key.
        """
        source = secret_source(self, "key")
        return link_key_of(source.read("links", link_key_of), "links.key") if source.is_given else None


def link_key_of(text: str, name: str) -> bytes:
    """Return the key that a text holds.

    Raises:
        ValueError: it holds none; the message never shows it.
    """
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES:
        raise ValueError(f"{name}: expected {KEY_BYTES} random bytes in base64")
    return key
