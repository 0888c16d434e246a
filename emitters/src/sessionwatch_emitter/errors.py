"""What can go wrong while an emitter is set up; nothing of this reaches a request."""

from __future__ import annotations


class EmitterError(Exception):
    """Base of every error that this package raises; its text is one line that says what to do."""


class SecretError(EmitterError):
    """A secret is missing, unreadable or too short, or a key id is malformed."""


class TransportError(EmitterError):
    """The broker cannot be reached, it refused a record, or a setting could lose records."""


class TooLargeError(TransportError):
    """A record is larger than the client may send (`max_request_size`)."""


class RevocationListError(EmitterError):
    """The file of the revocation list cannot be opened, read or written."""
