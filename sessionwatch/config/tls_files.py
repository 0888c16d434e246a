"""Certificates that the configuration names: read once when it is checked, so that a wrong one is told by then."""

from __future__ import annotations

from response.tls import TlsFiles


def check_tls_files(files: TlsFiles) -> None:
    """Refuse files that no connection could be made with.

    Raises:
        ValueError: one cannot be used; the message begins with the key that names it.
    """
    from response.errors import TargetRefused

    if files.key is not None and files.certificate is None:
        raise ValueError("client_key_file: a key needs its certificate, client_cert_file")
    if files == TlsFiles():
        return
    try:
        files.context()
    except TargetRefused as error:
        raise ValueError(str(error)) from None
