"""TLS as a client: whom to trust, and a certificate of one's own where the other side asks for one."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import NoReturn

import msgspec

from response.errors import TargetRefused
from response.file_marks import marks_of


class TlsFiles(msgspec.Struct, frozen=True):
    """Files in PEM. They are read whenever a context is made, so that they may be replaced.

    Attributes:
        ca: whom to trust, in place of the system's trust store.
        certificate: of the client, with what leads to its authority.
        key: of that certificate; None = it stands in the same file.
    """

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    def context(self) -> ssl.SSLContext:
        """Return a context that verifies the other side and its name.

        Raises:
            TargetRefused: a file cannot be used; the text says which, and never what it holds.
        """
        try:
            context = ssl.create_default_context(cafile=None if self.ca is None else str(self.ca))
        except (OSError, ValueError) as error:
            raise TargetRefused(f"ca_file: {_why(self.ca, error)}") from None
        if self.certificate is not None:
            try:
                context.load_cert_chain(self.certificate, self.key, password=_refuse_to_ask)
            except (OSError, ValueError) as error:
                raise TargetRefused(f"client_cert_file: {_why(self.certificate, error)}") from None
        return context

    def mark(self) -> tuple[object, ...]:
        """Return what is another value once one of the files was replaced."""
        return marks_of(path for path in (self.ca, self.certificate, self.key) if path is not None)


def _refuse_to_ask(*_: object) -> NoReturn:
    # Otherwise OpenSSL asks the terminal.
    raise ValueError("the private key is encrypted: store it without a password, readable by its owner alone")


def _why(path: Path | None, error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        return f"{path} cannot be used: {error.reason or 'no certificate and key in PEM'}"
    if isinstance(error, OSError):
        return f"cannot read {path} or its key: {(error.strerror or 'unreadable').lower()}"
    return str(error)
