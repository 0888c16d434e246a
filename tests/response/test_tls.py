from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from response.http import HttpClient, HttpFailed
from tests.response.receivers import Receiver

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for the name localhost, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
        f" -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout {key} -out {certificate}"
    )
    subprocess.run(command.split(), check=True, capture_output=True)
    return certificate, key


@pytest.fixture
def encrypted(certificate: tuple[Path, Path]) -> Iterator[Receiver]:
    """A receiver that speaks TLS as localhost."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with Receiver(tls=context) as running:
        yield running


def trusting(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate))


def test_the_name_is_verified_though_the_checked_address_is_connected_to(
    encrypted: Receiver, certificate: tuple[Path, Path]
) -> None:
    with closing(HttpClient(allow_private=True, ssl_context=trusting(certificate[0]))) as client:
        assert client.post(f"https://localhost:{encrypted.port}/", {}, b"").status == 204


def test_another_name_than_the_certificates_is_refused(encrypted: Receiver, certificate: tuple[Path, Path]) -> None:
    with (
        closing(HttpClient(allow_private=True, ssl_context=trusting(certificate[0]))) as client,
        pytest.raises(HttpFailed, match="certificate verify failed"),
    ):
        client.post(f"https://127.0.0.1:{encrypted.port}/", {}, b"")


def test_a_certificate_that_nobody_vouches_for_is_refused(encrypted: Receiver) -> None:
    with (
        closing(HttpClient(allow_private=True)) as client,
        pytest.raises(HttpFailed, match="certificate verify failed"),
    ):
        client.post(f"https://localhost:{encrypted.port}/", {}, b"")
    assert encrypted.calls == []
