"""Which address a request came from, behind the proxies that the app trusts."""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Iterable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

LOOPBACK = ("127.0.0.0/8", "::1")


class ClientAddress:
    """Reads X-Forwarded-For from right to left, for as long as the hop that wrote it is trusted.

    Everything left of the first untrusted address could have been written by the client itself.

    Args:
        trusted_proxies: networks whose word on the address before them is taken; `unix` stands for a server
            that listens on a Unix socket, where the peer has no address.
    """

    def __init__(self, trusted_proxies: Iterable[str] = LOOPBACK) -> None:
        proxies = list(trusted_proxies)
        self._unix = "unix" in proxies
        self._networks = [ipaddress.ip_network(proxy, strict=False) for proxy in proxies if proxy != "unix"]
        self._trusts = functools.lru_cache(maxsize=4096)(self._is_trusted)

    def of(self, peer: str | None, forwarded_for: str | None) -> str | None:
        """Return the client's address.

        Args:
            peer: the address at the other end of the connection (`REMOTE_ADDR`).
            forwarded_for: the X-Forwarded-For header.
        """
        client = parse_address(peer or "")
        trusted = self._trusts(client) if client is not None else self._unix and not peer
        if trusted and forwarded_for:
            for hop in reversed(forwarded_for.split(",")):
                address = parse_address(hop)
                if address is None:
                    break
                client = address
                if not self._trusts(address):
                    break
        return str(client) if client is not None else None

    def _is_trusted(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


@functools.lru_cache(maxsize=4096)
def parse_address(text: str) -> Address | None:
    """Return the address in `text`, which may carry a port or brackets; None if there is none.

    An IPv4 address in IPv6 clothes counts as IPv4, so that a client has one address on both kinds of socket.
    """
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
