from __future__ import annotations

import pytest
from sessionwatch_emitter.client_address import ClientAddress


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "client"),
    [
        ("203.0.113.9", None, "203.0.113.9"),
        ("203.0.113.9", "192.0.2.1", "203.0.113.9"),
        ("127.0.0.1", "192.0.2.1", "192.0.2.1"),
        ("::1", "2001:db8::1", "2001:db8::1"),
        ("127.0.0.1", "1.1.1.1, 192.0.2.1", "192.0.2.1"),
        ("127.0.0.1", "1.1.1.1, 192.0.2.1, 127.0.0.5", "192.0.2.1"),
        ("127.0.0.1", "127.0.0.7, 127.0.0.5", "127.0.0.7"),
        ("127.0.0.1", "192.0.2.1:4711", "192.0.2.1"),
        ("127.0.0.1", "[2001:db8::1]:4711", "2001:db8::1"),
        ("127.0.0.1", "::ffff:192.0.2.1", "192.0.2.1"),
        ("::ffff:127.0.0.1", "192.0.2.1", "192.0.2.1"),
        ("127.0.0.1", "1.1.1.1, nonsense", "127.0.0.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("", "192.0.2.1", None),
        (None, None, None),
    ],
)
def test_only_a_trusted_hop_is_believed(peer: str | None, forwarded_for: str | None, client: str | None) -> None:
    assert ClientAddress().of(peer, forwarded_for) == client


def test_proxies_of_ones_own_can_be_trusted() -> None:
    address = ClientAddress(["10.0.0.0/8"])
    assert address.of("10.1.2.3", "1.1.1.1, 192.0.2.1, 10.9.9.9") == "192.0.2.1"


def test_a_unix_socket_can_be_trusted() -> None:
    assert ClientAddress(["unix"]).of("", "192.0.2.1") == "192.0.2.1"
