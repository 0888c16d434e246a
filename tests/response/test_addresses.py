from __future__ import annotations

import ipaddress

import pytest

from response.addresses import AddressRefused, NotResolved, check, is_loopback, resolve

PRIVATE = [
    "127.0.0.1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "::1", "fe80::1",
    "fd00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::",
]  # fmt: skip


@pytest.mark.parametrize("text", PRIVATE)
def test_an_address_that_is_not_public_is_refused(text: str) -> None:
    with pytest.raises(AddressRefused, match="allow_private"):
        check(ipaddress.ip_address(text), allow_private=False)


@pytest.mark.parametrize("text", PRIVATE)
def test_unless_that_is_meant(text: str) -> None:
    check(ipaddress.ip_address(text), allow_private=True)


@pytest.mark.parametrize("text", ["224.0.0.1", "ff02::1", "0.0.0.0", "::", "255.255.255.255"])
def test_what_is_no_address_of_one_host_is_refused_always(text: str) -> None:
    with pytest.raises(AddressRefused, match="no address of one host"):
        check(ipaddress.ip_address(text), allow_private=True)


@pytest.mark.parametrize("text", ["1.1.1.1", "2606:4700::1111"])
def test_a_public_address_is_allowed(text: str) -> None:
    check(ipaddress.ip_address(text), allow_private=False)


def test_loopback_is_told_from_private() -> None:
    assert is_loopback(ipaddress.ip_address("::ffff:127.0.0.1"))
    assert not is_loopback(ipaddress.ip_address("10.0.0.1"))


def test_a_name_is_resolved() -> None:
    assert any(address.is_loopback for address in resolve("localhost", 80, 5))


def test_a_name_that_does_not_exist_is_one_clear_line() -> None:
    with pytest.raises(NotResolved, match=r"no address|no answer"):
        resolve("no-such-host.invalid", 80, 5)
