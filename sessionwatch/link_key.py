"""The key that signs the links of chat messages: as declared, else a file beside the store."""

from __future__ import annotations

from response.act_links import KEY_BYTES, LinkKey
from sessionwatch.config import Settings
from sessionwatch.key_file import make_key

LINK_KEY_NAME = "link.key"
"""Lies beside the store's file; the pipeline's first start makes it. Whoever replaces it makes all links void."""


def make_link_key(settings: Settings) -> LinkKey | None:
    """Return the installation's key, which is made where there is none; None where messages have no links.

    Raises:
        ConfigurationError: it cannot be written or read, or others may read it.
    """
    links, base = settings.links, settings.api.public_url
    if base is None or not links.acts:
        return None
    key = links.declared_key() or make_key(settings.store.path.parent / LINK_KEY_NAME, "link key", KEY_BYTES)
    return LinkKey(key, base, links.acts)
