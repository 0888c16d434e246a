"""Certificates for the tests of TLS: an authority, a server named localhost, clients."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

OPENSSL = shutil.which("openssl")


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key, in PEM."""

    certificate: Path
    key: Path


class Authority:
    """Signs certificates.

    Args:
        folder: where everything is written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.own = Pair(folder / "ca.pem", folder / "ca.key")
        _openssl(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=authority",
            f"-keyout {self.own.key} -out {self.own.certificate}",
        )

    def signs(self, name: str) -> Pair:
        """A certificate for a name."""
        pair = Pair(self._folder / f"{name}.pem", self._folder / f"{name}.key")
        _openssl(
            f"req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN={name}",
            f"-addext subjectAltName=DNS:{name} -CA {self.own.certificate} -CAkey {self.own.key}",
            f"-keyout {pair.key} -out {pair.certificate}",
        )
        return pair

    def locks(self, pair: Pair) -> Path:
        """The key of a pair, encrypted by a password."""
        locked = pair.key.with_suffix(".locked")
        _openssl(f"pkey -in {pair.key} -aes256 -passout pass:hunter2 -out {locked}")
        return locked

    def serves(self, pair: Pair, *, asks_for_a_certificate: bool = False) -> ssl.SSLContext:
        """What a server with this certificate speaks TLS by; it may take clients of this authority only."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.certificate, pair.key)
        if asks_for_a_certificate:
            context.load_verify_locations(self.own.certificate)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


def _openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *" ".join(arguments).split()], check=True, capture_output=True)
