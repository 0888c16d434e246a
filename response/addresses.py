"""Which network addresses the pipeline may connect to.

A webhook's name is resolved and every address checked, and then the checked address is what is connected to:
otherwise a name that answers differently the second time (DNS rebinding) leads into the private network.
"""

from __future__ import annotations

import ipaddress
import socket
import threading

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class AddressRefused(OSError):
    """The name leads to an address that may not be connected to."""


class NotResolved(OSError):
    """The name has no address, or its server did not answer in time."""


def resolve(host: str, port: int, timeout_s: float) -> list[IPAddress]:
    """Return the addresses of a host, in the resolver's order.

    Args:
        host: a name or an address.
        port: only told to the resolver.
        timeout_s: how long to wait for it, seconds.

    Raises:
        NotResolved: there are none, or no answer came in time.
    """
    try:
        return [ipaddress.ip_address(host)]
    except ValueError:
        pass
    found: list[IPAddress] = []
    failed: list[str] = []

    def ask() -> None:
        try:
            for *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
                found.append(ipaddress.ip_address(str(address[0]).partition("%")[0]))
        except (OSError, UnicodeError) as error:
            failed.append(str(error))

    # The system's resolver takes no deadline, so it is asked in a thread that may be left behind.
    asking = threading.Thread(target=ask, name=f"resolve {host}", daemon=True)
    asking.start()
    asking.join(timeout_s)
    if asking.is_alive():
        raise NotResolved(f"no answer about the name {host} within {timeout_s:.0f} s")
    if not found:
        raise NotResolved(f"the name {host} has no address ({failed[0] if failed else 'none found'})")
    return list(dict.fromkeys(found))


def check(address: IPAddress, allow_private: bool) -> None:
    """Refuse an address that a webhook may not lead to.

    Args:
        address: where a connection would go.
        allow_private: loopback, private and link-local addresses are allowed.

    Raises:
        AddressRefused: not public (and not allowed to be private), or no address of one host at all.
    """
    inner = _inner(address)
    if inner.is_multicast or inner.is_unspecified or inner == ipaddress.IPv4Address("255.255.255.255"):
        raise AddressRefused(f"{address} is no address of one host")
    if not inner.is_global and not allow_private:
        raise AddressRefused(f"{address} is not public: set allow_private = true if that is meant")


def is_loopback(address: IPAddress) -> bool:
    """Return whether a connection to the address stays on this machine."""
    return _inner(address).is_loopback


def _inner(address: IPAddress) -> IPAddress:
    """Return the IPv4 address that an IPv6 one stands for, or the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else address)
